"""Matrices to start from: each a commented file beside this module."""

from __future__ import annotations

from collections.abc import Mapping

USES: Mapping[str, str] = {
    "trial": "try out a plugin of your own against one that is built in, in less than a minute",
    "archive": "compare on your own archive, a table with a folder of images, and buy labels only where they tell",
    "paper": "the setting of multi-MLLM knowledge distillation, as far as it is published, on stand-ins",
}
"""What a matrix is started for, by name."""

# The line of trial.yaml that an author replaces.
_MINE = "  mine: {uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}\n"


def text(use: str) -> str:
    """The matrix for one of `USES`."""
    from importlib.resources import files

    return (files(__name__) / f"{use}.yaml").read_text(encoding="utf-8")


def trial_of(teacher: str, wanted: Mapping[str, str]) -> str:
    """The matrix for a trial of a teacher; ``wanted`` are options that it must be given, with what they mean."""
    mine = f"  mine: {teacher}\n"
    if wanted:
        lines = [f"    {option}:   # {' '.join(meaning.split())}\n" for option, meaning in wanted.items()]
        mine = "".join([f"  mine:\n    uses: {teacher}\n    # Fill these in:\n", *lines])
    before, _, after = text("trial").partition(_MINE)
    return before + mine + after
