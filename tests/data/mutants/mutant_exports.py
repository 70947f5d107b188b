"""A student that hands out another model than the one that was measured."""

import json
from typing import ClassVar

from mutant_students import Shade

from harness.api import hookimpl


class Rounds(Shade):
    """Rounds the weights that others get."""

    name = "rounds"
    breaks: ClassVar = "exports what predicts the same"
    seen: ClassVar = "what export() wrote predicts otherwise"

    def export(self, model, merged, bench):
        exported = super().export(model, merged, bench)
        (bench.out / "weights.json").write_text(json.dumps([round(weight) for weight in self.load(model)]))
        return exported


@hookimpl
def harness_students():
    return [Rounds]
