"""A report that was read from its file, and what it says of its origin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.document import Element, read
from harness.errors import HarnessError
from harness.redaction import MATRIX
from harness.seal import matrix_digest

META = "harness:"
"""How the names of the elements begin in which a page keeps its seal."""

_REPORT = re.compile(r"([a-z0-9][a-z0-9-]*)(?: [0-9a-f]{64})?")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A report that was read: its page, and what it says of its origin."""

    file: str
    text: str
    page: Element
    seal: Mapping[str, str]

    @property
    def report(self) -> str:
        """The name of the report that made it."""
        found = _REPORT.fullmatch(self.seal.get("report", ""))
        return found[1] if found else ""

    def matrix(self) -> tuple[str, str]:
        """Name and text of the matrix that it shows; raises `HarnessError` where it was made from another."""
        title, heading = self.page.first("title"), " – harness report"
        name = (title.text if title else "").removesuffix(heading)
        shown = [code.text_as_it_is for pre in self.page.all("pre") for code in pre.all("code")]
        for text in shown:
            if matrix_digest(name, text) == self.seal.get("matrix"):
                return name, text
        if MATRIX in shown:
            cause = "is redacted and does not show its matrix"
        else:
            cause = "the matrix that it shows, its title or its matrix's digest is not what it was made with"
        remedy = f"Give the matrix file itself; `harness verify {self.file} --matrix FILE` then names what differs."
        raise HarnessError(cause, place=self.file, remedy=remedy)


def opened(file: Path) -> Sealed:
    """A report from its file; raises `HarnessError` where it is none that can be verified."""
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise HarnessError(f"cannot be read: {error.strerror}", place=str(file)) from None
    except UnicodeDecodeError:
        raise HarnessError("is no report: it is not UTF-8 text", place=str(file)) from None
    page = read(text)
    seal = {
        name.removeprefix(META): meta.attributes.get("content", "")
        for meta in page.all("meta")
        if (name := meta.attributes.get("name", "")).startswith(META)
    }
    if not seal:
        raise HarnessError(
            "is no report that can be verified: it does not say what it was made from",
            place=str(file),
            remedy="An older version may have made it; `harness report MATRIX` renders it again.",
        )
    return Sealed(str(file), text, page, seal)
