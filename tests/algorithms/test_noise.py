import math

import numpy as np
import pytest

from amc.algorithms.noise import NormalNoise, OrnsteinUhlenbeckNoise, make_noise
from amc.errors import UsageError

STD = 0.3
PATHS = 20_000


def paths(theta, dt=1.0, steps=4, seed=0):
    """A sample of many paths, [steps, PATHS]."""
    noise = OrnsteinUhlenbeckNoise((PATHS, 1), STD, np.random.default_rng(seed), theta=theta, dt=dt)
    return np.stack([noise.sample()[:, 0] for _ in range(steps)])


@pytest.mark.parametrize(("theta", "dt"), [(0.15, 1.0), (1.0, 1.0), (2.5, 1.0), (0.15, 0.01)])
def test_the_spread_is_the_configured_one_at_every_time(theta, dt):
    sample = paths(theta, dt)

    # The standard error of a standard deviation is std / sqrt(2 n): 0.5 % here.
    np.testing.assert_allclose(sample.std(axis=1), STD, rtol=0.02)
    np.testing.assert_allclose(sample.mean(axis=1), 0.0, atol=4 * STD / math.sqrt(PATHS))


@pytest.mark.parametrize(("theta", "dt"), [(0.15, 1.0), (1.0, 1.0), (2.5, 1.0), (0.15, 0.01)])
@pytest.mark.parametrize("lag", [1, 3])
def test_the_correlation_decays_as_the_closed_form_says(theta, dt, lag):
    sample = paths(theta, dt)

    correlation = np.corrcoef(sample[0], sample[lag])[0, 1]

    assert correlation == pytest.approx(math.exp(-lag * theta * dt), abs=4 / math.sqrt(PATHS))


def test_one_step_is_the_exact_transition_of_the_process():
    theta, dt, sigma = 0.7, 0.5, 1.3
    std = sigma / math.sqrt(2 * theta)
    noise = OrnsteinUhlenbeckNoise((1, 1), std, np.random.default_rng(3), theta=theta, dt=dt)
    reference = np.random.default_rng(3)

    first, second = noise.sample().item(), noise.sample().item()

    variance = sigma**2 * (1 - math.exp(-2 * theta * dt)) / (2 * theta)
    start = std * reference.standard_normal()
    following = start * math.exp(-theta * dt) + math.sqrt(variance) * reference.standard_normal()
    assert (first, second) == pytest.approx((start, following), rel=1e-6)


def test_only_environments_whose_episode_ended_start_anew():
    kept = OrnsteinUhlenbeckNoise((3, 2), STD, np.random.default_rng(0), theta=0.15)
    restarted = OrnsteinUhlenbeckNoise((3, 2), STD, np.random.default_rng(0), theta=0.15)

    restarted.reset(np.array([False, True, False]))
    a, b = kept.sample(), restarted.sample()

    np.testing.assert_array_equal(a[[0, 2]], b[[0, 2]])
    assert (a[1] != b[1]).all()


def test_a_path_that_starts_anew_is_stationary_at_once():
    noise = OrnsteinUhlenbeckNoise((PATHS, 1), STD, np.random.default_rng(0), theta=0.01)

    before = noise.sample()
    noise.reset(np.ones(PATHS, dtype=bool))
    after = noise.sample()

    assert after.std() == pytest.approx(STD, rel=0.02)
    assert np.corrcoef(before[:, 0], after[:, 0])[0, 1] == pytest.approx(0.0, abs=0.03)


def test_a_restored_path_goes_on_with_the_same_numbers():
    noise = OrnsteinUhlenbeckNoise((2, 2), STD, np.random.default_rng(0), theta=0.15)
    noise.sample()
    state, generator_state = noise.state_dict(), noise.generator.bit_generator.state

    expected = [noise.sample() for _ in range(3)]
    other = OrnsteinUhlenbeckNoise((2, 2), STD, np.random.default_rng(9), theta=0.15)
    other.load_state_dict(state)
    other.generator.bit_generator.state = generator_state

    np.testing.assert_array_equal([other.sample() for _ in range(3)], expected)


def test_normal_noise_has_its_spread_and_no_memory():
    noise = NormalNoise((PATHS, 1), STD, np.random.default_rng(0))

    a, b = noise.sample()[:, 0], noise.sample()[:, 0]

    assert a.std() == pytest.approx(STD, rel=0.02)
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0.0, abs=0.03)


def test_no_noise_is_zero():
    noise = make_noise("none", (2, 3), np.random.default_rng(0), std=STD, theta=0.15, dt=1.0)

    assert (noise.sample() == 0).all()


def test_an_unknown_kind_of_noise_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"'pink'.*ou, normal, none"):
        make_noise("pink", (1, 1), np.random.default_rng(0), std=STD, theta=0.15, dt=1.0)
