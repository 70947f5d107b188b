"""A rule for students that export in a form of their own."""

from __future__ import annotations

from harness.components import Student
from harness.errors import MissingDependency
from harness.testing.contract import broken, skip, told
from harness.testing.lessons import Said, lessons
from harness.types import Prediction

# Rounding of what is written in another form.
TOLERANCE = 1e-4


def check_exports_what_predicts_the_same(student: Student) -> None:
    """export() writes all that predict() needs, and predict() says of the new folder what it says of the model: others
    get the model that was measured."""
    if type(student).export is Student.export:
        skip("it exports a copy")
    course = lessons(student)
    before = course.predict(course.stage1)
    bench = course.bench("exported")
    try:
        student.export(course.stage1, False, bench)
        said = course.try_to_predict(bench.out, course.items)
    except MissingDependency:
        raise
    except Exception as error:
        broken(f"what it exports cannot be used: {told(error)}")
    after: Said = {prediction.item_id: prediction for prediction in said}
    if strays := [item_id for item_id in before if not _like(before[item_id], after.get(item_id))]:
        broken(f"of {len(strays)} of {len(before)} items, what export() wrote predicts otherwise")


def _like(one: Prediction, other: Prediction | None) -> bool:
    if other is None or (one.outcome, one.p_falsified is None) != (other.outcome, other.p_falsified is None):
        return False
    if one.p_falsified is None or other.p_falsified is None:
        return (one.verdict, one.text) == (other.verdict, other.text)
    return abs(one.p_falsified - other.p_falsified) < TOLERANCE


CHECKS = (check_exports_what_predicts_the_same,)
