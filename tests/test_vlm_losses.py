"""Preference losses as functions: against formulas written anew, at their limits, and by their gradients' signs."""

from dataclasses import replace

import numpy as np
import pytest

from harness_students.vlm_losses import PAIRWISE, Scores, loss_of, total
from harness_students.vlm_objective import LOSSES, REFERENCE_FREE, SORTED

torch = pytest.importorskip("torch")

B, K = 5, 3
OURS = sorted(LOSSES - SORTED)


def scores(seed=0, k=K, there=None):
    random = np.random.default_rng(seed)

    def draw(*shape):
        return torch.tensor(-random.uniform(1.0, 9.0, shape))

    def lengths(*shape):
        return torch.tensor(random.integers(2, 9, shape))

    if there is None:
        there = torch.ones(B, k, dtype=torch.bool)
    return Scores(draw(B), draw(B, k), lengths(B), lengths(B, k), draw(B), draw(B, k), there)


def numbers(made):
    return (
        side.numpy()
        for side in (
            made.chosen,
            made.rejected,
            made.chosen_length,
            made.rejected_length,
            made.ref_chosen,
            made.ref_rejected,
        )
    )


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


def test_simpo_is_the_papers_formula():
    made = scores()
    chosen, rejected, long, wide, _, _ = numbers(made)
    wanted = -log_sigmoid(2.5 * (chosen / long)[:, None] - 2.5 * rejected / wide - 1.2).mean(axis=1)
    np.testing.assert_allclose(loss_of("simpo", made, 2.5, 1.2), wanted)


def test_cpo_with_the_likelihood_is_the_papers_formula():
    made = scores()
    chosen, rejected, long, *_ = numbers(made)
    preferred = -np.log(np.exp(0.3 * chosen)[:, None] / (np.exp(0.3 * chosen)[:, None] + np.exp(0.3 * rejected)))
    wanted = preferred.mean() - chosen.sum() / long.sum()
    found = total(made, {"cpo": 1.0, "sft": 1.0}, torch.ones(B), 0.3, 0.0)
    np.testing.assert_allclose(found, wanted)


def test_orpo_with_the_likelihood_is_the_papers_formula():
    made = scores()
    chosen, rejected, long, wide, _, _ = numbers(made)
    likely, unlikely = np.exp(chosen / long)[:, None], np.exp(rejected / wide)
    ratio = np.log((likely / (1 - likely)) / (unlikely / (1 - unlikely)))
    wanted = -0.1 * log_sigmoid(ratio).mean() - chosen.sum() / long.sum()
    found = total(made, {"orpo": 1.0, "sft": 1.0}, torch.ones(B), 0.1, 0.0)
    np.testing.assert_allclose(found, wanted)


def test_plackett_luce_is_the_chance_that_the_chosen_answer_comes_first():
    made = scores()
    chosen, rejected, _, _, before, others = numbers(made)
    strength, rivals = np.exp(0.4 * (chosen - before)), np.exp(0.4 * (rejected - others))
    wanted = -np.log(strength / (strength + rivals.sum(axis=1)))
    np.testing.assert_allclose(loss_of("plackett_luce", made, 0.4, 0.0), wanted)


def test_plackett_luce_of_one_rejected_answer_is_dpo():
    made = scores(k=1)
    torch.testing.assert_close(loss_of("plackett_luce", made, 0.4, 0.0), loss_of("sigmoid", made, 0.4, 0.0))


def test_dpop_is_dpo_until_the_chosen_answer_becomes_unlikelier():
    made = scores()
    risen = replace(made, ref_chosen=made.chosen - 1)
    torch.testing.assert_close(loss_of("dpop", risen, 0.1, 0.0), loss_of("sigmoid", risen, 0.1, 0.0))
    _, rejected, _, _, _, others = numbers(made)
    fallen = replace(made, ref_chosen=made.chosen + 0.5)
    wanted = -log_sigmoid(0.1 * (-0.5 - (rejected - others) - 50 * 0.5)).mean(axis=1)
    np.testing.assert_allclose(loss_of("dpop", fallen, 0.1, 0.0), wanted)


