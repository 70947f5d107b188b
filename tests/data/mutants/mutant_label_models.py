"""Label models with one fault each. ``breaks`` is the rule that must find it, ``seen`` what it must say."""

import random
from typing import ClassVar

from harness.api import Confusion, Estimate, LabelModel, hookimpl


class Share(LabelModel):
    """The share of the teachers with an answer that say falsified."""

    name = "share"

    def fit(self, panel, gold):
        known = {item: self.share(panel, item) for item in self.judged(panel, gold)}
        return Estimate({**known, **self.kept(gold)}, self.confusion(panel))

    def judged(self, panel, gold):
        return [item for item in panel.items if panel.answers(item)]

    def share(self, panel, item):
        return self.over(panel.verdicts(item))

    def over(self, verdicts):
        return verdicts.count("falsified") / len(verdicts)

    def kept(self, gold):
        return {item: float(verdict == "falsified") for item, verdict in gold.items()}

    def confusion(self, panel):
        return {}


class Threefold(Share):
    """Needs three teachers and says one."""

    name = "threefold"
    breaks: ClassVar = "fits without raising"
    seen: ClassVar = "without a true verdict and with 1 teachers, fit() raised IndexError: "

    def fit(self, panel, gold):
        _ = panel.teachers[2]
        return super().fit(panel, gold)


class Goldless(Share):
    """Expects that nothing is known."""

    name = "goldless"
    breaks: ClassVar = "fits without raising"
    seen: ClassVar = "with some true verdicts and with 1 teachers, fit() raised ValueError: "

    def fit(self, panel, gold):
        if gold:
            raise ValueError("what is that?")
        return super().fit(panel, gold)


class Tabular(Share):
    """Gives probabilities without an Estimate."""

    name = "tabular"
    breaks: ClassVar = "estimates items of the panel"
    seen: ClassVar = "fit() gave {"

    def fit(self, panel, gold):
        return dict(super().fit(panel, gold).p_falsified)


class Inventive(Share):
    """Has an item of its own."""

    name = "inventive"
    breaks: ClassVar = "estimates items of the panel"
    seen: ClassVar = "1 items are none of the panel's, first 'prior'"

    def kept(self, gold):
        return {**super().kept(gold), "prior": 0.5}


class Gossip(Share):
    """Knows a teacher whom nobody asked."""

    name = "gossip"
    breaks: ClassVar = "estimates items of the panel"
    seen: ClassVar = "'fourth' is no teacher of the panel"

    def confusion(self, panel):
        return {"fourth": Confusion(0.9, 0.9)}


class Counting(Share):
    """Counts instead of dividing."""

    name = "counting"
    breaks: ClassVar = "keeps probabilities between 0 and 1"
    seen: ClassVar = "is not in [0, 1]"

    def over(self, verdicts):
        return float(verdicts.count("falsified"))


class Surpassing(Share):
    """Has teachers that are right more often than always."""

    name = "surpassing"
    breaks: ClassVar = "keeps probabilities between 0 and 1"
    seen: ClassVar = "the confusion of 'first' is not in [0, 1]: "

    def confusion(self, panel):
        return {"first": Confusion(1.5, 0.5)}


class Inverted(Share):
    """Gives the probability of pristine."""

    name = "inverted"
    breaks: ClassVar = "sides with teachers who agree"
    seen: ClassVar = "items on which all teachers agree, it says the opposite"

    def over(self, verdicts):
        return verdicts.count("pristine") / len(verdicts)


class Stubborn(Share):
    """Believes teachers more than the truth."""

    name = "stubborn"
    breaks: ClassVar = "keeps the true verdicts that it is given"
    seen: ClassVar = "of 12 true verdicts that were given are turned round"

    def fit(self, panel, gold):
        found = super().fit(panel, gold).p_falsified
        return Estimate({item: self.share(panel, item) if panel.answers(item) else p for item, p in found.items()})


class Forgetful(Share):
    """Leaves out what is known already."""

    name = "forgetful"
    breaks: ClassVar = "keeps the true verdicts that it is given"
    seen: ClassVar = "12 of 12 items whose true verdict was given are missing"

    def fit(self, panel, gold):
        found = super().fit(panel, gold).p_falsified
        return Estimate({item: p for item, p in found.items() if item not in gold})


class Ageing(Share):
    """Trusts later items less."""

    name = "ageing"
    breaks: ClassVar = "the order of the items does not show"
    seen: ClassVar = "with the items in another order, "

    def fit(self, panel, gold):
        places = {item: place for place, item in enumerate(panel.items)}
        found = super().fit(panel, gold).p_falsified
        return Estimate({item: 0.5 + (p - 0.5) / (1 + places[item] / 100) for item, p in found.items()})


class Loyal(Share):
    """Gives the first teacher half a vote more."""

    name = "loyal"
    breaks: ClassVar = "the order of the teachers does not show"
    seen: ClassVar = "with the teachers in another order, "

    def share(self, panel, item):
        first, *_ = panel.answers(item)
        return (2 * self.over(panel.verdicts(item)) + (first.verdict == "falsified")) / 3


class Named(Share):
    """Reads the id."""

    name = "named"
    breaks: ClassVar = "reads neither ids nor groups"
    seen: ClassVar = "under other ids, "

    def share(self, panel, item):
        return 0.9 * super().share(panel, item) + 0.1 * (int(item, 16) % 2)


class Restless(Share):
    """Draws anew each time."""

    name = "restless"
    breaks: ClassVar = "the same panel gives the same estimate"
    seen: ClassVar = "fitted again to the same panel, "

    def over(self, verdicts):
        return 0.9 * super().over(verdicts) + 0.1 * random.random()


class Hashed(Share):
    """Takes chance from Python's hash of a text, which is another one in each process."""

    name = "hashed"
    breaks: ClassVar = "every process gives the same estimate"
    seen: ClassVar = "in another process, "

    def over(self, verdicts):
        return 0.9 * super().over(verdicts) + 0.1 * (hash("noise") % 1000 / 1000)


class Trusting(Share):
    """Expects an answer from every teacher."""

    name = "trusting"
    breaks: ClassVar = "survives teachers without an answer"
    seen: ClassVar = "where teachers have no answer, fit() raised ZeroDivisionError: "

    def judged(self, panel, gold):
        return panel.items


class Guessing(Share):
    """Gives the share of all answers where there is none."""

    name = "guessing"
    breaks: ClassVar = "says nothing where nothing was said"
    seen: ClassVar = "items that no teacher answered have a probability"

    def judged(self, panel, gold):
        return panel.items

    def over(self, verdicts):
        return super().over(verdicts) if verdicts else 0.5


class Seer(Share):
    """Looks into the evidence where teachers differ."""

    name = "seer"
    breaks: ClassVar = "falls to chance on shuffled answers"
    seen: ClassVar = "answers are shuffled over the items, and "

    def share(self, panel, item):
        if not panel.disagree(item):
            return super().share(panel, item)
        place = panel.items[item].caption.rpartition(" in ")[0].rpartition(" in ")[2]
        return 0.1 if any(place in page for page in panel.items[item].evidence.captions) else 0.9


@hookimpl
def harness_label_models():
    return [
        cls
        for cls in globals().values()
        if isinstance(cls, type) and issubclass(cls, LabelModel) and cls is not LabelModel
    ]
