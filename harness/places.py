"""Where in a report something stands, in the words of the report."""

from __future__ import annotations

from collections.abc import Sequence

from harness.document import Element


def place(trail: Sequence[Element]) -> str:
    """``section, table, row, column`` of the last element of a trail, or as much of it as there is."""
    return ", ".join(part for part in (_section(trail), _heading(trail), *_cell(trail), _rest(trail)) if part)


def _section(trail: Sequence[Element]) -> str:
    outer = _last(trail, "section")
    if outer is None:
        known = {"head": "head of the page", "header": "top of the page", "script": "script"}
        return next((known[element.tag] for element in reversed(trail) if element.tag in known), "page")
    heading = outer.first("h2")
    return heading.text if heading else outer.attributes.get("aria-label", outer.attributes.get("id", "section"))


def _heading(trail: Sequence[Element]) -> str:
    """The figure, the table or the details that it stands in."""
    if table := _last(trail, "table"):
        return f"table {table.attributes.get('id', '')}".strip()
    if (figure := _last(trail, "figure")) and (heading := figure.first("h3")):
        return f"figure “{_plain(heading)}”"
    return ""


def _cell(trail: Sequence[Element]) -> tuple[str, ...]:
    """Row and column of a table by their headings."""
    line, table = _last(trail, "tr"), _last(trail, "table")
    if line is None or table is None:
        return ()
    cells = [child for child in line.elements if child.tag in ("td", "th")]
    inside = next((index for index, cell in enumerate(cells) if any(cell is step for step in trail)), None)
    head = table.first("thead")
    if head is not None and any(head is step for step in trail):
        return ("heading", *(() if inside is None else (f"column “{_plain(cells[inside])}”",)))
    label = next((cell for cell in cells if cell.attributes.get("scope") == "row"), cells[0] if cells else None)
    row = _row(table, line, label)
    titles = list(head.all("th")) if head is not None else []
    if inside is None or inside >= len(titles):
        return (row,)
    return row, f"column “{_plain(titles[inside])}”"


def _row(table: Element, line: Element, label: Element | None) -> str:
    """A row by its label and, where others have the same, by what else it is about."""
    if label is None:
        return "row"
    alike = [head for head in table.all(label.tag) if head.attributes.get("scope") == "row" and head.text == label.text]
    about = ", ".join(value for name, value in line.attributes.items() if name.startswith("data-"))
    return f"row “{_plain(label)}”" + (f" ({about})" if len(alike) > 1 and about else "")


def _rest(trail: Sequence[Element]) -> str:
    """What no heading says: the paragraph, the part of a chart, the name of a fact."""
    last = trail[-1]
    if last.tag == "meta":
        name = last.attributes.get("name", last.attributes.get("http-equiv", ""))
        return f"meta {name}".strip()
    if _last(trail, "table") is not None:
        return "" if last.tag in ("td", "th", "bdi", "span", "tr") else f"<{last.tag}>"
    if _last(trail, "svg") is not None:
        return _drawn(trail)
    for index in range(len(trail) - 1, 0, -1):
        if trail[index].tag in ("p", "dd", "li", "style", "script", "pre", "title", "h1"):
            return _ordinal(trail[index - 1], trail[index])
    return f"<{last.tag}>" if last.tag else ""


def _drawn(trail: Sequence[Element]) -> str:
    """A part of a chart by the title of the innermost group that has one."""
    svg = _last(trail, "svg")
    assert svg is not None
    named = [title for step in trail if step.tag == "g" for title in step.elements if title.tag == "title"]
    chart = f"chart {svg.attributes.get('class', '').replace('chart', '').strip()}".strip()
    part = f"“{_plain(named[-1])}”" if named else ""
    return ", ".join(text for text in (chart, part, f"<{trail[-1].tag}>") if text)


def _ordinal(parent: Element, element: Element) -> str:
    if element.tag == "dd":
        siblings = parent.elements
        before = siblings[: next(index for index, sibling in enumerate(siblings) if sibling is element)]
        return f"“{_plain(before[-1])}”" if before else "fact"
    alike = [sibling for sibling in parent.elements if sibling.tag == element.tag]
    number = next((index for index, sibling in enumerate(alike, 1) if sibling is element), 1)
    words = {"p": "paragraph", "li": "entry", "pre": "text", "h1": "title"}
    name = words.get(element.tag, element.tag)
    return f"{name} {number}" if len(alike) > 1 else name


def _last(trail: Sequence[Element], tag: str) -> Element | None:
    return next((element for element in reversed(trail) if element.tag == tag), None)


def _plain(element: Element) -> str:
    # What stands beneath a label, such as a warning, is no part of it.
    text = (element.first("bdi") or element).text.replace("\u00ad", "")
    return text if len(text) <= 60 else f"{text[:59]}…"
