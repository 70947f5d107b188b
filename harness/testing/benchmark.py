"""Rules for benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from harness.components import Benchmark
from harness.errors import UnreadableImage
from harness.testing import fresh, statements
from harness.testing.contract import broken, skip, told
from harness.types import SPLITS, VERDICTS, Item, Split, Verdict

# Splits with fewer items say too little about places and names.
ENOUGH = 40

# Difference of two shares, in standard deviations, that is no chance.
TELLING = 4.0

LOOKED_AT = 8


def check_reads_its_data_without_raising(benchmark: Benchmark) -> None:
    """items() and labels() of a split that the data set has not are empty; files that are missing or damaged are a
    harness.api.DataError with file, row and remedy, and there are none here."""
    for split in SPLITS:
        for read in (benchmark.items, benchmark.labels):
            try:
                read(split)
            except Exception as error:
                broken(f"{read.__name__}({split!r}) raised {told(error)}")


def check_gives_items_only(benchmark: Benchmark) -> None:
    """Give harness.api.Item objects in a sequence; every id is text and not empty."""
    for split in SPLITS:
        for item in _read(benchmark, split):
            if not isinstance(item, Item):
                broken(f"items({split!r}) gave {item!r:.80}")
            if not isinstance(item.id, str) or not item.id:
                broken(f"items({split!r}) gave an item with the id {item.id!r}")


def check_ids_are_unique(benchmark: Benchmark) -> None:
    """Give every item an id of its own within its split; number the rows if the files have no ids."""
    for split in SPLITS:
        ids = [item.id for item in _items(benchmark, split)]
        if len(set(ids)) < len(ids):
            broken(f"the {split} split has {len(ids)} items and {len(set(ids))} ids")


def check_splits_are_disjoint(benchmark: Benchmark) -> None:
    """Put an item, and all items of one group (same image, same story), into one split: what was trained on must not
    be tested on."""
    where: dict[str, Split] = {}
    for split in SPLITS:
        for cluster in {name for item in _items(benchmark, split) for name in (item.id, item.cluster)}:
            if where.setdefault(cluster, split) != split:
                broken(f"{cluster!r} is in the {where[cluster]} split and in the {split} split")


def check_labels_are_of_its_items(benchmark: Benchmark) -> None:
    """labels(split) maps ids of that split's items to "pristine" or "falsified"; check the polarity of the files."""
    for split in SPLITS:
        ids = {item.id for item in _items(benchmark, split)}
        for item_id, verdict in _labels(benchmark, split).items():
            if item_id not in ids:
                broken(f"the {split} split has a label of {item_id!r}, which is none of its items")
            if verdict not in VERDICTS:
                broken(f"the label of {item_id!r} is {verdict!r}")


def check_references_are_of_its_items(benchmark: Benchmark) -> None:
    """references(split) maps ids of that split's items to texts; leave out the items that have none."""
    for split in SPLITS:
        ids = {item.id for item in _items(benchmark, split)}
        for item_id, reference in _references(benchmark, split).items():
            if item_id not in ids:
                broken(f"the {split} split has a reference of {item_id!r}, which is none of its items")
            if not isinstance(reference, str) or not reference.strip():
                broken(f"the reference of {item_id!r} is {reference!r:.80}")


def check_every_test_item_has_a_label(benchmark: Benchmark) -> None:
    """A test split is what results are measured on: it is not empty, each of its items has a label, and both verdicts
    occur."""
    items, labels = _items(benchmark, "test"), _labels(benchmark, "test")
    if not items:
        broken("the test split is empty")
    if missing := [item.id for item in items if item.id not in labels]:
        broken(f"{len(missing)} of {len(items)} test items have no label")
    if len(set(labels.values())) < 2:
        broken(f"every test item is {next(iter(labels.values()))}")


def check_items_come_in_a_fixed_order(benchmark: Benchmark) -> None:
    """Sort by something that stays: not by the order of a folder or a set, and with no chance but from an option."""
    for split in SPLITS:
        _items(benchmark, split)
    here = order(benchmark)
    if order(benchmark) != here:
        broken("read again, the items come in another order")
    fresh.expect_sendable(benchmark)
    if fresh.call(order, benchmark) != here:
        broken("in another process, the items come in another order")


def check_gives_what_it_says(benchmark: Benchmark) -> None:
    """gives() names the parts that every item has: "image", "evidence" (where any item has some), "features.NAME"."""
    gives = benchmark.gives()
    items = [item for split in SPLITS for item in _items(benchmark, split)]
    if "image" in gives and (bare := [item.id for item in items if item.image is None]):
        broken(f"gives() names image, and {len(bare)} of {len(items)} items have none")
    if "evidence" in gives and not any(item.evidence.entities or item.evidence.captions for item in items):
        broken("gives() names evidence, and no item has any")
    for part in sorted(gives - {"image", "evidence"}):
        name = part.removeprefix("features.")
        if not part.startswith("features."):
            broken(f"gives() names {part!r}, which is no part of an item")
        shapes = {item.features[name].shape if name in item.features else None for item in items}
        if len(shapes) != 1 or None in shapes:
            broken(f"gives() names {part}, and not every item has it in one length")


