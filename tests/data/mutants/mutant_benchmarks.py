"""Benchmarks with one fault each. ``breaks`` is the rule that must find it, ``seen`` what it must say."""

import itertools
import os
from dataclasses import replace
from typing import ClassVar

import numpy as np

from harness.api import Benchmark, DataError, Image, Skipped, hookimpl, sha256_of
from harness.testing import material

SIZES = {"train": 80, "validation": 0, "test": 60}
TURN = itertools.count()


class Plain(Benchmark):
    """Synthetic news."""

    name = "plain"

    def items(self, split):
        return material.items(SIZES[split], self.gives(), seed=len(split))

    def labels(self, split):
        return material.truth(material.items(SIZES[split], seed=len(split)))

    def gives(self):
        return frozenset({"image", "evidence"})


class Strict(Plain):
    """Raises on a split that it has not."""

    name = "strict"
    breaks: ClassVar = "reads its data without raising"
    seen: ClassVar = "labels('validation') raised DataError: there is no validation split"

    def labels(self, split):
        if split == "validation":
            raise DataError("there is no validation split")
        return super().labels(split)


class Rows(Plain):
    """Gives an item without an id."""

    name = "rows"
    breaks: ClassVar = "gives items only"
    seen: ClassVar = "gave an item with the id ''"

    def items(self, split):
        found = super().items(split)
        return [*found, replace(found[0], id="", group="")] if split == "train" else found


class Twice(Plain):
    """Lists an item twice."""

    name = "twice"
    breaks: ClassVar = "ids are unique"
    seen: ClassVar = "the train split has 81 items and 80 ids"

    def items(self, split):
        found = super().items(split)
        return [*found, found[0]] if split == "train" else found


class Leaking(Plain):
    """Tests on a story that it trained on."""

    name = "leaking"
    breaks: ClassVar = "splits are disjoint"
    seen: ClassVar = "'one story' is in the train split and in the test split"

    def items(self, split):
        found = super().items(split)
        return [replace(found[0], group="one story"), *found[1:]] if found else found


class Strangers(Plain):
    """Has a label of an item that it has not."""

    name = "strangers"
    breaks: ClassVar = "labels are of its items"
    seen: ClassVar = "the train split has a label of 'nobody', which is none of its items"

    def labels(self, split):
        return super().labels(split) | ({"nobody": "pristine"} if split == "train" else {})


class Words(Plain):
    """Has words of its own for verdicts."""

    name = "worded"
    breaks: ClassVar = "labels are of its items"
    seen: ClassVar = " is 'fake'"

    def labels(self, split):
        found = super().labels(split)
        return found | {next(iter(found)): "fake"} if split == "train" else found


class Hearsay(Plain):
    """Explains an item that it has not."""

    name = "hearsay"
    breaks: ClassVar = "references are of its items"
    seen: ClassVar = "the test split has a reference of 'nobody', which is none of its items"

    def references(self, split):
        return {"nobody": "The place differs."} if split == "test" else {}


class Silent(Plain):
    """Explains an item with nothing."""

    name = "silent"
    breaks: ClassVar = "references are of its items"
    seen: ClassVar = " is ''"

    def references(self, split):
        return {item.id: "" for item in self.items(split)[:1]} if split == "test" else {}


class Holes(Plain):
    """Has test items that nobody labelled."""

    name = "holes"
    breaks: ClassVar = "every test item has a label"
    seen: ClassVar = "1 of 60 test items have no label"

    def labels(self, split):
        found = super().labels(split)
        return dict(list(found.items())[1:]) if split == "test" else found


class OneSided(Plain):
    """Lost one class on the way."""

    name = "one-sided"
    breaks: ClassVar = "every test item has a label"
    seen: ClassVar = "every test item is pristine"

    def labels(self, split):
        return dict.fromkeys(super().labels(split), "pristine")


class Folder(Plain):
    """Lists items as a set gives them."""

    name = "folder"
    breaks: ClassVar = "items come in a fixed order"
    seen: ClassVar = "in another process, the items come in another order"

    def items(self, split):
        found = {item.id: item for item in super().items(split)}
        return [found[item_id] for item_id in set(found)]


class Shuffles(Plain):
    """Shuffles anew each time."""

    name = "shuffles"
    breaks: ClassVar = "items come in a fixed order"
    seen: ClassVar = "read again, the items come in another order"

    def items(self, split):
        found, turn = super().items(split), next(TURN)
        return found[turn % 7 :] + found[: turn % 7]


class Promising(Plain):
    """Says that its items have features."""

    name = "promising"
    breaks: ClassVar = "gives what it says"
    seen: ClassVar = "gives() names features.clip, and not every item has it in one length"

    def items(self, split):
        found = super().items(split)
        return [replace(item, features={"clip": np.zeros(3 + (item is found[0]))}) for item in found]

    def gives(self):
        return super().gives() | {"features.clip"}


class Truncated(Plain):
    """Has an image that was cut off."""

    name = "truncated"
    breaks: ClassVar = "images can be opened"
    seen: ClassVar = "an image of the train split: half a picture: is not an image that can be decoded: "

    def items(self, split):
        found = super().items(split)
        half = found[0].image.read()[:60] if found else b""
        return [replace(item, image=Image(lambda: half, "half a picture")) for item in found[:1]] + found[1:]


class Telling(Plain):
    """Has file names that tell the label."""

    name = "telling"
    breaks: ClassVar = "no name tells the label"
    seen: ClassVar = "in the train split, image names with 'fake' are all falsified"

    def items(self, split):
        labels = self.labels(split)
        return [self._named(item, labels[item.id]) for item in super().items(split)]

    def _named(self, item, label):
        word = {"pristine": "real", "falsified": "fake"}[label]
        return replace(item, image=Image(item.image._read, f"{word}_{sha256_of(item.id.encode())[:4]}.png"))


class Sorted(Plain):
    """Lists one class first."""

    name = "sorted"
    breaks: ClassVar = "no place tells the label"
    seen: ClassVar = "in the train split, the place of an item tells the label: "

    def items(self, split):
        labels = self.labels(split)
        return sorted(super().items(split), key=lambda item: labels[item.id])


class Restless(Plain):
    """Digests the time at which the process began."""

    name = "dated"
    breaks: ClassVar = "has one identity in every process"
    seen: ClassVar = "another process gives it another identity"

    def digest(self):
        return str(os.getpid())


class Secretive(Plain):
    """Cannot say what it skipped once a file is gone."""

    name = "secretive"
    breaks: ClassVar = "tells of its files and entries"
    seen: ClassVar = "skipped() raised DataError: there is no list of what was skipped"

    def skipped(self):
        raise DataError("there is no list of what was skipped")


class Reasonless(Plain):
    """Skips an entry without a reason."""

    name = "reasonless"
    breaks: ClassVar = "tells of its files and entries"
    seen: ClassVar = "skipped() gave Skipped(what='row 3', reason='', split='train')"

    def skipped(self):
        return [Skipped("row 3", "", "train")]


class Undecided(Plain):
    """Says of an item that it was skipped."""

    name = "undecided"
    breaks: ClassVar = "what it skips is no item"
    seen: ClassVar = "is an item of the train split and skipped as well"

    def skipped(self):
        return [Skipped(self.items("train")[0].id, "its image is small", "train")]


@hookimpl
def harness_benchmarks():
    return [
        cls
        for cls in globals().values()
        if isinstance(cls, type) and issubclass(cls, Benchmark) and cls is not Benchmark
    ]
