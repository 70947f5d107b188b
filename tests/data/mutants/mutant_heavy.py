"""A teacher whose module imports pandas."""

from typing import ClassVar

import pandas as pd
from mutant_teachers import Sound

from harness.api import hookimpl


class Heavy(Sound):
    """Counts words with pandas."""

    name = "heavy"
    breaks: ClassVar = "imports nothing heavy"
    seen: ClassVar = "importing mutant_heavy imports pandas"

    def say(self, item):
        assert pd.__name__
        return super().say(item)


@hookimpl
def harness_teachers():
    return [Heavy]
