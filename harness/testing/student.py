"""Rules for students."""

from __future__ import annotations

import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.components import Student
from harness.errors import MissingDependency
from harness.identity import file_digest
from harness.recipe import Accepts
from harness.testing import material
from harness.testing.contract import broken, skip, told
from harness.testing.lessons import Lessons, Said, distance, lessons, same
from harness.types import Item, MalformedAnswer, Prediction

# Batches of other sizes may change the last digits of a model's probability, and of its weights.
TOLERANCE = 1e-3


def check_trains_on_what_it_accepts(student: Student) -> None:
    """train() takes every kind of example that accepts() names, from the base and from an earlier model; name only what
    it can do, and list preference losses in losses()."""
    course = lessons(student)
    if not student.accepts():
        broken("accepts() is empty")
    preferences = student.accepts() - {Accepts.TARGETS, Accepts.SOFT_TARGETS, Accepts.WEIGHTS, Accepts.TASKS}
    if preferences and not student.losses():
        broken(f"it accepts {', '.join(sorted(preferences))}, and losses() names no loss for them")
    for kind in sorted(student.accepts()):
        train = partial(course.try_to_train, f"accepts {kind}", course.examples(kind), None)
        _raises_nothing(train, f"trained on {kind}, train() raised")


def check_predicts_without_raising(student: Student) -> None:
    """predict() answers every item, with the base (model is None) and with what train() wrote; what it cannot read is
    a prediction with the outcome "error"."""
    course = lessons(student)
    for model in (None, course.stage1):
        _raises_nothing(partial(course.try_to_predict, model, course.items), f"{_named(model)}, predict() raised")


def check_keeps_probabilities_between_0_and_1(student: Student) -> None:
    """p_falsified is the probability of falsified, in [0, 1]; leave it out where you have none."""
    error = _malformed(student)
    if error is not None and error.part == "p_falsified":
        broken(str(error))


def check_keeps_to_the_known_outcomes_and_verdicts(student: Student) -> None:
    """The outcome is "ok", "refused", "unparsable" or "error"; only "ok" has a verdict, "pristine" or "falsified"."""
    error = _malformed(student)
    if error is not None and error.part != "p_falsified":
        broken(str(error))


def check_predicts_every_item_exactly_once(student: Student) -> None:
    """Yield one harness.api.Prediction per item, in any order, with the item's id."""
    course = lessons(student)
    for model in (None, course.stage1):
        course.predict(model)
        said = course.try_to_predict(model, course.items)
        if strange := [value for value in said if not isinstance(value, Prediction)]:
            broken(f"predict() gave {strange[0]!r:.80}")
        ids = sorted(prediction.item_id for prediction in said)
        if ids != sorted(course.by_id):
            broken(f"{_named(model)}, {len(course.items)} items have {len(ids)} predictions of {len(set(ids))} items")


def check_training_changes_the_answers(student: Student) -> None:
    """train() must learn something and write it, and predict() must load it."""
    course = lessons(student)
    if same(course.untrained, course.predict(course.stage1)):
        broken("after training on every item, the predictions are those of the base")


def check_the_seed_fixes_what_is_learnt(student: Student) -> None:
    """Seed every random choice with bench.seed, the new weights first of all, and take nothing from the clock."""
    course = lessons(student)
    if not same(course.predict(course.stage1), course.predict(course.stage1_again)):
        broken("two trainings with one seed give different predictions")


def check_goes_on_from_its_start(student: Student) -> None:
    """Where start is given, load what it holds and train that; stage 2 goes on from stage 1."""
    course = lessons(student)
    if same(course.predict(course.stage2), course.predict(course.stage2_alone)):
        broken("stage 2 gives the same model from the stage-1 folder as from the base")


def check_trains_many_as_it_trains_each(student: Student) -> None:
    """Keep the jobs of train_many() apart: each has its own seed, start, examples and workbench, and must write what
    train() writes for it alone. at_once() is how many jobs there may be, 1 or more."""
    if not isinstance(student.at_once(), int) or student.at_once() < 1:
        broken(f"at_once() is {student.at_once()!r}")
    if student.at_once() == 1:
        skip("it does one training at a time")
    course = lessons(student)
    alone = [course.stage1, course.other_seed, course.stage2]
    for one, many in zip(alone, course.train_together(), strict=False):
        said, wanted = course.predict(many), course.predict(one)
        if far := [item for item in said if distance(said[item], wanted[item]) > TOLERANCE]:
            broken(f"trained with others, the model of {one.name!r} predicts {len(far)} of {len(said)} items otherwise")


def check_leaves_its_start_as_it_was(student: Student) -> None:
    """Read from start and write to bench.out only; other stages start from the same folder."""
    course = lessons(student)
    before = file_digest(course.stage1)
    course.train("stage2-watched", course.flipped(), course.stage1)
    if file_digest(course.stage1) != before:
        broken("training from a folder changed the folder")


def check_predicts_the_same_from_a_moved_model(student: Student) -> None:
    """Write all that predict() needs into bench.out, without absolute paths, and keep nothing in the process: the
    artifact is moved when it is done, and another process loads it."""
    course = lessons(student)
    before = course.predict(course.stage1)
    moved = course.root / "moved" / "elsewhere"
    shutil.rmtree(moved.parent, ignore_errors=True)
    shutil.copytree(course.stage1, moved)
    hidden = course.stage1.with_name("hidden")
    course.stage1.rename(hidden)
    try:
        error = _error_of(lambda: course.try_to_predict(moved, course.items))
        if error is not None:
            broken(f"a copy of the model's folder cannot be used: {told(error)}")
        if not same(before, course.predict(moved)):
            broken("a copy of the model's folder predicts otherwise")
    finally:
        hidden.rename(course.stage1)


