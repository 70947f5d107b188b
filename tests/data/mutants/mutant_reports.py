"""Reports with one fault each. ``breaks`` is the rule that must find it, ``seen`` what it must say."""

import time
from html import escape
from typing import ClassVar

from harness.api import Report, hookimpl


class Page(Report):
    """Arms and their accuracies as a page."""

    name = "page"

    def render(self, view, out):
        rows = "".join(self.row(arm) for arm in view.arms.to_dict("records"))
        body = f"<!doctype html><title>{escape(view.title)}</title><table>{rows}</table>{self.more(view)}"
        (out / "page.html").write_text(body, encoding="utf-8")
        return [out / "page.html"]

    def row(self, arm):
        return f"<tr><td>{escape(arm['arm'])}<td>{arm['accuracy']:.3f}"

    def more(self, view):
        return ""


class Eager(Page):
    """Expects an arm."""

    name = "eager"
    breaks: ClassVar = "renders a run that is not done"
    seen: ClassVar = "render() raised IndexError: single positional indexer is out-of-bounds"

    def more(self, view):
        return escape(view.arms.iloc[0]["arm"])


class Missing(Page):
    """Asks for a column that is not there."""

    name = "missing"
    breaks: ClassVar = "renders a finished run"
    seen: ClassVar = "render() raised KeyError: 'f1'"

    def more(self, view):
        return str(view.arms["f1"])


class Secret(Page):
    """Writes more than it says."""

    name = "secret"
    breaks: ClassVar = "returns the files that it wrote"
    seen: ClassVar = "data.csv was written and not returned"

    def render(self, view, out):
        view.arms.to_csv(out / "data.csv")
        return super().render(view, out)


class Outside(Page):
    """Returns a file in another folder."""

    name = "outside"
    breaks: ClassVar = "returns the files that it wrote"
    seen: ClassVar = "was written outside of the folder that was given"

    def render(self, view, out):
        from pathlib import Path

        return [*super().render(view, out), Path(__file__)]


class Dated(Page):
    """Says when it was written."""

    name = "dated"
    breaks: ClassVar = "the same view gives the same bytes"
    seen: ClassVar = "rendered again, the files differ"

    def more(self, view):
        return f"<p>{time.perf_counter_ns()}"


class Raw(Page):
    """Trusts names."""

    name = "raw"
    breaks: ClassVar = "escapes what comes from outside"
    seen: ClassVar = "markup in a text of the view becomes an element of page.html"

    def row(self, arm):
        return f"<tr><td>{arm['arm']}"


class Templated(Page):
    """Makes a template of a title."""

    name = "templated"
    breaks: ClassVar = "escapes what comes from outside"
    seen: ClassVar = "a template in a text of the view is carried out in page.html"

    def more(self, view):
        from jinja2 import Environment

        return Environment(autoescape=True).from_string(escape(view.title)).render()


class Online(Page):
    """Takes its style from a server."""

    name = "online"
    breaks: ClassVar = "needs no network"
    seen: ClassVar = "page.html fetches https://example.org/style.css"

    def more(self, view):
        return '<link rel="stylesheet" href="https://example.org/style.css">'


class Sorts(Page):
    """Sorts the view's own table."""

    name = "sorts"
    breaks: ClassVar = "leaves the view as it was"
    seen: ClassVar = "render() changed the table arms"

    def render(self, view, out):
        if len(view.arms) and "rank" not in view.arms:
            view.arms["rank"] = view.arms["accuracy"].rank()
        return super().render(view, out)


@hookimpl
def harness_reports():
    return [
        cls for cls in globals().values() if isinstance(cls, type) and issubclass(cls, Report) and cls is not Report
    ]
