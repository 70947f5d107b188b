"""Students that are trained several times at once, with one fault each, as in `mutant_students`."""

from typing import ClassVar

from mutant_students import Shade

from harness.api import hookimpl


class Choir(Shade):
    """Is trained three times at once, and keeps the trainings apart."""

    name = "choir-of-shades"

    def at_once(self):
        return 3


class Mixes(Choir):
    """Goes on from one training to the next."""

    name = "mixes"
    breaks: ClassVar = "trains many as it trains each"
    seen: ClassVar = "trained with others, the model of 'other-seed' predicts "

    def train_many(self, jobs):
        start = jobs[0].start
        for job in jobs:
            self.train(job.items, job.examples, job.objective, start, job.bench)
            start = job.bench.out


class Counts(Shade):
    """Says that it does no training at once."""

    name = "counts"
    breaks: ClassVar = "trains many as it trains each"
    seen: ClassVar = "at_once() is 0"

    def at_once(self):
        return 0


class Falls(Choir):
    """Cannot do what it says."""

    name = "falls"
    breaks: ClassVar = "trains many as it trains each"
    seen: ClassVar = "train_many() raised NotImplementedError"

    def train_many(self, jobs):
        raise NotImplementedError


@hookimpl
def harness_students():
    return [Choir, Mixes, Counts, Falls]
