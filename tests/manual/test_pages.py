import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_a_page_does_what_it_says(page, tmp_path, execute):
    execute([page], tmp_path / "page")


def test_the_pages_about_served_models_do_what_they_say(served, tmp_path, execute, endpoint):
    execute(served, tmp_path / "pages", [("http://localhost:8000", endpoint.address)])
    keys = {headers["Authorization"] for _, headers, _ in endpoint.asked}
    assert "Bearer the-key-of-your-account" in keys


def test_a_block_that_is_not_run_says_why(blocks_of):
    named = [
        (page.name, block.line, block.title)
        for page in DOCS.rglob("*.md")
        for block in blocks_of(page)
        if block.kind in ("console", "python", "yaml") and block.title and not block.is_file
    ]
    assert [entry for entry in named if not re.fullmatch(r"\S.{8,}: not run by the tests", entry[2])] == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("$ echo one\ntwo", "page.md:1: echo one wrote"),
        ("$ echo one; echo two\none", "page.md:1: echo one; echo two wrote"),
        ("$ echo one\none\ntwo", "page.md:1: echo one wrote"),
        ("$ (exit 3)", "page.md:1: (exit 3) ended with 3"),
    ],
)
def test_a_command_that_does_something_else_than_its_page_says_fails(tmp_path, execute, text, complaint):
    page = tmp_path / "page.md"
    page.write_text(f"```console\n{text}\n```\n")
    with pytest.raises(AssertionError, match=re.escape(complaint)):
        execute([page], tmp_path / "page")


def test_an_ellipsis_stands_for_what_differs_from_run_to_run(tmp_path, execute):
    page = tmp_path / "page.md"
    page.write_text(
        '```text title="a/word.txt"\nthree\n```\n\n```console\n$ echo one; echo two; cat a/word.txt\n…\nt…e\n```\n'
    )
    execute([page], tmp_path / "page")
