"""What a recipe is handed: only what it declared, and only the labels that were bought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

from harness.errors import LabelNotBought, LabelsWanted, LedgerError
from harness.handed import Panel
from harness.recipe import Need
from harness.types import Item, Ranked, Verdict


class Ledger(Mapping[str, Verdict]):
    """Exactly the labels that a cell bought."""

    def __init__(self, bought: Mapping[str, Verdict]) -> None:
        self._bought = dict(bought)

    @classmethod
    def buy(cls, rank: Sequence[Ranked], budget: int, labels: Mapping[str, Verdict]) -> Ledger:
        """The labels of the first ``budget`` conflicts; raises `LabelsWanted` where nobody has them."""
        ids = bought_ids(rank, budget)
        wanted = [item_id for item_id in ids if item_id not in labels]
        if wanted:
            raise LabelsWanted(
                f"{len(wanted)} of the {len(ids)} labels to be bought do not exist yet, first {wanted[0]!r}",
                remedy="`harness labels export` writes them for people, `harness labels import` takes the labels back.",
            )
        return cls({item_id: labels[item_id] for item_id in ids})

    def __getitem__(self, item_id: str) -> Verdict:
        try:
            return self._bought[item_id]
        except KeyError:
            raise LabelNotBought(
                f"the label of item {item_id!r} was not bought ({len(self)} labels were)",
                remedy="A recipe may read only the labels in pool.labels.",
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._bought)

    def __len__(self) -> int:
        return len(self._bought)


def bought_ids(rank: Sequence[Ranked], budget: int) -> list[str]:
    """The first ``budget`` conflicts in the order of the rank; fewer where there are fewer (saturated)."""
    return [row.item_id for row in rank if row.conflict][:budget]


class DeclaredPool:
    """A `harness.components.Pool` that refuses what the recipe did not declare."""

    def __init__(
        self,
        items: Mapping[str, Item],
        seed: int,
        needs: frozenset[Need],
        *,
        panel: Panel,
        rank: Sequence[Ranked],
        labels: Ledger,
    ) -> None:
        self.items = items
        self.seed = seed
        self._needs = needs
        self._panel = panel
        self._rank = rank
        self._labels = labels

    @property
    def panel(self) -> Panel:
        if not self._needs & {Need.ANNOTATIONS, Need.STAGE1_PREDICTIONS}:
            self._refuse(Need.ANNOTATIONS)
        return self._panel

    @property
    def rank(self) -> Sequence[Ranked]:
        if not self._needs & {Need.RANK, Need.LABELS}:
            self._refuse(Need.RANK)
        return self._rank

    @property
    def labels(self) -> Ledger:
        if Need.LABELS not in self._needs:
            self._refuse(Need.LABELS)
        return self._labels

    def _refuse(self, need: Need) -> NoReturn:
        raise LedgerError(
            f"the recipe reads its pool's {need.value} and does not declare them",
            remedy=f"Add Need.{need.name} to what its needs() returns.",
        )
