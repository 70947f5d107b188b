"""An HTML page as a tree, and where two pages differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from html.parser import HTMLParser
from itertools import zip_longest

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


@dataclass(slots=True)
class Element:
    """An element with its attributes and what stands in it."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)
    end: str = ""
    """The tag that closed it."""

    @property
    def text(self) -> str:
        """All text in it, blanks run together."""
        return " ".join(self.text_as_it_is.split())

    @property
    def text_as_it_is(self) -> str:
        """All text in it, blanks and line ends too."""
        return "".join(child if isinstance(child, str) else child.text_as_it_is for child in self.children)

    @property
    def elements(self) -> list[Element]:
        """Its children without the texts."""
        return [child for child in self.children if isinstance(child, Element)]

    def all(self, tag: str) -> Iterator[Element]:
        """Every element of that tag in it, in order."""
        for child in self.elements:
            if child.tag == tag:
                yield child
            yield from child.all(tag)

    def first(self, tag: str) -> Element | None:
        """The first element of that tag in it."""
        return next(self.all(tag), None)


class _Reader(HTMLParser):
    """Builds the tree; an end closes whatever was opened last, so that a changed tag moves nothing."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = self._add(tag, attrs)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(made)
        return made

    def handle_endtag(self, tag: str) -> None:
        if len(self._open) > 1:
            self._open.pop().end = tag

    def handle_data(self, data: str) -> None:
        children = self._open[-1].children
        if children and isinstance(children[-1], str):
            children[-1] += data
        else:
            children.append(data)

    def handle_comment(self, data: str) -> None:
        self._open[-1].children.append(Element("!", {"text": data}))

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)

    def handle_pi(self, data: str) -> None:
        self.handle_comment(data)

    def unknown_decl(self, data: str) -> None:
        self.handle_comment(data)


def read(text: str) -> Element:
    """The page as the root of a tree."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.root


@dataclass(frozen=True, slots=True)
class Unlike:
    """One text, attribute or element that is not the same; ``trail`` leads to it in the page that was expected."""

    trail: tuple[Element, ...]
    what: str
    found: str
    expected: str


def unlike(found: Element, expected: Element, trail: tuple[Element, ...] = ()) -> Iterator[Unlike]:
    """Each text, attribute and element of ``found`` that is not as expected."""
    here = (*trail, expected)
    if found.tag != expected.tag:
        yield Unlike(here, "element", found.tag, expected.tag)
    if found.end != expected.end:
        yield Unlike(here, "end of an element", found.end, expected.end)
    for name in sorted(found.attributes.keys() | expected.attributes.keys()):
        mine, theirs = found.attributes.get(name, ""), expected.attributes.get(name, "")
        if mine != theirs or (name in found.attributes) != (name in expected.attributes):
            yield Unlike(here, f"attribute {name}", mine, theirs)
    for child, other in _beside(found.children, expected.children):
        yield from _child(child, other, here)


def _child(mine: Element | str | None, theirs: Element | str | None, here: tuple[Element, ...]) -> Iterator[Unlike]:
    if isinstance(mine, Element) and isinstance(theirs, Element):
        yield from unlike(mine, theirs, here)
    elif mine != theirs:
        at = (*here, theirs) if isinstance(theirs, Element) else (*here, mine) if isinstance(mine, Element) else here
        yield Unlike(at, "text" if at is here else "element", _shown(mine), _shown(theirs))


def _shown(child: Element | str | None) -> str:
    if isinstance(child, Element):
        return " ".join(text for part in leaves(child, attributes=False) if (text := part.strip())) or f"<{child.tag}>"
    return child or ""


Child = Element | str | None


def _beside(mine: Sequence[Element | str], theirs: Sequence[Element | str]) -> Iterator[tuple[Child, Child]]:
    """Children that stand for each other; where one page has more, by what they are about."""
    if len(mine) == len(theirs):
        yield from zip(mine, theirs, strict=True)
        return
    mine, theirs = ([child for child in page if not _blank(child)] for page in (mine, theirs))
    matcher = SequenceMatcher(None, [*map(_about, mine)], [*map(_about, theirs)], autojunk=False)
    for _, start, end, other_start, other_end in matcher.get_opcodes():
        yield from zip_longest(mine[start:end], theirs[other_start:other_end])


def _blank(child: Element | str) -> bool:
    return isinstance(child, str) and not child.strip()


def _about(child: Element | str) -> tuple[str, ...]:
    """What tells a child from its neighbours, though its numbers be others."""
    if isinstance(child, str):
        return ("", child.strip())
    named = (f"{name}={value}" for name, value in child.attributes.items() if name == "id" or name.startswith("data-"))
    return (child.tag, *named)


def leaves(element: Element, *, attributes: bool = True) -> Iterator[str]:
    """Every text and, unless they are not wanted, every attribute's value."""
    if attributes:
        yield from element.attributes.values()
    for child in element.children:
        if isinstance(child, str):
            yield child
        else:
            yield from leaves(child, attributes=attributes)
