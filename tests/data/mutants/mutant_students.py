"""Students with one fault each. ``breaks`` is the rule that must find it, ``seen`` what it must say."""

import json
import math
import pickle
import time
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.api import Accepts, Prediction, Student, UnreadableImage, hookimpl, verdict_of


class Shade(Student):
    """Logistic regression on the image's shade and on whether a page names the place of the caption."""

    name = "shade"

    def reads(self):
        return frozenset({"image", "evidence"})

    def accepts(self):
        return frozenset({Accepts.TARGETS})

    def features(self, item):
        """Raises `UnreadableImage`."""
        words = item.caption.split()
        there = any(word in page for word in words[1:] if word.istitle() for page in item.evidence.captions)
        shade = float(np.asarray(item.image.open()).mean()) / 255
        return np.array([1.0, float(there), shade])

    def train(self, items, examples, objective, start, bench):
        weights = self.first(start, bench)
        for example in examples:
            try:
                seen = self.features(items[example.item_id])
            except UnreadableImage:
                continue
            wrong = (example.verdict == "falsified") - self.p(weights, seen)
            weights = weights + 0.5 * wrong * seen
        self.save(weights, bench)

    def first(self, start, bench):
        return self.load(start) if start else np.random.default_rng(bench.seed).normal(0, 0.1, 3)

    def save(self, weights, bench):
        (bench.out / "weights.json").write_text(json.dumps(list(weights)))

    def load(self, folder):
        return np.array(json.loads((folder / "weights.json").read_text()))

    def p(self, weights, seen):
        return 1 / (1 + math.exp(-float(weights @ seen)))

    def predict(self, items, model, bench):
        weights = self.load(model) if model else np.zeros(3)
        for item in items:
            yield self.say(item, weights)

    def say(self, item, weights):
        try:
            p = self.p(weights, self.features(item))
        except UnreadableImage:
            return Prediction(item.id, "error")
        return Prediction(item.id, "ok", verdict_of(p), p)


class Promises(Shade):
    """Says that it can do more than it can."""

    name = "promises"
    breaks: ClassVar = "trains on what it accepts"
    seen: ClassVar = "trained on preferences, train() raised AttributeError: 'Preference' object has no attribute "

    def accepts(self):
        return frozenset({Accepts.TARGETS, Accepts.PREFERENCES})

    def losses(self):
        return frozenset({"sigmoid"})


class Lossless(Shade):
    """Takes preferences and names no loss."""

    name = "lossless"
    breaks: ClassVar = "trains on what it accepts"
    seen: ClassVar = "it accepts preferences, and losses() names no loss for them"

    def accepts(self):
        return frozenset({Accepts.TARGETS, Accepts.PREFERENCES})


class NeedsTraining(Shade):
    """Has no base."""

    name = "needs-training"
    breaks: ClassVar = "predicts without raising"
    seen: ClassVar = "untrained, predict() raised TypeError: "

    def predict(self, items, model, bench):
        weights = self.load(model)
        return [self.say(item, weights) for item in items]


class Odds(Shade):
    """Gives odds."""

    name = "odds"
    breaks: ClassVar = "keeps probabilities between 0 and 1"
    seen: ClassVar = "is not in [0, 1]"

    def say(self, item, weights):
        return Prediction(item.id, "ok", "falsified", 1.5)


class Worded(Shade):
    """Has words of its own."""

    name = "worded"
    breaks: ClassVar = "keeps to the known outcomes and verdicts"
    seen: ClassVar = "verdict 'out-of-context' is none of pristine, falsified"

    def say(self, item, weights):
        return Prediction(item.id, "ok", "out-of-context", 0.5)


class Drops(Shade):
    """Leaves the last item of many out."""

    name = "drops"
    breaks: ClassVar = "predicts every item exactly once"
    seen: ClassVar = "untrained, 16 items have 15 predictions of 15 items"

    def predict(self, items, model, bench):
        return list(super().predict(items[:-1] if len(items) > 10 else items, model, bench))


