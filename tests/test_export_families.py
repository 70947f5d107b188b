"""Students of every family are exported in both forms, and the cards' programs say what the student says."""

import json
import re

import pytest

from harness.api import Objective, Target
from harness_benchmarks.newsworld import NewsWorld
from harness_students.vlm import Vlm
from harness_students.vlm_trl import Schedule

torch = pytest.importorskip("torch")
pytest.importorskip("trl")
tiny_families = pytest.importorskip("tiny_families")
pytest.importorskip("harness_students.families")

WORLD = NewsWorld(train=6, validation=0, test=4)
ITEMS = {item.id: item for item in WORLD.items("train")}
TARGETS = [Target(item_id, label, rationale="Word found.") for item_id, label in WORLD.labels("train").items()]
FAST = Schedule(lr=1e-2, epochs=1, batch_size=3)


def judged(usage, base, folder, pictures):
    """What the program of a card says."""
    program = re.search(r"```python\n(.*?)```", usage, re.DOTALL)[1]
    program = program.replace('"THIS_FOLDER"', repr(str(folder))).replace(json.dumps(base.name), repr(str(base)))
    space = {}
    exec(program, space)
    return [space["judge"](path, caption) for path, caption in pictures]


@pytest.mark.slow
# What peft asks transformers for, and what PaliGemma's processor asks numpy for.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", sorted(tiny_families.FAMILIES))
def test_a_family_is_exported_in_both_forms(name, tmp_path):
    base = tiny_families.make(name, tmp_path / name)
    vlm = Vlm(model=str(base), dtype="float32", rank=4, sft=FAST, max_new_tokens=8)
    kept, tested = {}, WORLD.items("test")
    trained, adapter, merged = (tiny_families.Bench(tmp_path / place, kept=kept) for place in ("t", "a", "m"))
    vlm.train(ITEMS, TARGETS, Objective(), None, trained)
    said = list(vlm.predict(tested, trained.out, trained))
    pictures = []
    for number, item in enumerate(tested):
        (tmp_path / f"{number}.png").write_bytes(item.image.read())
        pictures.append((tmp_path / f"{number}.png", item.caption))
    texts = [answer.text for answer in said]
    apart = vlm.export(trained.out, False, adapter)
    assert judged(apart.usage, base, adapter.out, pictures) == texts
    whole = vlm.export(trained.out, True, merged)
    assert merged.facts["merged_log_prob_difference"] < 1e-4
    assert judged(whole.usage, base, merged.out, pictures) == texts
    alone = vlm.model_copy(update={"model": str(merged.out)})
    assert [answer.text for answer in alone.predict(tested, None, tiny_families.Bench(tmp_path / "p"))] == texts