def test_the_anchor_looks_at_the_chosen_answer_alone():
    made = scores()
    chosen, _, _, _, before, _ = numbers(made)
    np.testing.assert_allclose(loss_of("anchor", made, 0.4, 0.0), -log_sigmoid(0.4 * (chosen - before)))


@pytest.mark.parametrize("name", sorted(PAIRWISE))
def test_a_loss_by_pairs_is_the_mean_over_the_rejected_answers_that_are_there(name):
    there = torch.tensor([[True, True, False]] * B)
    several = scores(there=there)
    pairs = [
        replace(
            several,
            rejected=several.rejected[:, place : place + 1],
            rejected_length=several.rejected_length[:, place : place + 1],
            ref_rejected=several.ref_rejected[:, place : place + 1],
            there=there[:, place : place + 1],
        )
        for place in (0, 1)
    ]
    wanted = torch.stack([loss_of(name, pair, 0.3, 0.5) for pair in pairs]).mean(0)
    torch.testing.assert_close(loss_of(name, several, 0.3, 0.5), wanted)


@pytest.mark.parametrize("name", OURS)
def test_a_row_without_a_rejected_answer_feels_the_likelihood_alone(name):
    there = torch.tensor([[True] * K] * (B - 1) + [[False] * K])
    made = scores(there=there)
    chosen = made.chosen.clone().requires_grad_()
    found = loss_of(name, replace(made, chosen=chosen), 0.3, 0.5)
    found.sum().backward()
    assert torch.isfinite(chosen.grad).all()
    assert (float(found[-1].detach()) != 0) == (float(chosen.grad[-1]) != 0) == (name == "sft")
    nothing = scores(k=0)
    assert bool((loss_of(name, nothing, 0.3, 0.5) != 0).all()) == (name == "sft")


# As published, apo_down makes the chosen answer unlikelier too, and discopop rises around a margin of 0.
@pytest.mark.parametrize("name", [name for name in OURS if name not in ("apo_down", "discopop")])
def test_a_step_makes_the_chosen_answer_likelier_and_rejected_ones_unlikelier(name):
    made = scores()
    made = replace(made, ref_chosen=made.chosen + 0.1, ref_rejected=made.rejected + 0.1)
    chosen, rejected = made.chosen.clone().requires_grad_(), made.rejected.clone().requires_grad_()
    loss_of(name, replace(made, chosen=chosen, rejected=rejected), 0.3, 0.5).sum().backward()
    assert (chosen.grad < 0).all()
    if name in ("sft", "anchor"):
        assert rejected.grad is None
    else:
        assert (rejected.grad > 0).all()


def test_the_odds_of_a_certain_answer_are_finite_and_so_is_their_gradient():
    made = scores()
    chosen = torch.zeros(B).requires_grad_()
    found = loss_of("orpo", replace(made, chosen=chosen), 0.1, 0.0)
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(chosen.grad).all()


def test_a_weight_multiplies_the_whole_loss_of_its_row():
    made, weight = scores(), torch.tensor([2.0, 0.0, 1.0, 0.5, 1.0])
    losses = {"sigmoid": 0.7, "sft": 0.2}
    rows = 0.7 * loss_of("sigmoid", made, 0.1, 0.0) + 0.2 * loss_of("sft", made, 0.1, 0.0)
    torch.testing.assert_close(total(made, losses, weight, 0.1, 0.0), (weight * rows).sum() / B)


def test_the_losses_without_a_reference_are_those_that_do_not_feel_it():
    made = scores()
    other = replace(made, ref_chosen=made.ref_chosen - 1, ref_rejected=made.ref_rejected - 2)
    free = {name for name in OURS if torch.equal(loss_of(name, made, 0.3, 0.5), loss_of(name, other, 0.3, 0.5))}
    assert free == REFERENCE_FREE
