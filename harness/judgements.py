"""The table of what a model says of new items: CSV or JSONL, whole or not there; what was said is kept beside."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from harness.errors import HarnessError
from harness.store import write_text
from harness.types import Prediction, Verdict

COLUMNS = ("id", "verdict", "p_falsified", "outcome", "text", "key")

# What a spreadsheet would take for a formula, and what no spreadsheet shows.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A row: what was said of one item, and the digest of all that it was said of; no key where nothing was asked."""

    id: str
    verdict: Verdict | None
    p_falsified: float | None
    outcome: str
    text: str
    key: str

    @classmethod
    def of(cls, said: Prediction, item_id: str, key: str) -> Self:
        """The prediction as a row for the item of that id."""
        return cls(item_id, said.verdict, said.p_falsified, said.outcome, said.text, key)


class Sheet:
    """A file of judgements; until it is finished, what is said lies in a file of that name with ``.part``."""

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in (".csv", ".jsonl"):
            raise HarnessError("is neither .csv nor .jsonl", place=str(path), remedy="Name such a file by  -o .")
        self.path = path
        self._part = path.with_name(f"{path.name}.part")

    def known(self) -> dict[str, Judgement]:
        """What was said before, by key: of a finished table and of one that was not finished."""
        rows = [*self._finished(), *self._unfinished()]
        # What failed is no answer: it is asked again.
        return {row.key: row for row in rows if row.key and row.outcome != "error"}

    def begin(self, kept: Iterable[Judgement]) -> Adding:
        """Rows that are kept at once; a line that a kill has cut off is gone."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._part, "".join(_line(row) for row in kept))
        return Adding(self._part)

    def finish(self, rows: Iterable[Judgement]) -> None:
        """Write the table in the place of an older one."""
        text = "".join(map(_line, rows)) if self.path.suffix.lower() == ".jsonl" else _csv(rows)
        write_text(self.path, text)
        self._part.unlink(missing_ok=True)

    def _finished(self) -> Iterator[Judgement]:
        try:
            text = self.path.read_text(encoding="utf-8")
            if self.path.suffix.lower() == ".jsonl":
                yield from map(_row, map(json.loads, text.splitlines()))
            else:
                lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
                if tuple(lines.fieldnames or ()) != COLUMNS:
                    raise ValueError
                yield from map(_row, lines)
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, csv.Error, RecursionError):
            raise HarnessError(
                "is there, and is no table that `harness predict` wrote",
                place=str(self.path),
                remedy="Name another file by  -o , or move this one away.",
            ) from None

    def _unfinished(self) -> Iterator[Judgement]:
        try:
            lines = self._part.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                yield _row(json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue


class Adding:
    """Appends rows, each on disk before the next is asked for."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Adding:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: Judgement) -> None:
        """Keep a row."""
        self._file.write(_line(row))
        self._file.flush()


def _line(row: Judgement) -> str:
    return json.dumps(asdict(row), ensure_ascii=True) + "\n"


def _row(values: Mapping[str, Any]) -> Judgement:
    """A row that was written before; raises `ValueError` where it was not."""
    if not isinstance(values, Mapping) or set(values) != set(COLUMNS):
        raise ValueError
    p_falsified = values["p_falsified"]
    said = Prediction(
        str(values["id"]),
        values["outcome"],
        values["verdict"] or None,
        None if p_falsified in (None, "") else float(p_falsified),
        str(values["text"]),
    )
    return Judgement.of(said, said.item_id, str(values["key"]))


def _csv(rows: Iterable[Judgement]) -> str:
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        text = _CONTROL.sub("", row.text)
        values = asdict(row) | {"text": f"'{text}" if _FORMULA.match(text) else text}
        table.writerow([values[column] for column in COLUMNS])
    return out.getvalue()
