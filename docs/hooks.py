"""Parts of the manual that are made from the code when the site is built, so that they cannot go stale.

A page asks for one with a comment on a line of its own: ``<!-- made: commands -->``.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
from mkdocs.exceptions import PluginError

_PLACE = re.compile(r"^<!-- made: ([a-z-]+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: object) -> str:
    """What MkDocs calls with the text of every page."""
    return _PLACE.sub(lambda match: part(match[1]), markdown)


def part(name: str) -> str:
    """The part of that name, as Markdown."""
    if name not in PARTS:
        raise PluginError(f"no part is called {name!r}; there are {', '.join(PARTS)}")
    return "\n".join(PARTS[name]())


def commands() -> Iterator[str]:
    """Every command with its arguments and options, as click knows them."""
    from harness.cli import main

    yield from _command(main, click.Context(main, info_name="harness"))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield f"\n## `{context.command_path}` {{ #{context.command_path.replace(' ', '-')} }}\n"
        yield f"{_paragraphs(command.help or '')}\n"
        yield f"```text\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```\n"
        options = [record for option in _options(command) if (record := option.get_help_record(context))]
        if options:
            yield "| option | meaning |\n|---|---|"
            yield from (f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in options)
        return
    # In the order in which they were added, not of the alphabet: run comes first.
    for name, found in command.commands.items():
        yield from _command(found, click.Context(found, info_name=name, parent=context))


def _options(command: click.Command) -> Iterator[click.Parameter]:
    return (parameter for parameter in command.params if isinstance(parameter, click.Option))


def _paragraphs(text: str) -> str:
    return inspect.cleandoc(text).replace("\b\n", "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def errors() -> Iterator[str]:
    """The tree of errors with what each one says."""
    from harness.errors import HarnessError

    yield from _tree(HarnessError, "")


def _tree(error: type[Exception], indent: str) -> Iterator[str]:
    yield f"{indent}- `{error.__name__}`: {inspect.getdoc(error)}"
    for narrower in error.__subclasses__():
        if narrower.__module__ == error.__module__:
            yield from _tree(narrower, indent + "    ")


def built_ins() -> Iterator[str]:
    """Every built-in component with its options, by kind."""
    from harness.components import KINDS
    from harness.loading import DISTRIBUTION
    from harness.plugins import Registry
    from harness.portrait import portrait

    registry = Registry.installed()
    for kind in KINDS:
        yield f"\n## {_plural(kind)}"
        for found in registry.components(kind).values():
            for plugin, component in found:
                if plugin.distribution == DISTRIBUTION:
                    yield from _component(portrait(plugin, component))


def _component(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n### {facts['name']} {{ #{facts['kind']}-{facts['name']} }}\n"
    yield facts["text"]
    for name, told in facts["options"].items():
        yield f"\n**`{name}`** · {' · '.join(_option(told))}\n"
        text = told["text"] + (" Transport: no part of the identity." if told["transport"] else "")
        yield f":   {' '.join(text.split())}"
    verbs = {"losses": "knows the losses"}
    declared = [f"{verbs.get(name, name)} {', '.join(words)}" for name, words in facts["declares"].items() if words]
    if declared:
        yield f"\nWith its options as they are, it {'; '.join(declared)}."


def _option(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"`{told['type']}`"
    if told["range"]:
        yield f"`{told['range']}`"
    yield "must be given" if told["required"] else f"default `{json.dumps(told['default'], ensure_ascii=False)}`"


def _plural(kind: str) -> str:
    from harness.hookspec import HOOKS

    return HOOKS[kind].removeprefix("harness_").replace("_", " ").capitalize()


def checks() -> Iterator[str]:
    """Every rule of the conformance kit with its remedy: those of every kind first, then kind by kind."""
    from harness.components import KINDS
    from harness.testing import CHECKS, remedy_of, rule_of

    shared = [check for check in CHECKS["teacher"] if all(check in rules for rules in CHECKS.values())]
    for title, rules in [("Every kind", shared), *((_plural(kind), CHECKS[kind]) for kind in KINDS)]:
        yield f"\n## {title}\n\n| rule | remedy |\n|---|---|"
        for check in rules:
            if title == "Every kind" or check not in shared:
                yield f"| {rule_of(check)} | {_cell(remedy_of(check))} |"


PARTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "commands": commands,
    "built-ins": built_ins,
    "errors": errors,
    "checks": checks,
}
