"""Commands on the teachers of a matrix: what they would ask, before anything is paid."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_flag

if TYPE_CHECKING:
    from harness.components import Teacher
    from harness.matrix import Matrix
    from harness.types import Annotation, Item, Preview

LONGEST = 8_000
"""Characters of a text that are shown."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An item and where it stands."""

    item: Item
    benchmark: str
    split: str


@click.group()
def teachers() -> None:
    """Teachers of a matrix: what they would be asked, and one answer to try."""


@teachers.command()
@click.argument("matrix", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--item", "item_id", metavar="ID", help="The item; by default the first one that is trained on.")
@click.option("--teacher", "label", metavar="NAME", help="The teacher; by default all of the matrix.")
@click.option("--call", is_flag=True, help="Ask once and show the answer, which is not kept; it may cost money.")
@click.option(
    "-o", "--image", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the picture to this file."
)
@json_flag
def preview(matrix: Path, item_id: str | None, label: str | None, call: bool, file: Path | None, as_json: bool) -> None:
    """Show the prompt and the picture that teachers of MATRIX would send about an item, as a run sends them.

    Nothing is called without --call. What is shown is a stranger's text: of its control characters the codes are shown.
    """
    from harness.errors import HarnessError
    from harness.plugins import Registry
    from harness.reading import load

    loaded = load(matrix, Registry.installed())
    chosen = _item(loaded, item_id)
    asked = _teachers(loaded, label)
    if len(asked) > 1 and (call or file):
        raise HarnessError(
            f"{'--call' if call else '--image'} is for one teacher, and the matrix has {len(asked)}",
            remedy=f"Say which by --teacher: {', '.join(asked)}.",
        )
    shown = [_facts(name, teacher, chosen, call, file) for name, teacher in asked.items()]
    click.echo(json.dumps(shown, indent=1) if as_json else "\n\n".join("\n".join(_told(facts)) for facts in shown))


def _item(matrix: Matrix, item_id: str | None) -> Chosen:
    """The item of that id, or the first one; train splits before others, benchmarks that are trained on first."""
    from harness.errors import HarnessError
    from harness.loading import did_you_mean
    from harness.types import SPLITS

    known: list[str] = []
    for split in SPLITS:
        for label, benchmark in {**matrix.benchmarks, **matrix.evaluate_on}.items():
            for item in benchmark.items(split):
                if item_id in (None, item.id):
                    return Chosen(item, label, split)
                known.append(item.id)
    raise HarnessError(
        f"no item is called {item_id!r}{did_you_mean(item_id or '', known)}" if known else "there is no item",
        place=matrix.file,
        remedy="Ids are those of the benchmarks; leave out --item for the first one.",
    )


def _teachers(matrix: Matrix, label: str | None) -> Mapping[str, Teacher]:
    from harness.errors import HarnessError
    from harness.loading import did_you_mean

    known = matrix.teachers
    chosen = known if label is None else {name: teacher for name, teacher in known.items() if name == label}
    if not chosen:
        told = "there is no teacher" if label is None else f"no teacher is called {label!r}{did_you_mean(label, known)}"
        raise HarnessError(told, place=matrix.file, remedy="The section teachers: names them.")
    return chosen


def _facts(label: str, teacher: Teacher, chosen: Chosen, call: bool, file: Path | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "teacher": label,
        "uses": teacher.name,
        "item": chosen.item.id,
        "benchmark": chosen.benchmark,
        "split": chosen.split,
    }
    facts |= _seen(teacher.preview(chosen.item), file)
    if call:
        annotations = list(teacher.annotate([chosen.item]))
        facts["answer"] = _answer(annotations[0]) if annotations else None
    return facts


def _seen(preview: Preview | None, file: Path | None) -> dict[str, Any]:
    if preview is None:
        return {"prompt": None, "image": None}
    image = None
    if preview.image is not None:
        image = {"bytes": len(preview.image), "sha256": sha256(preview.image).hexdigest(), **_picture(preview.image)}
        if file is not None:
            file.write_bytes(preview.image)
            image["file"] = str(file)
    return {"prompt": preview.prompt, "image": image}


def _picture(data: bytes) -> dict[str, Any]:
    from functools import partial

    from harness.types import Image

    picture = Image(partial(bytes, data), "the picture").open()
    return {"width": picture.width, "height": picture.height}


def _answer(annotation: Annotation) -> dict[str, Any]:
    return {key: value for key, value in asdict(annotation).items() if key != "item_id"}


def _told(facts: Mapping[str, Any]) -> Iterator[str]:
    place = f"item {facts['item']} of {facts['benchmark']} ({facts['split']})"
    yield _escaped(f"teacher {facts['teacher']} ({facts['uses']}), {place}")
    if facts["prompt"] is None:
        yield "this teacher has no prompt: it asks nobody in words"
    else:
        yield f"prompt ({len(facts['prompt']):,} characters):"
        yield from _quoted(facts["prompt"])
        yield from _image_told(facts["image"])
    if "answer" in facts:
        yield from _answer_told(facts["answer"])


def _image_told(image: Mapping[str, Any] | None) -> Iterator[str]:
    if image is None:
        yield "image: none"
        return
    yield f"image: {image['width']} x {image['height']}, {image['bytes']:,} bytes, sha256 {image['sha256'][:12]}…"
    if "file" in image:
        yield f"  written to {image['file']}"


def _answer_told(answer: Mapping[str, Any] | None) -> Iterator[str]:
    if answer is None:
        yield "answer: none, which is against the contract of teachers"
        return
    words = [answer["outcome"], answer["verdict"] or "no verdict"]
    if answer["p_falsified"] is not None:
        words.append(f"p_falsified {answer['p_falsified']:.3f}")
    yield f"answer: {', '.join(words)}"
    yield from _quoted(answer["rationale"])
    usage = answer["usage"]
    yield f"usage: {', '.join(f'{name} {value:g}' for name, value in usage.items())}"
    for name, value in answer.get("audit", {}).items():
        yield f"{_escaped(str(name))}:"
        yield from _quoted(str(value))


def _quoted(text: str) -> Iterator[str]:
    """A stranger's text, each line behind a bar, so that it is not taken for ours."""
    for line in text[:LONGEST].split("\n"):
        yield f"  | {_escaped(line)}".rstrip()
    if len(text) > LONGEST:
        yield f"  … and {len(text) - LONGEST:,} characters more"


def _escaped(text: str) -> str:
    """What a terminal would obey, as its code."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode() for letter in text
    )
