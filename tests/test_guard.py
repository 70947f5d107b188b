"""What the inspection of data finds, how surely, and that it does not cry wolf."""

import random
from functools import partial

import numpy as np
import pytest
from photographs import altered, jpeg, photograph

from harness.api import Benchmark, DataFile, Evidence, Image, Item, Preview, Skipped, Teacher
from harness.findings import KINDS
from harness.guard.inspection import Looked, between, in_prompts, within
from harness.guard.outlines import stacked, thumbnail
from harness.guard.registration import copies
from harness.guard.telling import telling, telling_words
from harness.guard.wording import said_again
from harness.shelf import Shelf as ShelfFile

PHOTOS, DISTINCT = 40, 1000


class Told(Benchmark):
    """Whatever a test says; kept outside of its options."""

    name = "told"
    number: int = 0

    def said(self):
        return TOLD[self.number]

    def items(self, split):
        return self.said().get(split, [])

    def labels(self, split):
        return self.said().get("labels", {}).get(split, {})

    def references(self, split):
        return self.said().get("references", {}) if split == "test" else {}

    def files(self):
        return self.said().get("files", ())

    def skipped(self):
        return self.said().get("skipped", ())

    def oracles(self):
        return self.said().get("oracles", ())


TOLD = {}


def told(**said):
    TOLD[len(TOLD)] = said
    return Told(number=len(TOLD) - 1)


@pytest.fixture
def shelf(tmp_path):
    return ShelfFile(tmp_path / "shelf.sqlite")


@pytest.fixture
def found(shelf):
    """Findings of a benchmark by kind and split."""
    return lambda benchmark: {(one.kind, one.split): one for one in within(Looked.at(benchmark, shelf))}


def image(data, name="a.jpg"):
    return Image(partial(bytes, data), name)


def words_of(seed, count=12):
    rng = random.Random(seed)
    return [f"w{rng.randrange(4000)}" for _ in range(count)]


def caption(seed, count=12):
    return " ".join(words_of(seed, count)).capitalize() + "."


def items(count, prefix="i", **parts):
    """Items that differ in everything, with what ``parts`` make of their numbers."""
    made = []
    for number in range(count):
        own = {"caption": caption(f"{prefix}{number}")} | {name: make(number) for name, make in parts.items()}
        made.append(Item(own.pop("id", f"{random.Random(prefix + str(number)).getrandbits(40):010x}"), **own))
    return made


def labels_of(some):
    """Half of them falsified, by nothing else."""
    drawn = random.Random(5)
    return {item.id: drawn.choice(["pristine", "falsified"]) for item in some}


def coin(number):
    return random.Random(f"coin {number}").random() < 0.5


# Images


@pytest.fixture(scope="module")
def photos():
    return stacked([thumbnail(photograph(seed)) for seed in range(DISTINCT)])


@pytest.fixture(scope="module")
def altered_photos():
    kinds = {}
    for seed in range(PHOTOS):
        for name, picture in altered(photograph(seed), seed):
            kinds.setdefault(name, []).append(thumbnail(picture))
    return {name: stacked(own) for name, own in kinds.items()}


def test_nine_of_ten_copies_of_each_kind_are_found_and_each_with_its_original(photos, altered_photos):
    every = stacked([own.tobytes() for own in altered_photos.values()])
    alike = copies(photos[: 5 * PHOTOS], every)
    for place, name in enumerate(altered_photos):
        right = sum(alike.get(place * PHOTOS + seed, (-1,))[0] == seed for seed in range(PHOTOS))
        assert right >= 0.9 * PHOTOS, name


def test_the_original_is_found_among_copies_as_well(photos, altered_photos):
    for name in ("cropped by a tenth: all sides", "all of it"):
        alike = copies(altered_photos[name], photos[:PHOTOS])
        assert sum(alike.get(seed, (-1,))[0] == seed for seed in range(PHOTOS)) >= 0.9 * PHOTOS, name


