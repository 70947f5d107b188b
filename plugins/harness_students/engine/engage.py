"""The mechanisms put into a trainer that is ready to run, those that do not fit it left out and said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.api import Objective, Workbench
from harness_students.engine import features as vision
from harness_students.engine import references as logprobs
from harness_students.engine.assembly import Assembly
from harness_students.engine.check import Check
from harness_students.engine.encodings import SHELF as ENCODED
from harness_students.engine.encodings import Encodings, about
from harness_students.engine.families import family_of
from harness_students.engine.features import Features
from harness_students.engine.forward import install
from harness_students.engine.gauges import at_end
from harness_students.engine.references import References
from harness_students.engine.scoring import score
from harness_students.engine.shares import share_of
from harness_students.engine.switches import Engine
from harness_students.engine.tokens import Encoder, stock_collator
from harness_students.vlm_base import Base, Processor, adapter_sha256
from harness_students.vlm_pictures import Pictures

if TYPE_CHECKING:
    from transformers import Trainer

CHECKED = 8
"""Most rows on which the engine's forward is compared with TRL's."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be learnt, of which base, and with which mechanisms."""

    rows: Sequence[Mapping[str, Any]]
    pictures: Pictures
    processor: Processor
    objective: Objective
    base: str
    """Digest of the base's weights."""
    engine: Engine
    batch_size: int


def engage(trainer: Trainer, lesson: Lesson, bench: Workbench) -> Assembly:
    """Give the trainer the engine's collator and forward; TRL's own collator encodes the rows."""
    said: dict[str, str] = {}
    model = trainer.model.get_base_model()
    pairs = "completion" not in lesson.rows[0]
    tokenizer = lesson.processor.tokenizer
    encodings = _encodings(lesson, bench)
    assembly = Assembly(
        encoder=Encoder(
            stock_collator(trainer, pairs), lesson.rows, lesson.pictures, keep=lesson.engine.tokens, shelved=encodings
        ),
        model=model,
        pad_token=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
        labels=not pairs,
        image_digest=lesson.pictures.sha256,
        family=family_of(model),
        weights=[float(row["weight"]) for row in lesson.rows] if "weight" in lesson.rows[0] else None,
    )
    forward = install(model)
    said["tokens"] = "on" if lesson.engine.tokens else "off"
    said["features"] = _keep_features(assembly, lesson, bench) if lesson.engine.features else "off"
    check = Check(trainer, assembly, _checked(lesson))
    said["head"] = check.head(forward) if lesson.engine.head else "off"
    said["prefix"] = check.prefix() if lesson.engine.prefix else "off"
    if pairs:
        said["reference"] = _know_reference(trainer, assembly, lesson, bench)
    trainer.data_collator = assembly
    if encodings:
        trainer.add_callback(at_end(encodings.flush))
    bench.prove(engine=said)
    return assembly


def _encodings(lesson: Lesson, bench: Workbench) -> Encodings | None:
    known = about(lesson.processor) if lesson.engine.tokens else ""
    return Encodings(bench.shelf(ENCODED), known, lesson.pictures.sha256) if known else None


def features_of(base: Base, bench: Workbench) -> Features | None:
    """Features as the base makes them; None where they cannot be kept apart from the model."""
    if vision.vision_obstacle(base.model):
        return None
    return Features(base.model, base.processor, base.digest, bench.shelf(vision.SHELF), _kept(bench))


def _kept(bench: Workbench) -> vision.Kept:
    return bench.warm("image features", vision.Kept)


def _keep_features(assembly: Assembly, lesson: Lesson, bench: Workbench) -> str:
    if reason := vision.vision_obstacle(assembly.model):
        return f"off: {reason}"
    shelf = bench.shelf(vision.SHELF)
    assembly.features = Features(assembly.model, lesson.processor, lesson.base, shelf, _kept(bench))
    images = {lesson.pictures.sha256(item) for item in _items(lesson)}
    first = assembly.encoder.answers(0)[0].item
    image = lesson.pictures.sha256(first)
    weight = assembly.features.of({image: lambda: assembly.encoder.images(first)})[image].nbytes * len(images)
    if weight > lesson.engine.features_gb * 1e9:
        assembly.encode_in_batch = True
        return f"off: {len(images)} images' features weigh {weight / 1e9:.3g} GB, more than features_gb"
    return "on"


def _items(lesson: Lesson) -> set[str]:
    """Items whose images are shown, their own and those of image-conditional pairs."""
    found = {row["item"] for row in lesson.rows}
    for row in lesson.rows:
        other = row.get("image_of") or ()
        found |= {other} if isinstance(other, str) else {item for item in other if item}
    return found


def _checked(lesson: Lesson) -> list[int]:
    """A few rows, of the items with the most rows first."""
    of_item: dict[str, list[int]] = {}
    for index, row in enumerate(lesson.rows):
        of_item.setdefault(row["item"], []).append(index)
    ordered = sorted(of_item.values(), key=len, reverse=True)
    return [row for rows in ordered for row in rows][: min(CHECKED, lesson.batch_size)]


def _know_reference(trainer: Trainer, assembly: Assembly, lesson: Lesson, bench: Workbench) -> str:
    reference, rows = lesson.objective.reference, len(lesson.rows)
    if reference == "none":
        assembly.references = References("none", bench.shelf(logprobs.SHELF), lesson.pictures.sha256)
        assembly.references.fill_with_zeros(rows, assembly.encoder.answers)
        trainer.precompute_ref_logps = True
        return "none"
    if not lesson.engine.reference:
        return "off"
    adapter = adapter_sha256(trainer.model) if reference == "start" else "none"
    quantized = getattr(assembly.model.config, "quantization_config", None)
    numbers = f"{trainer.model.dtype} on {trainer.model.device.type} {quantized or ''}"
    known = References(f"{lesson.base} {adapter} {numbers}", bench.shelf(logprobs.SHELF), lesson.pictures.sha256)
    scored, at_once = _scorer(trainer, assembly), _at_once(trainer, lesson)
    with nullcontext() if reference == "start" else trainer.model.disable_adapter():
        known.fill(rows, assembly.encoder.answers, scored, at_once, share_of(trainer))
    assembly.references = known
    trainer.precompute_ref_logps = True
    bench.measure(reference_answers_computed=known.computed)
    return "on"


def _scorer(trainer: Trainer, assembly: Assembly) -> Callable[[Sequence[int]], Any]:
    return lambda rows: score(trainer, assembly, rows)


def _at_once(trainer: Trainer, lesson: Lesson) -> int:
    """A processor scores rows one by one, so that rounding does not depend on what was on the shelf."""
    return 1 if trainer.model.device.type == "cpu" else lesson.batch_size
