"""Labels that people give later, in a file beside the data: an option that benchmarks share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.api import Benchmark, DataError, DataFile, Verdict, given_labels
from harness_benchmarks.published import filled


class WithGiven(Benchmark):
    """A benchmark some of whose items nobody may have labelled yet."""

    label_file: str | None = None
    """File of labels that people gave later, as `harness labels import` writes it; it need not be there yet."""

    def given(self) -> Path | None:
        """The file of labels."""
        return filled(self.label_file) if self.label_file else None

    def labelled(self, own: Mapping[str, Verdict | None], source: str) -> dict[str, Verdict]:
        """Labels by item id: the data's ``own`` where they have one, those that were given otherwise.

        Raises `DataError` where the two differ; ``source`` is what the data are called then.
        """
        file = self.given()
        given = given_labels(file) if file else {}
        for item_id, verdict in own.items():
            if file and verdict and given.get(item_id, verdict) != verdict:
                raise DataError(
                    f"says {given[item_id]} of {item_id!r}, whose label in {source} is {verdict}",
                    place=file.name,
                    remedy="correct the one that is wrong, or empty the label in the data",
                )
        found = {item_id: verdict or given.get(item_id) for item_id, verdict in own.items()}
        return {item_id: verdict for item_id, verdict in found.items() if verdict}

    def label_notes(self, own: Mapping[str, Verdict | None], source: str) -> dict[str, str | int]:
        """How many items have no label, and how many given labels have no item."""
        file = self.given()
        strangers = len(given_labels(file).keys() - own.keys()) if file else 0
        return {
            "items without a label": len(own) - len(self.labelled(own, source)),
            **({"given labels of items that are not there": strangers} if strangers else {}),
        }

    def label_files(self) -> Iterable[DataFile]:
        """The file of labels, where one is named; raises `DataError`."""
        if file := self.given():
            origin = "`harness labels import` writes it"
            yield DataFile(file.name, str(file), int(file.is_file()), needed=False, origin=origin)
