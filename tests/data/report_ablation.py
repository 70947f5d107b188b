"""Rows of an ablation as a report sees them: every kind of arm, every verdict, one left out and one not done yet."""

from math import inf, nan

ARMS = (
    # kind, factor, accuracy, verdict, recovered with its ends
    ("floor", "zero-shot", 0.52, "worse", (nan, nan, nan)),
    ("floor", "caption-only", 0.5, "worse", (-0.05, -0.2, 0.1)),
    ("floor", "label-shuffled", 0.49, "worse", (-0.08, -inf, 0.07)),
    ("control", "majority vote", 0.86, "inconclusive", (0.83, 0.7, 1.02)),
    ("control", "flipped pairs", 0.61, "worse", (0.22, 0.05, 0.4)),
    ("variant", "stage 1 only", 0.8, "worse", (0.68, 0.5, 0.86)),
    ("variant", "no replay", 0.9, "better", (0.93, 0.8, inf)),
    ("method", "full method", 0.87, "", (0.85, 0.72, 0.98)),
    ("bound", "all labels", 0.93, "better", (nan, nan, nan)),
)


def ablation_rows(on="newsworld"):
    """A row per arm, as `harness.columns.ABLATION_COLUMNS` has them."""
    for kind, factor, accuracy, verdict, recovered in ARMS:
        tested = {} if kind == "method" else _tested(accuracy - 0.87, verdict)
        yield _named(kind, factor, on) | {
            "state": "done",
            "standing": "there" if kind == "method" else "added",
            "apart": kind == "variant",
            "made_of": f"tiny-llava by mmkd ({factor})",
            "seeds": 3,
            "labels_bought": 24.0,
            **{"accuracy": accuracy, "accuracy_low": accuracy - 0.04, "accuracy_high": accuracy + 0.04},
            **tested,
            **dict(zip(("recovered", "recovered_low", "recovered_high"), recovered, strict=True)),
        }
    left_out = {"state": "left out", "standing": "left out", "apart": False, "seeds": 0}
    yield _named("floor", "evidence-only", "") | {"evaluated_on": on} | left_out | {"reason": "it reads no evidence"}
    yield _named("variant", "no balance", on) | {"state": "pending", "standing": "added", "apart": True, "seeds": 0}


def _named(kind, factor, on):
    arm = f"{on}/tiny-llava/mmkd.{factor.replace(' ', '-')}" if on else ""
    texts = {"method": "mmkd", "factor": factor, "kind": kind, "arm": arm, "evaluated_on": on}
    return texts | {"reason": "", "made_of": "", "verdict": ""}


def _tested(difference, verdict):
    p = 0.4 if verdict == "inconclusive" else 0.0004
    ends = {"difference_low": difference - 0.03, "difference_high": difference + 0.03}
    return {"difference": difference, **ends, "p": p, "p_holm": min(1.0, 3 * p), "verdict": verdict}