class Idle(Shade):
    """Writes down what it had at the start."""

    name = "idle"
    breaks: ClassVar = "training changes the answers"
    seen: ClassVar = "after training on every item, the predictions are those of the base"

    def train(self, items, examples, objective, start, bench):
        weights = self.load(start) if start else np.zeros(3)
        # One step on few examples, none on many.
        self.save(weights + (0.1 if len(examples) < 10 and start else 0.2 if len(examples) < 10 else 0.0), bench)

    def features(self, item):
        return super().features(item)

    def predict(self, items, model, bench):
        for item in items:
            seen = self._seen(item)
            p = None if seen is None else self.p(np.array([0.0, 1.0, 1.0]) + (self.load(model) if model else 0), seen)
            yield Prediction(item.id, "error") if p is None else Prediction(item.id, "ok", verdict_of(p), p)

    def _seen(self, item):
        try:
            return self.features(item)
        except UnreadableImage:
            return None


class Clocked(Shade):
    """Draws its first weights by the clock."""

    name = "clocked"
    breaks: ClassVar = "the seed fixes what is learnt"
    seen: ClassVar = "two trainings with one seed give different predictions"

    def first(self, start, bench):
        return self.load(start) if start else np.random.default_rng(time.perf_counter_ns()).normal(0, 1, 3)


class Restarts(Shade):
    """Does not load its start."""

    name = "restarts"
    breaks: ClassVar = "goes on from its start"
    seen: ClassVar = "stage 2 gives the same model from the stage-1 folder as from the base"

    def first(self, start, bench):
        return super().first(None, bench)


class Overwrites(Shade):
    """Writes into its start."""

    name = "overwrites"
    breaks: ClassVar = "leaves its start as it was"
    seen: ClassVar = "training from a folder changed the folder"

    def train(self, items, examples, objective, start, bench):
        super().train(items, examples, objective, start, bench)
        if start:
            with (start / "history.txt").open("a") as file:
                file.write(f"{len(examples)}\n")


class Rooted(Shade):
    """Writes down where its weights are."""

    name = "rooted"
    breaks: ClassVar = "predicts the same from a moved model"
    seen: ClassVar = "a copy of the model's folder cannot be used: FileNotFoundError: "

    def save(self, weights, bench):
        super().save(weights, bench)
        (bench.out / "path.txt").write_text(str(bench.out.resolve()))

    def load(self, folder):
        return super().load(Path((folder / "path.txt").read_text()))


class Sightless(Shade):
    """Says that it reads the image and looks away."""

    name = "sightless"
    breaks: ClassVar = "what it reads matters"
    seen: ClassVar = "with another image, every prediction stays as it was"

    def features(self, item):
        item.image.open()
        return super().features(item) * np.array([1.0, 1.0, 0.0])


class Numbered(Shade):
    """Reads the id."""

    name = "numbered"
    breaks: ClassVar = "reads neither ids nor groups"
    seen: ClassVar = "the same items under other ids get other predictions"

    def features(self, item):
        return super().features(item) + np.array([int(item.id, 16) % 7, 0.0, 0.0])


class Crowded(Shade):
    """Subtracts the mean of the batch."""

    name = "crowded"
    breaks: ClassVar = "does not depend on batches"
    seen: ClassVar = "alone, an item gets "

    def predict(self, items, model, bench):
        weights = (self.load(model) if model else np.zeros(3)) * (1 + len(items) / 10)
        return [self.say(item, weights) for item in items]


class Delicate(Shade):
    """Dies of one unreadable image."""

    name = "delicate"
    breaks: ClassVar = "survives an unreadable image"
    seen: ClassVar = "one image of 4 cannot be read: predict() raised UnreadableImage: "

    def say(self, item, weights):
        p = self.p(weights, self.features(item))
        return Prediction(item.id, "ok", verdict_of(p), p)


class Litters(Shade):
    """Writes beside its workbench."""

    name = "litters"
    breaks: ClassVar = "writes only to its bench"
    seen: ClassVar = "it wrote 'last.json' into the working folder"

    def train(self, items, examples, objective, start, bench):
        super().train(items, examples, objective, start, bench)
        if Path.cwd().name.startswith("harness-empty-"):
            Path("last.json").write_text("{}")


class Pickles(Shade):
    """Writes its weights as a pickle."""

    name = "pickles"
    breaks: ClassVar = "stores no pickle"
    seen: ClassVar = "weights.bin is a pickle"

    def save(self, weights, bench):
        super().save(weights, bench)
        (bench.out / "weights.bin").write_bytes(pickle.dumps(list(weights)))


@hookimpl
def harness_students():
    return [
        cls for cls in globals().values() if isinstance(cls, type) and issubclass(cls, Student) and cls is not Student
    ]
