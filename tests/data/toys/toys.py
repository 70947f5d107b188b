"""Small components with real behaviour, so that the core is tested without torch."""

import json
import os
import time
from dataclasses import replace

import numpy as np

from harness.api import (
    Accepts,
    Annotation,
    Benchmark,
    ConflictRule,
    Evidence,
    Item,
    Need,
    Objective,
    Prediction,
    Preference,
    Ranked,
    Recipe,
    Strategy,
    Student,
    Target,
    Teacher,
    Usage,
    hookimpl,
    opposite,
    seed_from,
    verdict_of,
)

WORDS = ("alpha", "beta", "gamma", "delta", "kappa", "omega")


class Words(Benchmark):
    """Captions of three words; falsified where ``omega`` is among them, with some exceptions."""

    name = "words"
    revision = 1
    train: int = 40
    test: int = 30
    single_class: bool = False
    repeat_id: bool = False
    unlabelled: bool = False
    delay: float = 0.0

    def items(self, split):
        time.sleep(self.delay)
        size = {"train": self.train, "test": self.test}.get(split, 0)
        return [self._item(split, 0 if self.repeat_id else index) for index in range(size)]

    def _item(self, split, index):
        rng = np.random.default_rng(seed_from(split, index))
        words = rng.choice(WORDS, 3, replace=False)
        return Item(f"{split}-{index}", " ".join(words), evidence=Evidence((words[0],)), group=f"{split}-{index // 2}")

    def labels(self, split):
        if self.unlabelled and split == "train":
            return {}
        return {item.id: "pristine" if self.single_class else self._label(item) for item in self.items(split)}

    def _label(self, item):
        odd = seed_from("odd", item.id) % 10 == 0
        return "falsified" if ("omega" in item.caption) != odd else "pristine"

    def gives(self):
        return frozenset({"evidence"})


class Tattling(Words):
    """Words whose skipped entries cannot be told."""

    name = "tattling"
    revision = 1

    def skipped(self):
        raise RuntimeError("the entries are nobody's business")


class Singles(Words):
    """Words whose items stand alone."""

    name = "singles"
    revision = 1

    def _item(self, split, index):
        return replace(super()._item(split, index), group="")


class Numbered(Words):
    """Words of which no two captions are alike."""

    name = "numbered"
    revision = 1

    def _item(self, split, index):
        item = super()._item(split, index)
        return replace(item, caption=f"{item.caption} {split} {index}")


class Listens(Teacher):
    """Says falsified where one of its words is in the caption."""

    name = "listens"
    revision = 1
    words: tuple[str, ...] = ("omega",)
    refuses: str = ""
    breaks: str = ""
    line: str = ""
    transport = frozenset({"line"})

    def annotate(self, items):
        for item in items:
            if self.breaks and self.breaks in item.caption and not os.path.exists(self.line):
                raise RuntimeError("the line is dead")
            if self.refuses and self.refuses in item.caption:
                yield Annotation(item.id, "refused")
                continue
            p = 0.9 if any(word in item.caption for word in self.words) else 0.2
            yield Annotation(item.id, "ok", verdict_of(p), p, f"heard {item.caption}")

    def reads(self):
        return frozenset({"evidence"})


class Curt(Listens):
    """Gives a verdict and no probability."""

    name = "curt"
    revision = 1

    def annotate(self, items):
        for said in super().annotate(items):
            yield replace(said, p_falsified=None)


class Paid(Listens):
    """Costs something. What it says, and whether it says it, hangs on files that a test makes.

    ``ahead`` answers are on their way while it is read; ``seen`` has a line for each call.
    """

    name = "paid"
    revision = 1
    transport = frozenset({"line", "price", "seen", "ahead", "moody", "passing", "gate"})
    price: float | None = 0.01
    seen: str = ""
    ahead: int = 1
    eager: bool = False
    moody: str = ""
    """Where this file is, every verdict is the other one."""
    fickle: bool = False
    """A verdict hangs on how often it was asked for."""
    passing: str = ""
    """Until this file is there, captions with alpha end in an error that may pass."""
    gate: str = ""
    """From the third item on it waits for this file."""

    def priced(self):
        return self.price is not None

    def annotate(self, items):
        waiting = []
        for number, item in enumerate(list(items) if self.eager else items):
            waiting.append(item)
            self._note(item)
            while self.gate and number >= 2 and not os.path.exists(self.gate):
                time.sleep(0.01)
            if len(waiting) >= self.ahead:
                yield self._answer(waiting.pop(0))
        yield from map(self._answer, waiting)

    def _note(self, item):
        if self.seen:
            with open(self.seen, "a") as file:
                file.write(f"{item.id}\n")

    def _often(self, item):
        with open(self.seen) as file:
            return seed_from(item.id, file.read().split().count(item.id))

    def _answer(self, item):
        words = len(item.caption)
        usage = Usage(1, 1000 + words, 50, self.price or 0.0)
        if self.passing and "alpha" in item.caption and not os.path.exists(self.passing):
            return Annotation(item.id, "error", rationale="HTTP 503", usage=replace(usage, output_tokens=0), again=True)
        (said,) = super().annotate([item])
        verdict = said.verdict
        if (self.moody and os.path.exists(self.moody)) or (self.fickle and self._often(item) % 2):
            verdict = opposite(verdict) if verdict else None
        return replace(said, verdict=verdict, p_falsified=None, usage=usage, audit={"model": "toy-1", "seconds": 0.5})


