"""Which rows make a batch."""

from __future__ import annotations

import pytest

from harness_students.engine.batches import order_of
from harness_students.engine.switches import MECHANISMS, Engine
from harness_students.vlm import Vlm


def rows_of(*counts):
    """Rows of as many items as there are counts, dealt out in turn, of different lengths."""
    rows = []
    for turn in range(max(counts)):
        for item, count in enumerate(counts):
            if turn < count:
                rows.append({"item": str(item), "prompt": "x" * item, "completion": "y" * turn})
    return rows


def batches_of(rows, how, size, epoch=0, seed=0):
    order = order_of(rows, how, size, seed)
    order.set_epoch(epoch)
    batches = list(order)
    assert len(batches) == len(order)
    assert sorted(index for batch in batches for index in batch) == list(range(len(rows)))
    assert max(map(len, batches)) <= size
    return batches


@pytest.mark.parametrize("how", ["items", "lengths"])
@pytest.mark.parametrize("size", [3, 4, 8])
def test_an_item_is_in_one_batch_in_every_epoch(how, size):
    rows = rows_of(*[1, 2, 3, 3, 2, 1, 3] * 9)
    counts = set()
    for epoch in range(5):
        batches = batches_of(rows, how, size, epoch)
        counts.add(len(batches))
        homes = {}
        for number, batch in enumerate(batches):
            for index in batch:
                homes.setdefault(rows[index]["item"], set()).add(number)
        assert all(len(home) == 1 for home in homes.values())
    assert len(counts) == 1


def test_only_an_item_that_is_larger_than_a_batch_is_divided():
    assert sorted(map(len, batches_of(rows_of(7, 1, 2), "items", 4))) == [2, 4, 4]


def test_batches_of_single_rows_are_full_but_the_last():
    batches = batches_of(rows_of(*[1] * 50), "items", 8)
    assert [len(batch) for batch in batches] == [8] * 6 + [2]


def test_an_epoch_and_a_seed_have_an_order_of_their_own_and_keep_it():
    rows = rows_of(*[2] * 20)
    assert batches_of(rows, "items", 4) == batches_of(rows, "items", 4)
    assert batches_of(rows, "items", 4) != batches_of(rows, "items", 4, epoch=1)
    assert batches_of(rows, "items", 4) != batches_of(rows, "items", 4, seed=1)


def test_rows_of_like_length_meet_and_batches_are_shuffled():
    rows = rows_of(*[1] * 640)

    def spread(how):
        found = [[len(rows[index]["prompt"]) for index in batch] for batch in batches_of(rows, how, 8)]
        return sum(max(lengths) - min(lengths) for lengths in found) / len(found)

    assert spread("lengths") < spread("items") / 5
    longest = [max(len(rows[index]["prompt"]) for index in batch) for batch in batches_of(rows, "lengths", 8)]
    assert longest != sorted(longest)


def test_random_batches_are_the_trainers_own():
    assert order_of(rows_of(1, 1), "random", 2, 0) is None


@pytest.mark.parametrize(("word", "state"), [("off", False), (False, False), ("on", True), (True, True)])
def test_all_mechanisms_go_on_and_off_in_one_word(word, state):
    engine = Vlm.model_validate({"engine": word}).engine
    assert {getattr(engine, name) for name in MECHANISMS} == {state}
    assert engine.off is not state


def test_one_mechanism_is_turned_off_by_its_name():
    engine = Vlm.model_validate({"engine": {"prefix": False}}).engine
    assert engine == Engine(prefix=False)
    assert not engine.off


def test_the_order_of_batches_is_part_of_the_identity_and_the_engine_is_not():
    assert {"engine", "checkpoint_minutes"} <= Vlm.transport
    assert "batches" not in Vlm.transport


@pytest.mark.parametrize(("pieces", "size"), [(2, 4), (4, 8), (2, 5)])
def test_pieces_of_a_batch_come_one_after_the_other_and_make_it_up(pieces, size):
    rows = [{"item": str(index // 2), "prompt": "p", "completion": "c"} for index in range(23)]
    whole, cut = (list(order_of(rows, "items", size, 7, count)) for count in (1, pieces))
    assert len(cut) == len(order_of(rows, "items", size, 7, pieces))
    assert [row for batch in cut for row in batch] == [row for batch in whole for row in batch]
    waiting = iter(cut)
    for batch in whole:
        parts = [next(waiting) for _ in range(min(pieces, len(batch)))]
        assert [row for part in parts for row in part] == batch
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("batch_size", "accumulate", "times", "found"),
    [(8, 1, 0, (8, 1)), (8, 1, 1, (4, 2)), (8, 3, 2, (2, 12)), (6, 1, 1, (3, 2)), (9, 1, 1, (3, 3)), (1, 4, 1, (1, 4))],
)
def test_a_halved_schedule_makes_steps_of_as_many_examples(batch_size, accumulate, times, found):
    from harness_students.vlm_trl import Schedule

    halved = Schedule(batch_size=batch_size, accumulate=accumulate).halved(times)
    assert (halved.batch_size, halved.accumulate) == found
    assert halved.batch_size * halved.accumulate == batch_size * accumulate
