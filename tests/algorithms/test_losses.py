import pytest
import torch

from amc.algorithms.losses import (
    KL_COEFFICIENT_BOUNDS,
    adapt_kl_coefficient,
    approximate_kl,
    clipped_surrogate,
    normalize,
    value_loss,
)


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective"),
    [
        (1.1, 2.0, 2.2),  # inside: the plain product
        (1.5, 2.0, 2.4),  # too far in the good direction: clipped at 1 + 0.2
        (0.5, -2.0, -1.6),  # too far in the good direction: clipped at 1 - 0.2
        (0.5, 2.0, 1.0),  # too far in the bad direction: not clipped, so that it can come back
        (1.5, -2.0, -3.0),
    ],
)
def test_the_surrogate_is_clipped_only_where_going_on_would_look_better(
    ratio, advantage, objective
):
    loss = clipped_surrogate(torch.tensor([ratio]), torch.tensor([advantage]), 0.2)

    assert loss.item() == pytest.approx(-objective)


def test_a_clipped_ratio_has_no_gradient():
    ratio = torch.tensor([1.5, 1.1], requires_grad=True)

    clipped_surrogate(ratio, torch.tensor([1.0, 1.0]), 0.2).backward()

    assert ratio.grad.tolist() == [0.0, -0.5]


def test_the_value_loss_is_the_mean_squared_error_without_clipping():
    values, old, returns = torch.tensor([1.0, 2.0]), torch.tensor([9.0, 9.0]), torch.zeros(2)

    assert value_loss(values, old, returns, None).item() == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("value", "old", "target", "loss", "slope"),
    [
        (1.1, 1.0, 2.0, 0.81, -1.8),  # near the old value: the plain error
        (1.8, 1.0, 2.0, 0.64, 0.0),  # ran ahead of (1.2 - 2)^2: no further pull
        (0.0, 1.0, 2.0, 4.0, -4.0),  # ran the wrong way: the plain, larger error pulls it back
    ],
)
def test_value_clipping_takes_the_larger_error(value, old, target, loss, slope):
    values = torch.tensor([value], requires_grad=True)

    result = value_loss(values, torch.tensor([old]), torch.tensor([target]), 0.2)
    result.backward()

    assert result.item() == pytest.approx(loss)
    assert values.grad.item() == pytest.approx(slope)


def test_normalised_advantages_have_zero_mean_and_unit_spread():
    result = normalize(torch.tensor([1.0, 5.0, -3.0, 10.0]))

    assert result.mean().item() == pytest.approx(0.0, abs=1e-6)
    assert result.std().item() == pytest.approx(1.0, abs=1e-6)


def test_a_single_advantage_stays_as_it_is():
    assert normalize(torch.tensor([3.0])).tolist() == [3.0]


def test_equal_advantages_become_zero_rather_than_infinite():
    assert normalize(torch.full((4,), 2.0)).tolist() == [0.0] * 4


def test_the_approximate_divergence_estimates_the_exact_one():
    old, new = torch.tensor([0.2, 0.3, 0.5]), torch.tensor([0.25, 0.35, 0.4])
    exact = (old * (old / new).log()).sum()
    actions = torch.multinomial(
        old, 200_000, replacement=True, generator=torch.Generator().manual_seed(0)
    )

    estimate = approximate_kl((new / old).log()[actions])

    assert estimate.item() == pytest.approx(exact.item(), rel=0.02)


@pytest.mark.parametrize(
    ("divergence", "expected"),
    [(0.001, 0.5), (0.0066, 0.5), (0.007, 1.0), (0.01, 1.0), (0.015, 1.0), (0.0151, 2.0)],
)
def test_the_penalty_adapts_as_the_paper_says(divergence, expected):
    assert adapt_kl_coefficient(1.0, divergence, target=0.01) == expected


def test_the_penalty_stays_within_bounds():
    low, high = KL_COEFFICIENT_BOUNDS

    assert adapt_kl_coefficient(low, 0.0, target=0.01) == low
    assert adapt_kl_coefficient(high, 1.0, target=0.01) == high
