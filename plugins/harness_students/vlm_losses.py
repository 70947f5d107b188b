"""Preference losses as functions of answers' log-probabilities: no model, no trainer.

Shapes: B pairs with up to K rejected answers each. Losses by pair of answers are meant over a pair's rejected
answers, so that an item with three wrong teachers weighs as much as an item with one; `plackett_luce` alone
looks at all of them at once. A row without a rejected answer is a plain target: only ``sft`` is felt there.

Written log π for the policy's and log ρ for the reference's log-probability of an answer, each the sum over its
tokens; |y| for the number of tokens; Δ = log π - log ρ; c for the chosen and r for a rejected answer; σ for the
logistic function. "As TRL" is ``trl/trainer/dpo_trainer.py`` of TRL 1.16, ``_compute_loss``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Where a model is certain, log(1 - p) has no value in float32; the odds end here.
CERTAIN = -1e-6
DISCOPOP_TAU = 0.05
DPOP_LAMBDA = 50.0


@dataclass(frozen=True, slots=True)
class Scores:
    """What a batch of pairs got. Where ``there`` is false, the rejected answer is padding and its numbers mean nothing.

    Without a reference its log-probabilities are zero.
    """

    chosen: Tensor  # (B,) log π, at most 0
    rejected: Tensor  # (B, K) log π
    chosen_length: Tensor  # (B,) tokens, at least 1
    rejected_length: Tensor  # (B, K)
    ref_chosen: Tensor  # (B,) log ρ
    ref_rejected: Tensor  # (B, K)
    there: Tensor  # (B, K) bool

    @property
    def up(self) -> Tensor:
        """Δ of the chosen answer (B, 1), to stand beside each rejected one."""
        return (self.chosen - self.ref_chosen)[:, None]

    @property
    def down(self) -> Tensor:
        """Δ of the rejected answers (B, K)."""
        return self.rejected - self.ref_rejected

    @property
    def margin(self) -> Tensor:
        """Δ(c) - Δ(r), (B, K)."""
        return self.up - self.down

    @property
    def mean_margin(self) -> Tensor:
        """Δ(c)/|c| - Δ(r)/|r|, (B, K): per token, as TRL has it."""
        return self.up / self.chosen_length[:, None] - self.down / self.rejected_length


Formula = Callable[[Scores, float, float], "Tensor"]
"""(B, K) losses of scores, β > 0 and γ >= 0."""


def _log_sigmoid(value: Tensor) -> Tensor:
    from torch.nn.functional import logsigmoid

    return logsigmoid(value)


def sigmoid(scores: Scores, beta: float, gamma: float) -> Tensor:
    """-log σ(β (Δ(c) - Δ(r))): DPO (arXiv 2305.18290, eq. 7), as TRL."""
    return -_log_sigmoid(beta * scores.margin)


def hinge(scores: Scores, beta: float, gamma: float) -> Tensor:
    """max(0, 1 - β (Δ(c) - Δ(r))): SLiC (arXiv 2305.10425) in the reading of RSO (2309.06657), as TRL."""
    return (1 - beta * scores.margin).relu()


def ipo(scores: Scores, beta: float, gamma: float) -> Tensor:
    """(Δ(c)/|c| - Δ(r)/|r| - 1/(2β))²: IPO (arXiv 2310.12036, eq. 17), per token as TRL."""
    return (scores.mean_margin - 1 / (2 * beta)) ** 2


def sigmoid_norm(scores: Scores, beta: float, gamma: float) -> Tensor:
    """-log σ(β (Δ(c)/|c| - Δ(r)/|r|)): DPO per token (Tülu 3, arXiv 2411.15124), as TRL."""
    return -_log_sigmoid(beta * scores.mean_margin)


def nca_pair(scores: Scores, beta: float, gamma: float) -> Tensor:
    """-log σ(βΔ(c)) - ½ log σ(-βΔ(c)) - ½ log σ(-βΔ(r)): NCA (arXiv 2402.05369), as TRL."""
    up, down = beta * scores.up, beta * scores.down
    return -_log_sigmoid(up) - 0.5 * _log_sigmoid(-up) - 0.5 * _log_sigmoid(-down)


def bco_pair(scores: Scores, beta: float, gamma: float) -> Tensor:
    """-log σ(βΔ(c)) - log σ(-βΔ(r)): BCO (arXiv 2404.04656) without its shift, as TRL."""
    return -_log_sigmoid(beta * scores.up) - _log_sigmoid(-beta * scores.down)


def sppo_hard(scores: Scores, beta: float, gamma: float) -> Tensor:
    """(Δ(c) - 1/(2β))² + (Δ(r) + 1/(2β))²: SPPO (arXiv 2405.00675, eq. 4.7) with hard wins, as TRL."""
    return (scores.up - 0.5 / beta) ** 2 + (scores.down + 0.5 / beta) ** 2


def apo_zero(scores: Scores, beta: float, gamma: float) -> Tensor:
    """1 - σ(βΔ(c)) + σ(βΔ(r)), in [0, 2]: anchored preferences (arXiv 2408.06266, eq. 7), as TRL."""
    return 1 - (beta * scores.up).sigmoid() + (beta * scores.down).sigmoid()


def apo_down(scores: Scores, beta: float, gamma: float) -> Tensor:
    """σ(βΔ(c)) + 1 - σ(β (Δ(c) - Δ(r))), in [0, 2] (arXiv 2408.06266, eq. 8), as TRL."""
    return (beta * scores.up).sigmoid() + 1 - (beta * scores.margin).sigmoid()


def discopop(scores: Scores, beta: float, gamma: float) -> Tensor:
    """(1 - m)·(-log σ(x)) + m·e^-x with x = β (Δ(c) - Δ(r)), m = σ(x/0.05) (arXiv 2406.08414, eq. 5), as TRL."""
    x = beta * scores.margin
    mix = (x / DISCOPOP_TAU).sigmoid()
    return -_log_sigmoid(x) * (1 - mix) + (-x).exp() * mix


def simpo(scores: Scores, beta: float, gamma: float) -> Tensor:
    """-log σ(β log π(c)/|c| - β log π(r)/|r| - γ): SimPO (arXiv 2405.14734, eq. 6); its β is 2 to 10, γ 0.3 to 1.6."""
    policy = scores.chosen[:, None] / scores.chosen_length[:, None] - scores.rejected / scores.rejected_length
    return -_log_sigmoid(beta * policy - gamma)


def cpo(scores: Scores, beta: float, gamma: float) -> Tensor:
    """-log σ(β log π(c) - β log π(r)): what CPO (arXiv 2401.08417, eq. 4) adds to the chosen answer's likelihood."""
    return -_log_sigmoid(beta * (scores.chosen[:, None] - scores.rejected))