def check_images_can_be_opened(benchmark: Benchmark) -> None:
    """Give an Image that reads the file when it is asked, not before; the first few are opened here."""
    for split in SPLITS:
        for item in islice((item for item in _items(benchmark, split) if item.image is not None), LOOKED_AT):
            assert item.image is not None
            try:
                item.image.open()
            except UnreadableImage as error:
                broken(f"an image of the {split} split: {error}")


def check_no_name_tells_the_label(benchmark: Benchmark) -> None:
    """Make ids, groups, image names and feature names from digests or row numbers: "fake_17.jpg" is the answer."""
    for split, items, falsified in _labelled(benchmark):
        for what, named in _NAMES.items():
            for word in sorted({word for item in items for word in _words(named(item))}):
                having = [falsified[item.id] for item in items if word in _words(named(item))]
                if _tells(having, list(falsified.values())):
                    broken(f"in the {split} split, {what} with {word!r} are all {_verdict(having[0])}")


def check_no_place_tells_the_label(benchmark: Benchmark) -> None:
    """Order items by something that has nothing to do with their labels, such as a digest of what they hold: files
    often list one class first, or in turns."""
    for split, items, falsified in _labelled(benchmark):
        by_place = [falsified[item.id] for item in items]
        by_id = [falsified[item_id] for item_id in sorted(falsified)]
        for named, values in (("the place of an item", by_place), ("the order of ids", by_id)):
            half = len(values) // 2
            for parts in ((values[0::2], values[1::2]), (values[:half], values[half:])):
                if _differ(*parts):
                    shares = f"{_share(parts[0])} and {_share(parts[1])}"
                    broken(f"in the {split} split, {named} tells the label: {shares} are falsified")


def order(benchmark: Benchmark) -> list[list[str]]:
    """Ids of each split in the order in which they come."""
    return [[item.id for item in benchmark.items(split)] for split in SPLITS]


def _read(benchmark: Benchmark, split: Split) -> Sequence[Item]:
    """The items; where they cannot be read, another rule says so."""
    try:
        return benchmark.items(split)
    except Exception as error:
        skip(f"items({split!r}) raised {told(error)}")


def _items(benchmark: Benchmark, split: Split) -> Sequence[Item]:
    items = _read(benchmark, split)
    if not all(isinstance(item, Item) for item in items):
        skip(f"items({split!r}) gave something else than items")
    return items


def _labels(benchmark: Benchmark, split: Split) -> Mapping[str, Verdict]:
    """The labels; where they cannot be read, another rule says so."""
    try:
        return benchmark.labels(split)
    except Exception as error:
        skip(f"labels({split!r}) raised {told(error)}")


def _references(benchmark: Benchmark, split: Split) -> Mapping[str, str]:
    try:
        return benchmark.references(split)
    except Exception as error:
        broken(f"references({split!r}) raised {told(error)}")


def _labelled(benchmark: Benchmark) -> Iterator[tuple[Split, list[Item], Mapping[str, bool]]]:
    """Splits that are large enough and have both labels: items, and which of them are falsified."""
    for split in SPLITS:
        labels = _labels(benchmark, split)
        items = [item for item in _items(benchmark, split) if item.id in labels]
        falsified = {item.id: labels[item.id] == "falsified" for item in items}
        if len(items) >= ENOUGH and len(set(falsified.values())) == 2:
            yield split, items, falsified


_NAMES: Mapping[str, Callable[[Item], str]] = {
    "ids": lambda item: item.id,
    "groups": lambda item: item.group,
    "image names": lambda item: item.image.name if item.image else "",
    "features": lambda item: " ".join(item.features),
}


def _words(name: str) -> set[str]:
    """Words of letters in a name; a digest has none that come again and again."""
    letters = "".join(letter if letter.isalpha() else " " for letter in name.lower())
    return {word for word in letters.split() if len(word) > 1}


def _tells(having: Sequence[bool], everywhere: Sequence[bool]) -> bool:
    """Whether items with a word are all of one class and too many for chance: p^n below one in a million."""
    share = sum(everywhere) / len(everywhere)
    chance = share if having[0] else 1 - share
    return len(set(having)) == 1 and chance ** len(having) < 1e-6


def _differ(one: Sequence[bool], other: Sequence[bool]) -> bool:
    share = (sum(one) + sum(other)) / (len(one) + len(other))
    deviation: float = (share * (1 - share) * (1 / len(one) + 1 / len(other))) ** 0.5
    return abs(sum(one) / len(one) - sum(other) / len(other)) > TELLING * deviation


def _share(values: Sequence[bool]) -> str:
    return f"{sum(values) / len(values):.0%}"


def _verdict(falsified: bool) -> Verdict:
    return "falsified" if falsified else "pristine"


CHECKS = (
    check_reads_its_data_without_raising,
    check_gives_items_only,
    check_ids_are_unique,
    check_splits_are_disjoint,
    check_labels_are_of_its_items,
    check_references_are_of_its_items,
    check_every_test_item_has_a_label,
    check_items_come_in_a_fixed_order,
    check_gives_what_it_says,
    check_images_can_be_opened,
    check_no_name_tells_the_label,
    check_no_place_tells_the_label,
    *statements.CHECKS,
)
