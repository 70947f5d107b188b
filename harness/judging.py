"""Ask a trained model about new items, each answer on disk as it comes, none asked for twice."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.components import Benchmark
from harness.errors import DataError, HarnessError
from harness.identity import digest, seed_from
from harness.judgements import Judgement, Sheet
from harness.steps import rows
from harness.steps.annotate import content
from harness.steps.bench import StepBench
from harness.store import Store
from harness.trained import Trained
from harness.types import Item, Prediction


def judge(
    trained: Trained,
    posts: Sequence[Item | DataError],
    sheet: Sheet,
    store: Store,
    begin: Callable[[int, int], None],
    said: Callable[[Prediction], None],
) -> list[Judgement]:
    """A row for each post in their order, written to the sheet.

    ``begin`` is told how many items are asked about and how many answers are known, ``said`` each new answer. An
    item is known by all that a student can see of it, so one that has changed is asked about again.
    """
    keys = {post.id: _key(trained, post) for post in posts if isinstance(post, Item)}
    known = sheet.known()
    known = {key: known[key] for key in keys.values() if key in known}
    asked = {keys[post.id]: post for post in posts if isinstance(post, Item) and keys[post.id] not in known}
    begin(len(asked), len(known))
    with sheet.begin(known.values()) as adding:

        def keep(answer: Prediction) -> None:
            key = keys[answer.item_id]
            known[key] = Judgement.of(answer, answer.item_id, key)
            adding.add(known[key])
            said(answer)

        if asked:
            _ask(trained, list(asked.values()), store, keep)
    found = [_row(post, keys, known) for post in posts]
    sheet.finish(found)
    return found


def _key(trained: Trained, item: Item) -> str:
    seen = frozenset({"image", *(f"features.{name}" for name in item.features)})
    return digest([trained.key, content(item, seen)])[:24]


def _ask(trained: Trained, items: Sequence[Item], store: Store, keep: Callable[[Prediction], None]) -> None:
    """All items at once: a student makes its own batches and answers as it goes."""
    with tempfile.TemporaryDirectory(prefix="harness-predict-") as folder:
        bench = StepBench(store, trained.key, Path(folder), seed_from("predict"))
        answers = trained.student.predict(items, trained.model, bench)
        rows.in_order(answers, items, Prediction, trained.student.name, keep)


def _row(post: Item | DataError, keys: dict[str, str], known: dict[str, Judgement]) -> Judgement:
    if isinstance(post, DataError):
        return Judgement("", None, None, "error", str(post), "")
    row = known[keys[post.id]]
    return Judgement(post.id, row.verdict, row.p_falsified, row.outcome, row.text, row.key)


def check_parts(trained: Trained, reader: Benchmark) -> None:
    """The items have all that the student reads; raises `HarnessError`."""
    if lacking := sorted(trained.student.reads() - reader.gives()):
        raise HarnessError(
            f"the student {trained.student.name} needs {', '.join(lacking)}, which the items do not have",
            place=trained.name,
            remedy=f"Name the columns that hold it by options of {reader.name}:"
            f" `harness plugins show {reader.name}` lists them.",
        )
