"""A plan and what is stored of it → a capsule, from which tables and reports are made again without data or keys."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from harness import archive as tar
from harness import capsule, provenance, pseudonyms
from harness.capsule import FILE
from harness.diagnosis import view
from harness.discretion import HIDDEN
from harness.errors import StoreError
from harness.identity import sha256_of
from harness.plan import Plan, Step
from harness.plugins import Registry
from harness.pseudonyms import Pseudonyms
from harness.publication import publish
from harness.redaction import redact
from harness.scores import Scorer
from harness.steps import rows
from harness.steps.bench import LOG
from harness.steps.inspect import FINDINGS, SKIPPED
from harness.store import MANIFEST, Store
from harness.types import Item, Split
from harness.witness import Witness


@dataclass(slots=True)
class Contents:
    """What a capsule holds."""

    steps: int = 0
    lacking: int = 0
    """Steps that are not done."""
    labels: int = 0
    pictures: set[str] = field(default_factory=set)
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Checksums of tables and reports, by the names of their files."""


def taken(kind: str, name: str) -> bool:
    """Whether a step's file is packed: answers, ranks, findings and logs are, but no model."""
    return kind in rows.FILES or name == LOG or (kind == "inspect" and name in (FINDINGS, SKIPPED))


def pack(plan: Plan, store: Store, registry: Registry, target: Path, *, redacted: bool) -> Contents:
    """Write a capsule, which replaces ``target`` when it is whole; raises `StoreError` where something is damaged."""
    packing = _Packing(plan, store, registry, redacted)
    facts = packing.facts()
    with tar.writing(target) as archive:
        tar.add(archive, FILE, _json(facts))
        for name, content in packing.files():
            tar.add(archive, name, content)
    return packing.contents


