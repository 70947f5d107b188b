"""A section of the page: a name, a title, whether it has anything to say, and what it draws."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from harness_reports.seen import Seen

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section(ABC):
    """One part of the page beneath a heading of its own; its fields, if any, bound what it shows.

    A template is one of the page's own or lies in the folder ``templates`` beside the section's module. The page's
    own come first, so another one needs another name.
    """

    name: ClassVar[str]
    """In the matrix's option ``sections`` and in links; lower case, words joined by hyphens."""
    title: ClassVar[str]
    """The heading."""
    link: ClassVar[str] = ""
    """What the navigation calls it, where the title is too long for that."""
    template: ClassVar[str] = "sections/plain.j2"
    """The default draws ``texts`` (paragraphs) and ``tables`` (`harness_reports.tables.Table`)."""

    def applies(self, seen: Seen) -> bool:
        """Whether the section stands on the page of this run at all."""
        return True

    @abstractmethod
    def context(self, seen: Seen) -> Mapping[str, object]:
        """What the template is filled with. Every text is escaped; none of it is ever a template."""

    def render(self, seen: Seen, environment: Environment) -> Markup:
        """The section without its heading."""
        from markupsafe import Markup

        return Markup(environment.get_template(self.template).render(self.context(seen)))


def environment_for(sections: Iterable[Section]) -> Environment:
    """Where the templates of the page and of these sections are found."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    beside = (Path(inspect.getfile(type(section))).parent / "templates" for section in sections)
    return Environment(
        # A text of a view is a value and never a template; nothing else may be loaded.
        loader=FileSystemLoader(list(dict.fromkeys([TEMPLATES, *beside]))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