class Counter(Student):
    """Counts, word by word, how often an answer was falsified."""

    name = "counter"
    revision = 1

    def reads(self):
        return frozenset()

    def accepts(self):
        return frozenset({Accepts.TARGETS, Accepts.PREFERENCES})

    def losses(self):
        return frozenset({"sigmoid", "sft"})

    def train(self, items, examples, objective, start, bench):
        counts = json.loads((start / "model.json").read_text()) if start else {word: [1, 1] for word in WORDS}
        for example in examples:
            answer = example.chosen if isinstance(example, Preference) else example
            for word in items[example.item_id].caption.split():
                counts[word][answer.verdict == "falsified"] += 2 if isinstance(example, Preference) else 1
        (bench.out / "model.json").write_text(json.dumps(counts, sort_keys=True))
        bench.log(examples=len(examples))
        bench.prove(seed=bench.seed)
        bench.measure(seconds=0.25 * (1 + bench.seed))

    def predict(self, items, model, bench):
        counts = json.loads((model / "model.json").read_text()) if model else {word: [1, 1] for word in WORDS}
        for item in items:
            odds = 1.0
            for word in item.caption.split():
                odds *= counts[word][1] / counts[word][0]
            p = odds / (1 + odds)
            yield Prediction(item.id, "ok", verdict_of(p), p, "because of its words")


class Patient(Counter):
    """A counter that takes its time, writes down what it is asked, and fails where a word is in the caption."""

    name = "patient"
    revision = 1
    transport = frozenset({"delay", "asked", "fails"})
    delay: float = 0.0
    asked: str = ""
    fails: str = ""

    def predict(self, items, model, bench):
        for item in items:
            time.sleep(self.delay)
            if self.asked:
                with open(self.asked, "a") as file:
                    file.write(f"{item.id}\n")
            if self.fails and self.fails in item.caption:
                yield Prediction(item.id, "error", text="It is out of order.")
            else:
                yield from super().predict([item], model, bench)


class TargetsOnly(Counter):
    name = "targets-only"
    revision = 1

    def accepts(self):
        return frozenset({Accepts.TARGETS})


class Choir(Counter):
    """Is trained several times at once, if nothing comes between."""

    name = "choir"
    revision = 1
    transport = frozenset({"together", "trouble"})
    together: int = 3
    trouble: str = ""

    def at_once(self):
        return self.together

    def train_many(self, jobs):
        if self.trouble == "dies":
            os._exit(9)
        super().train_many(jobs)
        if self.trouble == "raises":
            raise RuntimeError("out of tune")
        for job in jobs:
            job.bench.prove(sang=len(jobs))


class Peeks(Recipe):
    """Asks for the label of every item, bought or not."""

    revision = 1

    def needs(self):
        return frozenset({Need.LABELS})

    def examples(self, pool):
        return [Target(item, pool.labels[item]) for item in pool.items]


class Undeclared(Recipe):
    revision = 1

    def needs(self):
        return frozenset({Need.LABELS})

    def examples(self, pool):
        return [Target(item, pool.panel.verdicts(item)[0]) for item in pool.labels]


class FromPredictions(Recipe):
    """Learns what the stage-1 student said."""

    revision = 1
    objective: Objective = Objective()

    def needs(self):
        return frozenset({Need.STAGE1_PREDICTIONS})

    def examples(self, pool):
        return [Target(item, said.verdict) for item, said in pool.panel.predictions.items()]


class Repeat(Recipe):
    """Learns what the first teacher said."""

    revision = 1

    def needs(self):
        return frozenset({Need.ANNOTATIONS})

    def examples(self, pool):
        return [Target(item, pool.panel.of(item)[0].verdict) for item in pool.items]


class ByName(ConflictRule):
    name = "by-name"
    revision = 1

    def rank(self, panel, seed):
        return [Ranked(item, 0.0, True) for item in sorted(panel.items)]


class Bought(Recipe):
    revision = 1

    def needs(self):
        return frozenset({Need.LABELS})

    def examples(self, pool):
        return [Target(item, label) for item, label in pool.labels.items()]


class _OneStage(Strategy):
    def stage1(self):
        return (self.recipe(),)

    def stage2(self):
        return ()


class Peeking(_OneStage):
    name = "peeking"
    revision = 1

    def recipe(self):
        return Peeks()


class Sneaking(_OneStage):
    name = "sneaking"
    revision = 1

    def recipe(self):
        return Undeclared()


class Dies(Repeat):
    """Takes its process with it."""

    revision = 1

    def examples(self, pool):
        os._exit(9)


class Dying(_OneStage):
    name = "dying"
    revision = 1

    def recipe(self):
        return Dies()


class Circular(_OneStage):
    name = "circular"
    revision = 1

    def recipe(self):
        return FromPredictions()


class Parrot(Strategy):
    name = "parrot"
    revision = 1

    def stage1(self):
        return (Repeat(),)

    def stage2(self):
        return (Bought(),)


class SelfTraining(Strategy):
    name = "own-words"
    revision = 1

    def stage1(self):
        from harness_strategies.targets import LearnAllTeachers

        return (LearnAllTeachers(),)

    def stage2(self):
        return (FromPredictions(),)


@hookimpl
def harness_benchmarks():
    return [Words, Tattling, Singles, Numbered]


@hookimpl
def harness_teachers():
    return [Listens, Curt, Paid]


@hookimpl
def harness_students():
    return [Counter, TargetsOnly, Choir, Patient]


@hookimpl
def harness_strategies():
    return [Peeking, Sneaking, Circular, SelfTraining, Parrot, Dying]


@hookimpl
def harness_rules():
    return [ByName]