def outputs_of(folder: Path) -> dict[str, str]:
    """Checksums of all files in a folder, by their names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path.read_bytes()) for path in files}


class _Packing:
    """Renders once to see what reports need, then gives file after file."""

    def __init__(self, plan: Plan, store: Store, registry: Registry, redacted: bool) -> None:
        self.plan = plan
        self.store = store
        self.registry = registry
        self.witness = Witness(plan, store)
        self.names = Pseudonyms(_names(plan)) if redacted else None
        self.contents = Contents()

    def facts(self) -> dict[str, Any]:
        """What `FILE` holds."""
        seen = replace(view(self.plan, self.store), details=self.witness)
        seen = redact(seen) if self.names else seen
        with tempfile.TemporaryDirectory(prefix="harness-capsule-") as folder:
            made = publish(seen, capsule.reports_of(self.plan), Path(folder))
            self.contents.outputs = outputs_of(Path(folder))
            files = {label: [path.relative_to(folder).as_posix() for path in paths] for label, paths in made.items()}
        facts = {
            **capsule.facts_of(self.plan, self.registry),
            "outputs": self.contents.outputs,
            "files_of_reports": files,
            "seal": dict(seen.seal),
            "surroundings": provenance.collect(self.registry),
            "versions": dict(sorted((found.name, found.version) for found in distributions())),
            "names": None,
        }
        return self.hidden(facts) if self.names else facts

    def hidden(self, facts: dict[str, Any]) -> dict[str, Any]:
        assert self.names is not None
        return {
            **facts,
            "plan": pseudonyms.plan(facts["plan"]),
            "benchmarks": {label: pseudonyms.benchmark(said) for label, said in facts["benchmarks"].items()},
            "names": self.names.digests(),
            "similarities": list(self.similarities()),
        }

    def similarities(self) -> Iterator[tuple[str, str, list[float | None]]]:
        """ROUGE-L item by item, which nobody can compute without the texts."""
        scorer = Scorer(self.plan, self.store)
        for cell in self.plan.cells:
            for label in cell.answers:
                if scorer.ready(cell, label):
                    found = scorer.score(cell, label).rouge.tolist()
                    yield cell.point.cell, label, [None if math.isnan(value) else value for value in found]

    def files(self) -> Iterator[tuple[str, Path | bytes]]:
        """Names and contents, manifests before what they name."""
        for step in self.plan.every_step():
            if self.store.has(step.kind, step.key):
                self.contents.steps += 1
                yield from self.step(step)
                continue
            self.contents.lacking += 1
            if failure := self.store.failure(step.key):
                told = pseudonyms.failure(failure) if self.names else {**failure, "log": ""}
                yield f"failures/{step.key}.json", _json(told)
        for label, facts in self.plan.facts.items():
            for split in facts.splits:
                yield from self.split(label, split)

    def step(self, step: Step) -> Iterator[tuple[str, Path | bytes]]:
        folder, manifest = self.store.folder(step.kind, step.key), self.store.manifest(step.kind, step.key)
        files = {name: folder / name for name in manifest["files"] if taken(step.kind, name)}
        for name, path in files.items():
            if not path.is_file() or sha256_of(path.read_bytes()) != manifest["files"][name]:
                raise StoreError(
                    f"{name} of {step.kind} {step.what} is damaged",
                    place=str(folder),
                    remedy="Run the matrix again: it is made anew.",
                )
        at = f"artifacts/{step.kind}/{step.key}"
        if self.names is None:
            yield f"{at}/{MANIFEST}", folder / MANIFEST
            yield from ((f"{at}/{name}", path) for name, path in files.items())
            return
        known = {
            rows.FILES.get(step.kind): self.names.answer,
            FINDINGS: self.names.finding,
            SKIPPED: self.names.finding,
            LOG: pseudonyms.log_line,
        }
        hidden = {name: _lines(path, known[name]) for name, path in files.items() if name in known}
        sums = {name: sha256_of(content) for name, content in hidden.items()}
        yield f"{at}/{MANIFEST}", _json({**pseudonyms.manifest(manifest), "files": sums})
        yield from ((f"{at}/{name}", content) for name, content in hidden.items())

    def split(self, label: str, split: Split) -> Iterator[tuple[str, Path | bytes]]:
        benchmark = self.plan.matrix.every_benchmark[label]
        scored = split == "test" or split in self.scored(label)
        if (label, split) in self.witness.asked or scored:
            references = benchmark.references(split) if split == "test" else {}
            found = [self.item(label, split, item, references.get(item.id, "")) for item in benchmark.items(split)]
            yield f"benchmarks/{label}/{split}.jsonl", _jsonl(found)
        if scored:
            truth = benchmark.labels(split)
            self.contents.labels += len(truth)
            labels = ({"id": self.name(item_id), "label": verdict} for item_id, verdict in truth.items())
            yield f"benchmarks/{label}/{split}.labels.jsonl", _jsonl(labels)
        for image in (image for at, image in self.witness.pictures.items() if at[:2] == (label, split)):
            if image.sha256() not in self.contents.pictures:
                self.contents.pictures.add(image.sha256())
                yield f"images/{image.sha256()}", image.read()

    def scored(self, label: str) -> set[Split]:
        """Splits of which tables say how often teachers were right."""
        found = {
            split
            for (_, benchmark, split), key in self.plan.annotations.items()
            if benchmark == label and self.store.has("annotate", key)
        }
        ranked = any(at[2] == label and self.store.has("rank", key) for at, key in self.plan.ranks.items())
        return {*found, "train"} if ranked else found

    def item(self, label: str, split: Split, item: Item, reference: str) -> dict[str, Any]:
        """As much of an item as tables and reports read."""
        row: dict[str, Any] = {"id": self.name(item.id), "group": self.name(item.group)}
        if reference:
            row["reference"] = HIDDEN if self.names else reference
        if self.names or (label, split) not in self.witness.asked:
            return row
        told = {part: getattr(item.evidence, part) for part in ("entities", "captions", "sources")}
        row |= {"caption": item.caption, "evidence": {part: texts for part, texts in told.items() if texts}}
        if item.image is not None:
            shown = self.witness.pictures.get((label, split, item.id))
            row["image"] = shown.sha256() if shown else ""
        return row

    def name(self, text: str) -> str:
        return self.names.of(text) if self.names else text


def _names(plan: Plan) -> Iterator[str]:
    for label, benchmark in plan.matrix.every_benchmark.items():
        for split in plan.facts[label].splits:
            for item in benchmark.items(split):
                yield from (item.id, item.cluster)


def _lines(path: Path, hidden: Callable[[str], str]) -> bytes:
    with path.open(encoding="utf-8") as lines:
        return "".join(map(hidden, lines)).encode()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n").encode("utf-8", "surrogatepass")


def _jsonl(values: Iterable[object]) -> bytes:
    return "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in values).encode()