def check_what_it_reads_matters(student: Student) -> None:
    """Look at every part that reads() names: a student that does not see the image cannot judge whether a caption
    belongs to it. Name only what predict() looks at."""
    course = lessons(student)
    before = course.predict(course.stage1)
    for part in sorted(student.reads()):
        if same(before, course.predict(course.stage1, material.without(course.items, part))):
            broken(f"with another {part}, every prediction stays as it was")


def check_reads_neither_ids_nor_groups(student: Student) -> None:
    """Read caption, image, evidence and features only: ids and groups are names, and a name may tell the label."""
    course = lessons(student)
    renamed = material.renamed(course.items)
    after = course.predict(course.stage1, renamed)
    back = {
        old.id: replace(after[new.id], item_id=old.id)
        for old, new in zip(course.items, renamed, strict=True)
        if new.id in after
    }
    if not same(course.predict(course.stage1), back):
        broken("the same items under other ids get other predictions")


def check_does_not_depend_on_batches(student: Student) -> None:
    """Judge each item by itself; padding and batch statistics must not show."""
    course = lessons(student)
    few = course.items[:4]
    alone: Said = {}
    for item in few:
        alone |= course.predict(course.stage1, [item])
    together = course.predict(course.stage1)
    for item in few:
        if item.id in alone and item.id in together and distance(alone[item.id], together[item.id]) > TOLERANCE:
            broken(f"alone, an item gets {alone[item.id].p_falsified}; among others {together[item.id].p_falsified}")


def check_survives_an_unreadable_image(student: Student) -> None:
    """Catch UnreadableImage and yield a prediction whose outcome is "error"; in training, leave the item out."""
    if "image" not in student.reads():
        skip("it reads no image")
    course = lessons(student)
    course.predict(course.stage1)
    items = course.items[:4]
    items[1] = replace(items[1], image=material.unreadable())
    error = _error_of(lambda: course.try_to_predict(course.stage1, items))
    if error is not None:
        broken(f"one image of {len(items)} cannot be read: predict() raised {told(error)}")
    if course.predict(course.stage1, items)[items[1].id].outcome == "ok":
        broken("an item whose image cannot be read was given a verdict")
    _training_survives(course, items)


def check_writes_only_to_its_bench(student: Student) -> None:
    """Write to bench.out, bench.checkpoints and what bench.cached() hands you, nowhere else: nothing else is kept,
    and other steps run in the same folder."""
    course = lessons(student)
    with _in_empty_folder() as folder:
        course.predict(course.train("watched", course.targets(course.items), None))
        if left := sorted(path.name for path in folder.iterdir()):
            broken(f"it wrote {left[0]!r} into the working folder")


def check_stores_no_pickle(student: Student) -> None:
    """Write weights as safetensors, JSON or text. A pickle runs code when it is read."""
    course = lessons(student)
    for path in sorted(course.stage1.rglob("*")):
        if path.is_file() and _is_pickle(path):
            broken(f"{path.relative_to(course.stage1)} is a pickle")


def _training_survives(course: Lessons, items: list[Item]) -> None:
    watched = Lessons(course.student)
    watched.items[1] = items[1]
    watched.by_id[items[1].id] = items[1]
    _raises_nothing(
        lambda: watched.try_to_train("unreadable", watched.targets(watched.items), None),
        "one image cannot be read: train() raised",
    )


def _raises_nothing(act: Callable[[], object], when: str) -> None:
    error = _error_of(act)
    if error is not None and not isinstance(error, MalformedAnswer):
        broken(f"{when} {told(error)}")


def _error_of(act: Callable[[], object]) -> Exception | None:
    try:
        act()
    except MissingDependency:
        raise
    except Exception as error:
        return error
    return None


def _malformed(student: Student) -> MalformedAnswer | None:
    """The complaint of a Prediction about what it was made of."""
    course = lessons(student)
    for model in (None, course.stage1):
        error = _error_of(partial(course.try_to_predict, model, course.items))
        if isinstance(error, MalformedAnswer):
            return error
    return None


def _named(model: Path | None) -> str:
    return "untrained" if model is None else "trained"


@contextmanager
def _in_empty_folder() -> Iterator[Path]:
    before = Path.cwd()
    with TemporaryDirectory(prefix="harness-empty-") as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def _is_pickle(path: Path) -> bool:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".pkl") for name in archive.namelist())
    content = path.read_bytes()
    # Protocol 2 and later say so; pickletools would accept many texts as protocol 0.
    return content[:1] == pickle.PROTO and content[-1:] == pickle.STOP


CHECKS = (
    check_trains_on_what_it_accepts,
    check_predicts_without_raising,
    check_keeps_to_the_known_outcomes_and_verdicts,
    check_keeps_probabilities_between_0_and_1,
    check_predicts_every_item_exactly_once,
    check_training_changes_the_answers,
    check_the_seed_fixes_what_is_learnt,
    check_goes_on_from_its_start,
    check_trains_many_as_it_trains_each,
    check_leaves_its_start_as_it_was,
    check_predicts_the_same_from_a_moved_model,
    check_what_it_reads_matters,
    check_reads_neither_ids_nor_groups,
    check_does_not_depend_on_batches,
    check_survives_an_unreadable_image,
    check_writes_only_to_its_bench,
    check_stores_no_pickle,
)
