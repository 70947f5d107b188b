"""`harness benchmarks list` and `show`: people look at their data, and the data can do nothing to them."""

import csv
import json
import re
from collections import Counter

import pytest
from PIL import Image as Pillow

HOSTILE = "\x1b[31m[bold]red[/bold]\x07 <script>alert(1)</script> \u202egnp.exe & \"quoted\" 'too'"


@pytest.fixture
def archive(tmp_path):
    """A table of hostile rows with a matrix; one image is none."""
    rows = [
        {
            "id": f"n{number}",
            "caption": f"Caption {number} {HOSTILE}",
            "image": f"{number}.png",
            "label": "falsified" if number % 2 else "pristine",
            "split": "train" if number < 8 else "test",
            "things": json.dumps(["Oslo [bold]", "Rain"]),
            "pages": json.dumps([f"Page {HOSTILE}"]),
        }
        for number in range(12)
    ]
    for row in rows:
        Pillow.new("RGB", (30, 20), "red").save(tmp_path / row["image"])
    (tmp_path / "0.png").write_bytes(b"no image")
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "m.yaml").write_text(
        "benchmarks:\n  archive: {uses: table, file: a.csv, entities: things, evidence: pages}\n"
        "teachers: {a: evidence-overlap}\nteachers_as_arms: true\n"
    )
    return tmp_path


def ids(text):
    return re.findall(r"^n\d+$", text, re.MULTILINE)


def test_the_list_names_every_benchmark_with_what_it_gives(harness):
    found = {row["name"]: row for row in json.loads(harness("benchmarks", "list", "--json").stdout)}
    assert found["newsworld"]["gives"] == ["evidence", "image"]
    assert found["newsworld"]["distribution"] == "ooc-harness"
    assert found["table"]["gives"] is None
    assert found["table"]["text"].startswith("Your own archive: ")
    told = harness("benchmarks", "list").stdout
    assert re.search(r"^newsworld +ooc-harness \S+ +evidence, image\n  Procedural pictures", told, re.MULTILINE)


def test_a_sample_is_seeded_and_has_a_part_of_every_class(harness, archive):
    first = harness("benchmarks", "show", "m.yaml", "--items", "4", "--labels").stdout
    assert first.splitlines()[:3] == [
        "archive (table): train, 8 items",
        "Classes: 4 pristine, 4 falsified.",
        "4 of 8 shown, drawn from every class with seed 0.",
    ]
    assert Counter(re.findall(r"^  label     (\w+)$", first, re.MULTILINE)) == {"pristine": 2, "falsified": 2}
    assert harness("benchmarks", "show", "m.yaml", "--items", "4", "--labels").stdout == first
    other = [
        ids(harness("benchmarks", "show", "m.yaml", "--items", "4", "--seed", str(seed)).stdout) for seed in (1, 2)
    ]
    assert len({tuple(found) for found in (*other, ids(first))}) == 3


def test_labels_are_hidden_unless_they_are_asked_for(harness, archive):
    told = harness("benchmarks", "show", "m.yaml", "archive").stdout
    assert "Labels are hidden; --labels shows them." in told
    assert "  label" not in told
    assert harness("benchmarks", "show", "m.yaml", "--html", "page.html").stdout == "page: page.html (5 items)\n"
    body = (archive / "page.html").read_text().partition("</header>")[2]
    assert "falsified" not in body
    assert "pristine" not in body
    harness("benchmarks", "show", "m.yaml", "--labels", "--html", "page.html")
    assert '<b class="label falsified">falsified</b>' in (archive / "page.html").read_text()


def test_nothing_that_a_data_set_says_is_obeyed_by_a_terminal_or_read_as_markup(harness, archive):
    told = harness("benchmarks", "show", "m.yaml", "--id", "n3").stdout
    assert all(letter.isprintable() or letter == "\n" for letter in told)
    text = " ".join(told.split())
    assert "caption Caption 3 [31m[bold]red[/bold] <script>alert(1)</script> gnp.exe &" in text
    assert "image 30 x 20 pixels," in text
    assert "entities Oslo [bold]; Rain" in text


def test_an_image_that_is_none_is_said_and_stops_nothing(harness, archive):
    assert "image     cannot be shown: is not an image" in harness("benchmarks", "show", "m.yaml", "--id", "n0").stdout
    harness("benchmarks", "show", "m.yaml", "--id", "n0", "--html", "page.html")
    assert "no picture" in (archive / "page.html").read_text()


def test_the_page_escapes_everything_and_asks_for_nothing(harness, archive):
    harness("benchmarks", "show", "m.yaml", "--items", "8", "--html", "page.html")
    page = (archive / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\u202e" not in page
    assert "default-src 'none'" in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert page.count('src="data:image/webp;base64,') == 7


def test_a_named_benchmark_is_made_with_options(harness):
    told = harness("benchmarks", "show", "newsworld", "-o", "train=10", "--split", "train", "--items", "1").stdout
    assert told.startswith("newsworld: train, 10 items\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("m.yaml", "archives"), "error: m.yaml: no benchmark is called 'archives'; did you mean 'archive'?"),
        (("m.yaml", "--id", "n33"), "error: table: no item is called 'n33'; did you mean 'n3'?"),
        (("m.yaml", "--split", "validation"), "error: table: the validation split is empty"),
        (("m.yaml", "-o", "seed=1"), "error: m.yaml: -o is for a benchmark by its name; a matrix says the options"),
        (("newsworlds",), "error: no benchmark is called 'newsworlds'; did you mean 'newsworld'?"),
        (("newsworld", "x"), "error: 'x' is a label in a matrix, and 'newsworld' is none"),
        (("newsworld", "--html", "no/p.html"), "error: no/p.html: cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_shown_is_told_with_the_way_out(harness, archive, arguments, message):
    assert harness("benchmarks", "show", *arguments, expect=2).stderr.startswith(message)


@pytest.mark.browser
def test_the_page_is_shown_without_a_request_or_a_complaint(harness, archive, tmp_path):
    from chromium import Chromium, found

    if found() is None:
        pytest.skip("there is no Chromium")
    harness("benchmarks", "show", "m.yaml", "--items", "8", "--labels", "--html", "page.html")
    with Chromium(found(), tmp_path / "profile") as browser:
        for width in (1100, 390):
            browser.open(archive / "page.html", width=width)
            assert browser.evaluate("document.documentElement.scrollWidth") <= width
        style = "getComputedStyle(document.querySelector('.label.falsified')).backgroundColor"
        assert browser.evaluate(style) == "rgb(252, 235, 233)"
        assert (browser.witness.found(), browser.witness.dialogs) == (([], []), [])
