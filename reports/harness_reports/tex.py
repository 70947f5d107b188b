"""Text for LaTeX: escaped, and names that a macro may have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

_PLAIN = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "|": r"\textbar{}",
    "<": "$<$",
    ">": "$>$",
    '"': "''",
    # After \\ a row that begins with one of these would be read as the line break's own.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "\u00a0": "~",
    "\u202f": r"\,",
    "\u2212": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "·": r"$\cdot$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "≈": r"$\approx$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "⟨": r"$\langle$",
    "⟩": r"$\rangle$",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
}
_LETTERS = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")
"""Letters beyond ASCII that pdfLaTeX knows in every font encoding."""

_SMALL = (
    *("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"),
    *("Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"),
)
_TENS = ("Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")
_SIGNS = {"%": "Percent", ".": "Point", "+": "Plus"}


def tex(text: str, letters: bool = False) -> str:
    """The text as LaTeX shows it; with ``letters``, those of all scripts stay, as XeLaTeX and LuaLaTeX want them."""
    return "".join(_PLAIN.get(character) or _character(character, letters) for character in text)


def _character(character: str, letters: bool) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    if character in _LETTERS or (letters and unicodedata.category(character)[0] in "LMN"):
        return character
    return rf"\texttt{{U+{ord(character):04X}}}"


def stem(text: str) -> str:
    """A name of letters only, as a macro must have: ``mmkd · 0.5 %`` is ``MmkdZeroPointFivePercent``."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(map(_word, re.findall(r"[A-Za-z]+|[0-9]+|%|\+|(?<=[0-9])\.(?=[0-9])", plain)))


def _word(part: str) -> str:
    if part.isdigit():
        return _number(part)
    return _SIGNS.get(part) or part[0].upper() + part[1:]


def _number(digits: str) -> str:
    """In words up to 100; other numbers digit by digit, as are those that begin with a nought."""
    value = int(digits[:4])
    if digits == "100":
        return "Hundred"
    if len(digits) > 2 or str(value) != digits:
        return "".join(_SMALL[int(digit)] for digit in digits)
    if value < len(_SMALL):
        return _SMALL[value]
    return _TENS[value // 10 - 2] + (_SMALL[value % 10] if value % 10 else "")


def stems(texts: Mapping[Key, str]) -> dict[Key, str]:
    """Names by key, no two alike: the second of one name ends in ``B``, the third in ``C``."""
    found: dict[Key, str] = {}
    taken: set[str] = set()
    for key, text in texts.items():
        wanted = stem(text) or "Unnamed"
        name, place = wanted, 1
        while name in taken:
            name, place = wanted + _letters(place), place + 1
        taken.add(name)
        found[key] = name
    return found


def _letters(place: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    rest, last = divmod(place, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + last)
