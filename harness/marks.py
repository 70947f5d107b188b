"""The numbers of a report's tables by what they are about, whichever version of the report wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.document import Element


@dataclass(frozen=True, slots=True)
class Mark:
    """A number as it is exactly and as it is shown."""

    value: str
    shown: str
    trail: tuple[Element, ...] = field(compare=False)


def marks(page: Element) -> Mapping[tuple[str, ...], Mark]:
    """Numbers by table, row and column.

    A row is what its ``data-`` attributes say and, where rows agree in these, which of them it is; a column is its
    ``data-metric`` or its heading.
    """
    found: dict[tuple[str, ...], Mark] = {}
    for trail in _tables(page, ()):
        table = trail[-1]
        titles = [title.text for head in table.all("thead") for title in head.all("th")]
        for line, cell, index in _cells(table):
            if "data-value" in cell.attributes:
                column = cell.attributes.get("data-metric") or (titles[index] if index < len(titles) else str(index))
                key = (table.attributes.get("id", ""), *_about(line), column)
                place = 1
                while (*key, str(place)) in found:
                    place += 1
                found[*key, str(place)] = Mark(cell.attributes["data-value"], _shown(cell), (*trail, line, cell))
    return found


def _tables(element: Element, above: tuple[Element, ...]) -> Iterator[tuple[Element, ...]]:
    here = (*above, element)
    if element.tag == "table":
        yield here
        return
    for child in element.elements:
        yield from _tables(child, here)


def _cells(table: Element) -> Iterator[tuple[Element, Element, int]]:
    for body in table.elements:
        if body.tag == "tbody":
            for line in body.elements:
                for index, cell in enumerate(line.elements):
                    yield line, cell, index


def _shown(cell: Element) -> str:
    return " ".join(child if isinstance(child, str) else child.text for child in cell.children)


def _about(line: Element) -> list[str]:
    return [f"{name}={value}" for name, value in line.attributes.items() if name.startswith("data-")]
