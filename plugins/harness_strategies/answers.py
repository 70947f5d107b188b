"""What teachers said of an item, as answers to be learnt."""

from __future__ import annotations

import re

from harness.api import Annotation, Panel, Prediction, Target, Verdict, opposite

_STATED = re.compile(
    r"\b(?:final\s+)?verdict\b[^\w]{0,8}(?:is\b[^\w]{0,4})?(?:pristine|falsified)\b[.!]*", re.IGNORECASE
)


def target_of(teacher: str, said: Annotation) -> Target:
    """The teacher's answer as something to be learnt."""
    return Target(said.item_id, said.verdict, rationale=said.rationale, source=teacher)


def answers(panel: Panel, item_id: str) -> list[Target]:
    """Every answer with a verdict, in the order of the teachers."""
    given = ((teacher, panel.by(teacher, item_id)) for teacher in panel.teachers)
    return [target_of(teacher, said) for teacher, said in given if said.outcome == "ok"]


def consensus(panel: Panel, item_id: str) -> Verdict | None:
    """The verdict that all teachers with an answer share; None where they differ or none answered."""
    verdicts = set(panel.verdicts(item_id))
    return verdicts.pop() if len(verdicts) == 1 else None


def majority(panel: Panel, item_id: str) -> Verdict | None:
    """The verdict of more than half of the teachers with an answer; None where as many say one as the other."""
    votes = panel.verdicts(item_id)
    falsified = votes.count("falsified")
    if 2 * falsified == len(votes):
        return None
    return "falsified" if 2 * falsified > len(votes) else "pristine"


def side(panel: Panel, item_id: str, verdict: Verdict) -> list[Target]:
    """The answers with this verdict, the surest first; where several are as sure, the first by label."""
    given = [(teacher, panel.by(teacher, item_id)) for teacher in panel.teachers]
    agreeing = [(teacher, said) for teacher, said in given if said.verdict == verdict]
    agreeing.sort(key=lambda pair: -abs(pair[1].probability - 0.5))
    return [target_of(teacher, said) for teacher, said in agreeing]


def spokesman(panel: Panel, item_id: str, verdict: Verdict) -> Target:
    """The answer of the surest of the teachers that gave this verdict; there must be one."""
    return side(panel, item_id, verdict)[0]


def right_answer(panel: Panel, item_id: str, truth: Verdict) -> Target:
    """The answer of the surest teacher that was right, or the bare verdict where none was."""
    return next(iter(side(panel, item_id, truth)), Target(item_id, truth))


def flipped(target: Target) -> Target:
    """The same words with the other verdict."""
    assert target.verdict is not None
    return Target(target.item_id, opposite(target.verdict), rationale=target.rationale, source=target.source)


def words_of(prediction: Prediction) -> str:
    """A student's words without the statement of its verdict."""
    return " ".join(_STATED.sub(" ", prediction.text).split())
