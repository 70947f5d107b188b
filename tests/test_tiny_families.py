"""The tiny random models of every family, which other tests lean on."""

from __future__ import annotations

import hashlib

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny_families import BARE, FAMILIES, bare, make

from harness_students.vlm_base import load_base


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_made_alike_each_time_and_loads(family, tmp_path):
    folders = [make(family, tmp_path / name) for name in ("one", "other")]
    one, other = ([hashlib.sha256(file.read_bytes()).digest() for file in sorted(f.iterdir())] for f in folders)
    assert one == other
    base = load_base(str(folders[0]), "float32")
    assert base.model.config.model_type == family
    assert sum(parameter.numel() for parameter in base.model.parameters()) < 1_000_000


@pytest.mark.parametrize("family", BARE)
def test_a_family_without_a_processor_has_a_model(family):
    model = bare(family)
    assert model.config.model_type == family
    assert sum(parameter.numel() for parameter in model.parameters()) < 1_000_000
