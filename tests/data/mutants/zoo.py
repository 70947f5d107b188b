"""Every mutant, and which rules of the kit find it. ``python zoo.py`` prints a line each and the count."""

import importlib
import sys
from pathlib import Path

from harness.plugins import Registry
from harness.testing import checks_for, examine

HERE = Path(__file__).parent
MODULES = sorted(path.stem for path in HERE.glob("mutant_*.py"))


def components():
    """Every component of every mutant module."""
    registry = Registry.of(*map(importlib.import_module, MODULES))
    assert not any(plugin.error for plugin in registry.plugins), [plugin.error for plugin in registry.plugins]
    return [component for plugin in registry.plugins for component in plugin.components]


def mutants():
    """Components that break a rule."""
    return [component for component in components() if "breaks" in vars(component)]


def sound():
    """Their models, which break none."""
    return [component for component in components() if "breaks" not in vars(component)]


def findings(component):
    """What the kit finds broken."""
    made = component()
    return [finding for finding in examine(made, checks_for(made)) if finding.state == "broken"]


def caught(component, found):
    """Whether exactly the right rule finds the fault, says what was seen, and how to mend it."""
    return (
        [finding.rule for finding in found] == [component.breaks]
        and component.seen in found[0].seen
        and len(found[0].remedy) > 20
    )


def main():
    zoo = mutants()
    right = 0
    for component in zoo:
        found = findings(component)
        right += caught(component, found)
        mark = "caught" if caught(component, found) else "NOT AS EXPECTED"
        print(f"{mark}: {component.kind} {component.name}: {'; '.join(f'{one.rule}: {one.seen}' for one in found)}")
    print(f"mutants={len(zoo)} caught_by_the_right_check={right}")
    return 0 if right == len(zoo) else 1


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())