def test_of_a_thousand_different_pictures_none_is_called_a_copy_of_another(photos):
    half = DISTINCT // 2
    assert copies(photos[:half], photos[half:]) == {}
    for start in (0, half):
        assert copies(photos[start : start + half : 2], photos[start + 1 : start + half : 2]) == {}


def test_what_shows_nothing_is_no_copy_of_anything():
    flat = stacked([bytes([level]) * 48 * 48 for level in (0, 128, 255)])
    ramp = stacked([bytes(range(0, 240, 5)) * 48])
    assert copies(flat, flat) == {}
    assert copies(ramp, flat) == {}


# Captions


def changes(text, seed):
    rng = random.Random(seed)
    parts = text.rstrip(".").split()
    place = rng.randrange(len(parts))
    yield "case", text.upper()
    yield "punctuation", f"“{', '.join(parts)}” –!"
    yield "changed", " ".join([*parts[:place], "altogether", *parts[place + 1 :]])
    yield "added", " ".join([*parts[:place], "altogether", *parts[place:]])
    yield "dropped", " ".join([*parts[:place], *parts[place + 1 :]])
    yield "both", " ".join([*parts[:place], "ALTOGETHER;", *parts[place + 1 :]]).upper()


@pytest.mark.parametrize("count", [4, 5, 6, 12, 30])
def test_a_caption_with_another_case_punctuation_or_word_is_found(count):
    ones = [caption(seed, count) for seed in range(200)]
    for kind in ("case", "punctuation", "changed", "added", "dropped", "both"):
        others = [dict(changes(text, seed))[kind] for seed, text in enumerate(ones)]
        same, nearly = said_again(ones, others)
        assert sum((same | nearly).get(place) == place for place in range(200)) >= 190, kind
        assert bool(same) == (kind in ("case", "punctuation"))


def test_of_a_thousand_different_captions_none_is_said_again():
    templates = ["{} and {} meet in {} on {}", "{}: the {} of {} as seen by {}", "After the {}, {} leaves {} for {}"]
    ones = [templates[seed % 3].format(*words_of(seed, 4)) for seed in range(700)] + [caption(s) for s in range(300)]
    assert len(set(ones)) == 1000
    assert said_again(ones[::2], ones[1::2]) == ({}, {})


def test_two_words_make_another_caption_and_so_does_one_of_three():
    assert said_again(["Obama speaks in Berlin on Monday"], ["Merkel speaks in Paris on Monday"]) == ({}, {})
    assert said_again(["Protest in Cairo"], ["Protest in Paris"]) == ({}, {})
    assert said_again(["", "…"], ["", "!"]) == ({}, {})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The U.S. president's visit", "the US presidents visit"),
        ("Die Straße ist leer und kalt", "DIE STRASSE IST LEER UND KALT"),
        ("北京の夜の写真", "北京の朝の写真"),
        ("وصل الرئيس إلى القاهرة اليوم", "وصل الرئيس إلى القاهرة أمس"),
    ],
)
def test_captions_of_any_script_are_compared(one, other):
    same, nearly = said_again([one], [other])
    assert same | nearly == {0: 0}


# One data set


def test_what_is_trained_on_and_tested_on_is_found(found):
    first, second, third, fourth, fifth, sixth = (photograph(seed) for seed in range(6))
    train = [
        Item("t1", "A crowd gathers in the square at noon.", image(jpeg(first, 90))),
        Item("t2", "Water stands in the streets after rain.", image(jpeg(second, 90))),
        Item("t3", "The minister arrives for talks on trade.", image(jpeg(third, 90))),
    ]
    test = [
        Item("e1", "A crowd gathers in the square, at noon", image(jpeg(first, 90))),
        Item("e2", "Something else entirely is said of it", image(jpeg(second, 90))),
        Item("e3", "Nobody has ever heard of such things", image(jpeg(third, 40))),
        Item("e4", "the minister arrives for talks on trade!", image(jpeg(fourth, 90))),
        Item("e5", "The minister leaves for talks on trade.", image(jpeg(fifth, 90))),
        Item("e6", "What is new is neither here nor there", image(jpeg(sixth, 90))),
    ]
    told_of = found(told(train=train, test=test))
    across = {kind: one for (kind, split), one in told_of.items() if split == "train, test"}
    assert {kind: (one.count, one.examples[0].item, one.examples[0].other) for kind, one in across.items()} == {
        "same item across splits": (1, "e1", "t1"),
        "same image across splits": (1, "e2", "t2"),
        "similar image across splits": (1, "e3", "t3"),
        "same caption across splits": (1, "e4", "t3"),
        "similar caption across splits": (1, "e5", "t3"),
    }


