"""Vision-language models of every family that loads here, tiny and with random weights."""

from tiny_families.bench import Bench
from tiny_families.build import FAMILIES, make
from tiny_families.shapes import BARE, bare

__all__ = ["BARE", "FAMILIES", "Bench", "bare", "make"]