def orpo(scores: Scores, beta: float, gamma: float) -> Tensor:
    """-β log σ(log odds(c) - log odds(r)): what ORPO (arXiv 2403.07691, eq. 6 and 7) adds to the likelihood.

    odds = p/(1 - p) with p = exp(log π/|y|), the geometric mean of the tokens' probabilities; β is the paper's λ.
    """
    ratio = _log_odds(scores.chosen / scores.chosen_length)[:, None] - _log_odds(
        scores.rejected / scores.rejected_length
    )
    return -beta * _log_sigmoid(ratio)


def _log_odds(mean: Tensor) -> Tensor:
    """log p - log(1 - p) of mean log-probabilities per token."""
    mean = mean.clamp(max=CERTAIN)
    return mean - (-mean.expm1()).log()


def dpop(scores: Scores, beta: float, gamma: float) -> Tensor:
    """-log σ(β (Δ(c) - Δ(r) - λ max(0, -Δ(c)))) with λ = 50: DPO-Positive (arXiv 2402.13228, eq. 3).

    A chosen answer that has become less likely than under the reference is punished whatever the margin says.
    """
    return -_log_sigmoid(beta * (scores.margin - DPOP_LAMBDA * (-scores.up).relu()))


PAIRWISE: Mapping[str, Formula] = {
    formula.__name__: formula
    for formula in (
        sigmoid,
        hinge,
        ipo,
        sigmoid_norm,
        nca_pair,
        bco_pair,
        sppo_hard,
        apo_zero,
        apo_down,
        discopop,
        simpo,
        cpo,
        orpo,
        dpop,
    )
}


def plackett_luce(scores: Scores, beta: float) -> Tensor:
    """-log(e^βΔ(c) / (e^βΔ(c) + Σ_r e^βΔ(r))), (B,): several rejected answers at once (APO, arXiv 2510.04142).

    With one rejected answer it is `sigmoid`.
    """
    import torch

    down = (beta * scores.down).masked_fill(~scores.there, -torch.inf)
    up = beta * scores.up
    return torch.cat([up, down], dim=1).logsumexp(dim=1) - up[:, 0]


def anchor(scores: Scores, beta: float) -> Tensor:
    """-log σ(βΔ(c)), (B,): keeps the chosen answer as likely as under the reference (mDPO, arXiv 2406.11839, δ = 0)."""
    return -_log_sigmoid(beta * scores.up[:, 0])


def sft(scores: Scores) -> Tensor:
    """-log π(c)·B/Σ|c|, (B,): the mean over B is the mean over all tokens of chosen answers, as TRL."""
    return -scores.chosen * len(scores.chosen) / scores.chosen_length.sum()


def loss_of(name: str, scores: Scores, beta: float, gamma: float) -> Tensor:
    """The named loss of each row, (B,)."""
    if name == "sft":
        return sft(scores)
    if name in PAIRWISE:
        pairs = PAIRWISE[name](scores, beta, gamma).where(scores.there, 0.0)
        return pairs.sum(dim=1) / scores.there.sum(dim=1).clamp(min=1)
    rows = plackett_luce(scores, beta) if name == "plackett_luce" else anchor(scores, beta)
    return rows.where(scores.there.any(dim=1), 0.0)


def total(scores: Scores, losses: Mapping[str, float], weight: Tensor, beta: float, gamma: float) -> Tensor:
    """Mean over the B rows of a row's weight times the sum of its losses; a scalar."""
    sums = sum(share * loss_of(name, scores, beta, gamma) for name, share in sorted(losses.items()))
    return (weight * sums).mean()
