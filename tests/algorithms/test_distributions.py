import numpy as np
import pytest
import torch
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Independent, Normal, kl_divergence, register_kl

from amc.algorithms.distributions import Categorical, DiagonalGaussian, MultiCategorical

B, A = 6, 4


def normals(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


class TorchMultiCategorical:
    """Torch's distributions of several choices, added up."""

    def __init__(self, logits):
        self.parts = [TorchCategorical(logits=part) for part in torch.split(logits, [3, 1, 2], 1)]

    def log_prob(self, actions):
        return sum(part.log_prob(actions[:, i]) for i, part in enumerate(self.parts))

    def entropy(self):
        return sum(part.entropy() for part in self.parts)


@register_kl(TorchMultiCategorical, TorchMultiCategorical)
def _divergence_of_several(old, new):
    pairs = zip(old.parts, new.parts, strict=True)
    return sum(kl_divergence(*each) for each in pairs)


@pytest.fixture(params=["categorical", "several", "gaussian"])
def pair(request):
    """Ours, torch's, and actions, for an old and a new policy."""
    if request.param == "several":
        logits = [normals(seed, B, 6) for seed in (0, 1)]
        generator = np.random.default_rng(2)
        columns = [generator.integers(n, size=B) for n in (3, 1, 2)]
        actions = torch.from_numpy(np.stack(columns, axis=1))
        ours = [MultiCategorical.from_logits(each, (3, 1, 2)) for each in logits]
        return ours, [TorchMultiCategorical(each) for each in logits], actions
    if request.param == "categorical":
        logits = [normals(seed, B, A) for seed in (0, 1)]
        actions = torch.from_numpy(np.random.default_rng(2).integers(A, size=B))
        ours = [Categorical.from_logits(each) for each in logits]
        theirs = [TorchCategorical(logits=each) for each in logits]
    else:
        means, log_stds = [normals(s, B, A) for s in (0, 1)], [normals(s, A) for s in (3, 4)]
        actions = normals(2, B, A)
        ours = [DiagonalGaussian(*each) for each in zip(means, log_stds, strict=True)]
        theirs = [
            Independent(Normal(mean, log_std.exp()), 1)
            for mean, log_std in zip(means, log_stds, strict=True)
        ]
    return ours, theirs, actions


def test_log_probability_entropy_and_divergence_agree_with_torch(pair):
    ours, theirs, actions = pair

    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.log_prob(actions), other.log_prob(actions))
        torch.testing.assert_close(mine.entropy().expand(B), other.entropy())
    torch.testing.assert_close(ours[1].kl_from(ours[0]), kl_divergence(*theirs))


def test_a_distribution_does_not_diverge_from_itself(pair):
    for mine in pair[0]:
        assert (mine.kl_from(mine) == 0).all()


def test_rows_select_the_same_rows_of_every_formula(pair):
    (_, new), _, actions = pair
    index = torch.tensor([4, 1])

    torch.testing.assert_close(
        new.rows(index).log_prob(actions[index]), new.log_prob(actions)[index]
    )


def test_categorical_samples_follow_the_probabilities():
    probabilities = np.array([0.1, 0.2, 0.7])
    policy = Categorical.from_logits(torch.tensor(np.log(probabilities)).expand(50_000, 3))

    noise = Categorical.noise(np.random.default_rng(0), (50_000, 3))
    actions = policy.sample(torch.from_numpy(noise))

    np.testing.assert_allclose(np.bincount(actions) / 50_000, probabilities, atol=0.01)


def test_samples_of_several_choices_follow_the_probabilities_of_each():
    probabilities = np.array([0.1, 0.2, 0.7, 0.4, 0.6])
    logits = torch.tensor(np.log(probabilities)).expand(50_000, 5)
    policy = MultiCategorical.from_logits(logits, (3, 2))

    noise = Categorical.noise(np.random.default_rng(0), (50_000, 5))
    first, second = policy.sample(torch.from_numpy(noise)).numpy().T

    np.testing.assert_allclose(np.bincount(first) / 50_000, probabilities[:3], atol=0.01)
    np.testing.assert_allclose(np.bincount(second) / 50_000, probabilities[3:], atol=0.01)


def test_gaussian_samples_have_the_mean_and_spread():
    policy = DiagonalGaussian(torch.tensor([[2.0, -1.0]]), torch.tensor([0.5, 2.0]).log())

    noise = DiagonalGaussian.noise(np.random.default_rng(0), (50_000, 2))
    actions = policy.sample(torch.from_numpy(noise))

    torch.testing.assert_close(actions.mean(dim=0), policy.mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(actions.std(dim=0), policy.log_std.exp(), atol=0.03, rtol=0)


def test_the_mode_is_the_most_probable_action(pair):
    for mine in pair[0]:
        best = mine.log_prob(mine.mode())

        assert (best >= mine.log_prob(pair[2])).all()


def test_a_detached_distribution_keeps_its_numbers_when_the_parameters_move():
    log_std = torch.zeros(A, requires_grad=True)
    kept = DiagonalGaussian(torch.zeros(B, A), log_std).detached()

    with torch.no_grad():
        log_std += 1.0

    assert (kept.log_std == 0).all()
    assert not kept.log_std.requires_grad