def test_test_items_of_another_benchmark_are_compared_with_those_trained_on(shelf):
    one = told(train=items(5, "a", image=lambda n: image(jpeg(photograph(n), 90))))
    other = told(test=items(5, "b", image=lambda n: image(jpeg(photograph(n + 3), 60))))
    (finding,) = between(Looked.at(one, shelf), Looked.at(other, shelf))
    assert (finding.kind, finding.count, finding.split) == ("similar image across splits", 2, "train, test")
    assert between(Looked.at(other, shelf), Looked.at(one, shelf)) == []


def test_images_that_cannot_be_used_and_those_that_are_not_what_they_seem_are_told(found, tmp_path):
    good, gif = jpeg(photograph(1), 80), tmp_path / "moves.gif"
    photograph(2).save(gif, save_all=True, append_images=[photograph(3)])
    (tmp_path / "empty.jpg").touch()
    some = [
        Item("good", "A b c", image(good)),
        Item("cut", "D e f", image(good[: len(good) // 2])),
        Item("empty", "G h i", Image.file(tmp_path / "empty.jpg")),
        Item("gone", "J k l", Image.file(tmp_path / "gone.jpg")),
        Item("named", "M n o", image(good, "photo.png")),
        Item("moves", "P q r", Image.file(gif)),
        Item("silent", " …", image(jpeg(photograph(4), 80))),
        Item("long", "word " * 400, image(jpeg(photograph(5), 80))),
    ]
    told_of = found(told(test=some))
    unreadable = told_of["unreadable image", "test"]
    assert (unreadable.count, unreadable.severity) == (3, "error")
    assert {one.item: one.note.partition(":")[0] for one in unreadable.examples} == {
        "cut": "is not an image that can be decoded",
        "empty": "is empty",
        "gone": "cannot be read",
    }
    assert told_of["mislabelled image", "test"].examples[0].note == "JPEG, named as PNG"
    assert told_of["animated image", "test"].examples[0].item == "moves"
    assert told_of["empty caption", "test"].examples[0].item == "silent"
    assert told_of["long caption", "test"].examples[0].item == "long"


def test_one_image_with_one_caption_and_two_labels_is_a_conflict(found):
    data = jpeg(photograph(1), 80)
    pair = [Item("a", "The same words here", image(data)), Item("b", "the same words here!", image(data))]
    labels = {"a": "pristine", "b": "falsified"}
    assert found(told(test=pair, labels={"test": labels}))["conflicting labels", "test"].examples[0].other == "b"
    assert found(told(test=pair))["repeated item", "test"].count == 1
    assert ("conflicting labels", "test") not in found(
        told(test=pair, labels={"test": dict.fromkeys("ab", "pristine")})
    )


def test_lopsided_classes_are_told(found):
    some = items(20)
    labels = {item.id: "falsified" if place else "pristine" for place, item in enumerate(some)}
    assert found(told(train=some, labels={"train": labels}))["lopsided classes", "train"].count == 19


def test_files_skipped_entries_and_oracles_are_told_with_reason_and_remedy(found):
    benchmark = told(
        test=items(3),
        files=[
            DataFile("data.json", "/x/data.json", 0, origin="example.org"),
            DataFile("images", "/x/images", 7, 10, needed=False),
            DataFile("there", "/x/there", 1),
        ],
        skipped=[Skipped("row 3", "has no caption", "test"), Skipped("row 9", "has no caption", "test")],
        oracles=["Pristine items were cleaned by their labels."],
    )
    told_of = found(benchmark)
    assert told_of["missing file", ""].found == "data.json: 0 of 1; from example.org"
    assert told_of["missing part", ""].found == "images: 7 of 10"
    assert told_of["skipped entries", "test"].found == "2 skipped: has no caption; first row 3"
    assert told_of["depends on the label", ""].found == "Pristine items were cleaned by their labels."
    assert len(told_of) == 4
    assert all(kind.means and kind.remedy for kind in KINDS.values())


# Leaks


def leaks():
    """What gives the label away, by name: the kind that must be found, and parts of items by number and label."""
    plain, other = jpeg(photograph(3), 80), jpeg(photograph(3), 40)
    return {
        "a verdict in the caption": ("verdict in sight", {"caption": lambda n, f: caption(n) + " (Fake!)" * f}),
        "words of a verdict in the evidence": (
            "verdict in sight",
            {"evidence": lambda n, f: Evidence(captions=(caption(-n - 1), "This was taken out of context" * f))},
        ),
        "the name of a fact-checker in some of the evidence": (
            "verdict in sight",
            {"evidence": lambda n, f: Evidence(captions=(caption(-n - 1), "Snopes on this" * (f and n % 5 == 0)))},
        ),
        "a word that means nothing": ("telling word", {"caption": lambda n, f: caption(n) + " xqz" * f}),
        "no evidence": (
            "evidence by class",
            {"evidence": lambda n, f: Evidence(captions=() if f and n % 3 == 0 else (caption(-n - 1),))},
        ),
        "the caption found": (
            "evidence by class",
            {"evidence": lambda n, f: Evidence(captions=(caption(-n - 1 if f else f"i{n}"),))},
        ),
        "the length of captions": ("telling trait", {"caption": lambda n, f: caption(n, 8 + n % 6 + 4 * f)}),
        "the size of images": (
            "telling trait",
            {"image": lambda n, f: image(jpeg(photograph(n % 9).resize((90 + 40 * f, 60)), 80))},
        ),
        "the compression of images": ("telling trait", {"image": lambda n, f: image(other if f else plain)}),
        "the suffix of images": (
            "telling trait",
            {"image": lambda n, f: image(plain, f"{n * 7919 % 997}.{'jpeg' if f else 'jpg'}")},
        ),
        "the folder of images": (
            "telling name",
            {"image": lambda n, f: image(plain, f"/data/{'fake' if f else 'real'}/{n * 7919 % 997}.jpg")},
        ),
        "the id": ("telling name", {"id": lambda n, f: f"{'ooc' if f else 'true'}_{n * 7919 % 997}"}),
        "the order of ids": ("telling name", {"id": lambda n, f: f"{int(f)}{n * 7919 % 997:03d}"}),
        "the group": ("telling name", {"group": lambda n, f: f"{'manipulated' if f else 'original'}-{n}"}),
    }


@pytest.mark.parametrize("name", leaks())
def test_a_planted_leak_is_found(name, found):
    kind, parts = leaks()[name]
    some = items(160, **{part: lambda n, make=make: make(n, coin(n)) for part, make in parts.items()})
    labels = {item.id: "falsified" if coin(n) else "pristine" for n, item in enumerate(some)}
    told_of = found(told(test=some, labels={"test": labels}))
    assert (kind, "test") in told_of, list(told_of)


def test_labels_in_turns_and_labels_in_blocks_are_found(found):
    some = items(120)
    for falsified in (lambda place: place % 2, lambda place: place < 60):
        labels = {item.id: "falsified" if falsified(place) else "pristine" for place, item in enumerate(some)}
        assert "place in the file" in found(told(test=some, labels={"test": labels}))["telling name", "test"].found


def test_a_reference_in_the_evidence_is_found_and_a_short_one_is_no_leak(found):
    explained = "The photo shows another town in another year"
    some = [
        Item("a", caption(1), evidence=Evidence(captions=("News: the photo shows another town, in another year.",))),
        Item("b", caption(2), evidence=Evidence(captions=("No",))),
    ]
    (finding,) = found(told(test=some, references={"a": explained, "b": "No"})).values()
    assert (finding.kind, finding.count, finding.examples[0].item) == ("reference in sight", 1, "a")


class Indiscreet(Teacher):
    """Asks in words that hold what they must not."""

    name = "indiscreet"
    holds: str = ""

    def annotate(self, items):
        return ()

    def preview(self, item):
        parts = {
            "label": "Hint: " + ("blue" if coin(int(item.group)) else "green"),
            "id": f"Item {item.id}",
            "image": f"See {item.image.name}" if item.image else "",
            "reference": f"Known: {explanation(item)}",
        }
        return Preview(f"Is this falsified or pristine? {item.caption} {parts.get(self.holds, '')}")


def explanation(item):
    return f"the picture of {item.id} is from somewhere else"


@pytest.mark.parametrize(
    ("holds", "kind"),
    [
        ("label", "verdict in sight"),
        ("id", "name in sight"),
        ("image", "name in sight"),
        ("reference", "reference in sight"),
    ],
)
def test_what_a_prompt_gives_away_is_found_without_asking_anybody(holds, kind):
    some = items(120, group=str, image=lambda n: image(b"", f"photo{n}.jpg"))
    labels = {item.id: "falsified" if coin(n) else "pristine" for n, item in enumerate(some)}
    benchmark = told(test=some, labels={"test": labels}, references={item.id: explanation(item) for item in some})
    assert {one.kind for one in in_prompts(Indiscreet(holds=holds), benchmark)} >= {kind}
    assert in_prompts(Indiscreet(), benchmark) == []


def test_data_that_give_nothing_away_end_in_silence(found):
    some = items(
        400,
        image=lambda n: image(jpeg(photograph(n % 7).resize((80 + n % 13, 60)), 70 + n % 9)),
        evidence=lambda n: Evidence(captions=tuple(caption(f"e{n}{k}") for k in range(n % 4))),
    )
    assert found(told(test=some, labels={"test": labels_of(some)})) == {}


def test_two_hundred_sets_without_a_leak_raise_no_alarm():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        truth = (rng.random(300) < 0.5).tolist()
        numbers = {f"n{place}": rng.exponential(size=300).round(1).tolist() for place in range(8)}
        values = {f"v{place}": rng.choice(list("abcd"), 300).tolist() for place in range(6)}
        bags = [frozenset(map(str, rng.integers(0, 200, 12))) for _ in range(300)]
        alarms += bool(telling(numbers, values, truth)) + bool(telling_words(bags, truth))
    assert alarms <= 1


# What is kept


class Counting(ShelfFile):
    """Counts what is put into it: an entry for each image that was decoded."""

    entries = 0

    def put(self, entries):
        self.entries += len(entries)
        super().put(entries)


def test_an_image_is_decoded_once_and_not_again_for_another_data_set(tmp_path):
    shelf = Counting(tmp_path / "counting.sqlite")
    one = told(test=items(4, image=lambda n: image(jpeg(photograph(n % 2), 80))))
    first = within(Looked.at(one, shelf))
    assert shelf.entries == 2
    assert within(Looked.at(told(test=one.items("test")), shelf)) == first
    assert shelf.entries == 2


def test_of_many_images_an_even_sample_is_looked_at_and_said(shelf):
    some = items(30, image=lambda n: image(jpeg(photograph(n % 3), 80)))
    looked = Looked.at(told(test=some), shelf, most=10)
    assert list(looked.sides["test"].album.contents) == [item.id for item in some[::3]]
    assert [one.found for one in within(looked)] == ["10 of 30 images were looked at"]
