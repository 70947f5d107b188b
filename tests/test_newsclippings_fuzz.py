"""Whatever stands in the files of NewsCLIPpings: a DataError or items, and every entry is an item or skipped."""

import json
from contextlib import suppress
from io import BytesIO

import pytest
from clippings import Clippings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.api import SPLITS, DataError
from harness_benchmarks.newsclippings import NewsClippings

FUZZED = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        [10**30, -1, 2**53 + 1, float("nan"), float("inf"), 1e300, "", "yes", "\ud800", "\0", "x" * 5000, "9" * 5000]
    ),
    st.sampled_from(["../../../etc/passwd", "/etc/passwd", "a\\..\\..\\b", "http://[", "<script>", "}, {", '"},', "]"]),
    st.text(max_size=8),
    st.recursive(st.none(), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner)),
)


def spots(value, path=()):
    """Every place in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from spots(part, (*path, key))


@st.composite
def mutated(draw, value):
    """JSON text in which some values are others, or are missing, or that was cut or overwritten somewhere."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from([spot for spot in spots(value) if spot] or [()]))
        if not path:
            break
        at = value
        for key in path[:-1]:
            at = at[key]
        if draw(st.booleans()):
            at[path[-1]] = draw(ODD)
        else:
            del at[path[-1]]
    data = json.dumps(value).encode()
    match draw(st.sampled_from(["as it is", "cut", "overwritten", "nested", "as it is"])):
        case "cut":
            return data[: draw(st.integers(0, len(data)))]
        case "overwritten":
            place = draw(st.integers(0, len(data)))
            return data[:place] + draw(st.binary(max_size=6)) + data[place + draw(st.integers(0, 6)) :]
        case "nested":
            place = draw(st.integers(0, len(data)))
            return data[:place] + draw(st.sampled_from([b"[", b'{"a":'])) * 100_000 + data[place:]
    return data


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory, monkeypatch):
    """Digests of images are kept apart from those of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def clippings(tmp_path_factory):
    clippings = Clippings(tmp_path_factory.mktemp("fuzz"), {"train": 3, "validation": 1, "test": 2})
    return clippings.write().write_crawl(parts=2)


def check(clippings, images):
    """Read everything; what is not refused is whole."""
    benchmark = NewsClippings(root=str(clippings.folder), images=images, evidence=True)
    assert benchmark.files()[3].name == "origin/data.json"
    with suppress(DataError):
        benchmark.notes()
        benchmark.digest()
    for split in SPLITS:
        with suppress(DataError):
            items, labels = benchmark.items(split), benchmark.labels(split)
            seen = [(item.id, item.caption, item.evidence.captions) for item in items]
            skipped = [entry for entry in benchmark.skipped() if entry.split == split]
            # What is not read of an entry may be no text at all, and then Python's parser is no judge of the file.
            assert len(seen) + len(skipped) == clippings.path(split).read_bytes().count(b'"falsified":')
            assert {item_id for item_id, _, _ in seen} == labels.keys()
            assert "\n" not in "".join(entry.reason for entry in skipped)
            assert json.dumps(seen, ensure_ascii=False).encode()


def fuzz(clippings, path, data, images=False):
    before = path.read_bytes()
    path.write_bytes(data)
    try:
        check(clippings, images)
    finally:
        path.write_bytes(before)


@FUZZED
@given(data=st.data())
def test_no_annotation_file_ends_in_a_traceback_or_loses_an_entry(clippings, data):
    path = clippings.path("test")
    fuzz(clippings, path, data.draw(mutated(json.loads(path.read_bytes()))))


@FUZZED
@given(data=st.data())
def test_no_file_of_visual_news_ends_in_a_traceback_or_loses_an_entry(clippings, data):
    fuzz(clippings, clippings.data, data.draw(mutated(clippings.articles)), images=data.draw(st.booleans()))


@FUZZED
@given(data=st.data())
def test_no_file_of_evidence_ends_in_a_traceback_or_loses_an_entry(clippings, data):
    path = clippings.crawl / "inverse_search" / "test" / "1" / "inverse_annotation.json"
    fuzz(clippings, path, data.draw(mutated(json.loads(path.read_bytes()))))


@FUZZED
@given(data=st.data())
def test_no_list_of_the_crawl_ends_in_a_traceback_or_loses_an_entry(clippings, data):
    name = data.draw(st.sampled_from(["dataset_items_test.json", "inverse_search/test/test.json"]))
    path = clippings.crawl / name
    fuzz(clippings, path, data.draw(mutated(json.loads(path.read_bytes()))))


@FUZZED
@given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "BMP"]))
def test_an_image_that_was_cut_anywhere_is_skipped_or_can_be_shown(clippings, data, kind):
    path = clippings.image(clippings.annotations["test"][1]["image_id"])
    before, whole = path.read_bytes(), BytesIO()
    Image.frombytes("RGB", (24, 24), bytes(place**3 % 251 for place in range(24 * 24 * 3))).save(whole, format=kind)
    path.write_bytes(whole.getvalue()[: data.draw(st.integers(0, len(whole.getvalue())))])
    benchmark = NewsClippings(root=str(clippings.folder))
    items, skipped = benchmark.items("test"), [entry for entry in benchmark.skipped() if entry.split == "test"]
    assert len(items) + len(skipped) == len(clippings.annotations["test"])
    assert all(item.image.open().size in ((4, 4), (24, 24)) for item in items)
    path.write_bytes(before)
