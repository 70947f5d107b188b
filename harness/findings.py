"""What may be found in a data set, what each kind of it means, and how it is mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The gravest first."""

MOST_EXAMPLES = 5

FINDING_COLUMNS = (
    *("benchmark", "trained_on", "teacher", "kind", "severity", "splits", "count", "found", "means", "remedy"),
)
"""What was found in the data. ``severity`` is error, warning or note; ``count`` is items or entries; ``trained_on`` is
the benchmark whose training items the test items were compared with, where it is another one, and ``teacher`` the one
whose prompts were looked at. ``means`` and ``remedy`` are the same for all findings of a kind."""

EXAMPLE_COLUMNS = (
    *("finding", "benchmark", "kind", "split", "item", "other_benchmark", "other_split", "other_item", "note"),
)
"""Some items that show a finding, which is a row of the findings counted from 0; ``other_item`` is what it is like."""

SKIPPED_COLUMNS = ("benchmark", "split", "entry", "reason")
"""Every entry of the data that became no item."""


@dataclass(frozen=True, slots=True)
class Example:
    """An item that shows the finding, and the one that it is like, if it is about two."""

    split: str
    item: str
    other_split: str = ""
    other: str = ""
    note: str = ""
    """What is to be seen of this one; a stranger's words may be in it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a data set that its users must know."""

    kind: str
    """One of `KINDS`."""
    split: str
    """Where: a split, or two joined by a comma; empty where it is about all of them."""
    count: int
    """Items, or entries, that it is about."""
    found: str
    """What was seen, in a sentence; a stranger's words may be in it."""
    examples: tuple[Example, ...] = ()
    other_benchmark: str = ""
    """Label of the benchmark that it is compared with, where there is one."""

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind].severity


@dataclass(frozen=True, slots=True)
class Kind:
    """How grave it is, what it means and what is to be done."""

    severity: Severity
    means: str
    remedy: str


def gravity(finding: Finding) -> tuple[int, int]:
    """By what findings are sorted, the gravest first: severity, then the order of `KINDS`."""
    return SEVERITIES.index(finding.severity), list(KINDS).index(finding.kind)


KINDS: Mapping[str, Kind] = {
    "unfit data": Kind("error", "No matrix with these data is run.", "Mend what is named."),
    "missing file": Kind(
        "error",
        "Nothing can be read without it.",
        "Get it from where it is said to be, or give its place as an option.",
    ),
    "missing part": Kind(
        "warning", "There are fewer items, or less evidence, than the authors published.", "Get the rest, or report it."
    ),
    "verdict in sight": Kind(
        "error",
        "A word of a verdict, or one that only the prompt adds, stands where an item is of one class and hardly ever "
        "elsewhere: it is the label.",
        "Find out how the word gets there and take it out.",
    ),
    "reference in sight": Kind(
        "error",
        "A published explanation of the answer stands in what a model reads: it need not judge, it can copy.",
        "Take the text out of caption, evidence and prompt.",
    ),
    "same item across splits": Kind(
        "error",
        "The same image with the same caption is trained on and tested on: memory passes for judgement.",
        "Take the item out of one of the splits.",
    ),
    "unreadable image": Kind(
        "error",
        "No model sees these images: teachers answer with an error, and students are wrong on them.",
        "Get the files again, or leave the items out of the data set.",
    ),
    "conflicting labels": Kind(
        "error", "One of the two labels is wrong, whatever a model answers.", "Look at the pairs and mend the labels."
    ),
    "depends on the label": Kind(
        "warning",
        "The data are read in a way that needs the answer; nobody has it when it counts.",
        "Compare with such results only, or change the option.",
    ),
    "same image across splits": Kind(
        "warning",
        "An image that is trained on is tested on, with another caption: what was learnt of it may count.",
        "Put items of one image into one split, or report how results change without them.",
    ),
    "similar image across splits": Kind(
        "warning",
        "An image is tested on whose copy (encoded anew, resized, cropped or in other light) is trained on.",
        "Look at the pairs; put copies into one split, or report how results change without them.",
    ),
    "same caption across splits": Kind(
        "warning",
        "A caption that is trained on is tested on, with another image: its label can be remembered.",
        "Put items of one caption into one split, or report how results change without them.",
    ),
    "evidence by class": Kind(
        "warning",
        "Whether an item has this evidence depends on its label: a model that looks at nothing else is above chance.",
        "Find out why; compare with a model that sees only whether there is evidence.",
    ),
    "telling trait": Kind(
        "warning",
        "A trait that has nothing to do with the question tells the label better than chance.",
        "Find out why; compare with a model that sees nothing but this trait.",
    ),
    "telling word": Kind(
        "warning",
        "An ordinary word stands in captions or evidence of one class and hardly ever in the other: the classes come "
        "from different sources, or the word was added.",
        "Look at the items; compare with a model that sees nothing but words.",
    ),
    "telling name": Kind(
        "warning",
        "Ids, groups, names of images or places in the file tell the label. No model is shown them; a loader that "
        "mistakes places for ids, or a prompt that names the file, would be.",
        "Name items by digests and order them by something that has nothing to do with their labels.",
    ),
    "name in sight": Kind(
        "warning",
        "A teacher's prompt holds the item's id or its image's name, which may tell its label.",
        "Take it out of the prompt.",
    ),
    "lopsided classes": Kind(
        "warning",
        "One verdict for everything is right this often: accuracy says little.",
        "Look at the recall of each class and at macro F1.",
    ),
    "repeated item": Kind(
        "warning",
        "The same image with the same caption stands in the split more than once: it counts more than once.",
        "Keep one of them.",
    ),
    "empty caption": Kind("warning", "There is nothing to be judged.", "Leave the items out of the data set."),
    "similar caption across splits": Kind(
        "note",
        "A caption is tested on that is trained on but for one word.",
        "Where captions are made from templates this is so by design; otherwise put them into one split.",
    ),
    "long caption": Kind("note", "Models may cut it.", "Look whether the whole of it is a caption."),
    "mislabelled image": Kind(
        "note",
        "The file is in another format than its name's suffix says; it is read by its content.",
        "Other programs may go by the name: rename it for them.",
    ),
    "huge image": Kind(
        "note",
        "It takes long to decode and much memory.",
        "A smaller copy gives the same: models see a few hundred pixels.",
    ),
    "animated image": Kind(
        "note", "The first frame is read, and nothing else of it.", "Look whether that shows the news."
    ),
    "skipped entries": Kind(
        "note", "Entries of the data that became no item.", "skipped.csv lists all of them beside the report."
    ),
    "not inspected": Kind(
        "warning", "Nothing is known of what this would have found.", "Mend the reason; the next run looks again."
    ),
    "not inspected yet": Kind("note", "Nothing is known of what this will find.", "`harness run` looks at the data."),
    "images left out": Kind(
        "note", "The rest was not looked at.", "`harness benchmarks check --full` looks at every image, as a run does."
    ),
}
