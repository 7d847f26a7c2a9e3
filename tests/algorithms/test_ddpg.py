import copy

import numpy as np
import pytest
import torch

from amc.algorithms.base import algorithm_class
from amc.algorithms.replay import Transitions
from amc.environments.normalization import NormalizeObservation, NormalizeReward
from amc.errors import TrainingError, UsageError

SMALL = {"learning_starts": 100, "batch_size": 32, "hidden_sizes": [32], "gamma": 0.0, "tau": 0.05}


def random_batch(size=32):
    generator = torch.Generator().manual_seed(0)
    return Transitions(
        observations=torch.randn(size, 1, generator=generator),
        actions=torch.rand(size, 1, generator=generator) * 2 - 1,
        rewards=torch.randn(size, generator=generator),
        next_observations=torch.randn(size, 1, generator=generator),
        terminated=(torch.rand(size, generator=generator) < 0.3).float(),
    )


def test_it_learns_a_continuous_answer(make_learner, train):
    learner = make_learner(
        "ddpg",
        "follow",
        SMALL | {"noise_std": 0.3, "n_envs": 2},
        {"training.total_timesteps": 1400, "optimizer.learning_rate": 0.01},
    )
    seen = np.linspace(-1, 1, 9, dtype=np.float32)[:, None]

    train(learner)

    np.testing.assert_allclose(learner.predict(seen), 1 + seen / 2, atol=0.25)


@pytest.mark.parametrize("kernel", ["fast", "reference"])
def test_it_remembers_raw_values_and_learns_from_what_they_are_worth_now(
    make_experiment, worlds, kernel
):
    raw, seed = worlds["follow"](2), np.random.SeedSequence(0)
    environment = NormalizeReward(NormalizeObservation(raw), gamma=0.9)
    config = make_experiment("ddpg", SMALL | {"n_envs": 2}, {"training.kernel": kernel})
    learner = algorithm_class("ddpg")(environment, config, seed)
    learner.iterate()

    state = learner.replay.state_dict()["rows"].numpy()
    rows = learner.replay.sample_rows(200, np.random.default_rng(0))

    assert np.abs(state[:, :2]).max() <= 1
    np.testing.assert_allclose(
        state[:, 3], -np.square(state[:, 2] - state[:, 0] / 2), rtol=1e-4, atol=1e-6
    )
    drawn = state[np.random.default_rng(0).integers(len(state), size=200)]
    for column in (0, 1):
        now = environment.normalize_observation(drawn[:, column : column + 1].copy())
        np.testing.assert_array_equal(rows[:, column : column + 1], now)
    now = environment.normalize_reward(drawn[:, 3].astype(np.float64))
    np.testing.assert_array_equal(rows[:, 3], now.astype(np.float32))


@pytest.mark.parametrize(("terminates", "value"), [(False, 5.0), (True, 1.0)])
def test_only_an_end_by_time_is_looked_beyond(make_learner, train, terminates, value):
    learner = make_learner(
        "ddpg",
        "salary",
        SMALL | {"gamma": 0.8, "n_envs": 2},
        {"training.total_timesteps": 1000, "optimizer.learning_rate": 0.01},
    )
    learner.environment.length = 1
    learner.environment.terminates = terminates

    train(learner)

    observation = torch.ones(1, 1)
    network = learner.learner.network
    found = network.values(observation, network.actions(observation)).item()
    assert found == pytest.approx(value, rel=0.05)


def test_an_update_is_gradient_descent_on_the_losses_of_the_paper(make_learner):
    learner = make_learner(
        "ddpg", "follow", SMALL | {"gamma": 0.9}, {"optimizer.type": "sgd"}
    ).learner
    with torch.no_grad():
        learner.target_parameters.mul_(1.1)
    network, target = copy.deepcopy(learner.network), copy.deepcopy(learner.target)
    batch = random_batch()

    actor_loss, critic_loss = learner.update(batch, 0.1).tolist()

    next_values = target.values(batch.next_observations, target.actions(batch.next_observations))
    wanted = (batch.rewards + 0.9 * (1 - batch.terminated) * next_values).detach()
    error = ((network.values(batch.observations, batch.actions) - wanted) ** 2).mean()
    error.backward()
    torch.optim.SGD(network.critic.parameters(), lr=0.1).step()
    gain = network.values(batch.observations, network.actions(batch.observations)).mean()
    (-gain).backward()
    torch.optim.SGD(network.actor.parameters(), lr=0.1).step()
    assert (actor_loss, critic_loss) == pytest.approx((-gain.item(), error.item()))
    for mine, other in zip(learner.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_targets_follow_by_polyak_averaging(make_learner):
    learner = make_learner("ddpg", "follow", SMALL | {"tau": 0.25}).learner
    before = learner.target_parameters.clone()

    learner.update(random_batch(), 0.01)

    expected = 0.75 * before + 0.25 * learner.parameters
    torch.testing.assert_close(learner.target_parameters, expected)
    assert not torch.equal(learner.target_parameters, before)


def test_targets_start_as_copies_in_memory_of_their_own(make_learner):
    learner = make_learner("ddpg", "follow", SMALL).learner

    assert torch.equal(learner.parameters, learner.target_parameters)
    assert learner.parameters.data_ptr() != learner.target_parameters.data_ptr()


def test_actions_are_uniform_over_the_box_until_learning_starts(make_learner):
    learner = make_learner("ddpg", "follow", SMALL | {"learning_starts": 1000, "n_envs": 4})

    while learner.num_timesteps < 1000:
        metrics = learner.iterate()

    given = np.concatenate(learner.environment.given)
    assert given.dtype == np.float32
    assert (given >= 0).all() and (given <= 2).all()
    assert given.mean() == pytest.approx(1.0, abs=0.06)
    assert given.std() == pytest.approx(2 / np.sqrt(12), abs=0.04)
    assert metrics == {"train/learning_rate": 0.001, "train/n_updates": 0.0}


def test_after_that_actions_are_the_policys_with_noise(make_learner):
    learner = make_learner(
        "ddpg",
        "salary",
        {"learning_starts": 0, "gradient_steps": 1, "train_freq": 10_000, "noise_std": 0.1},
    )
    greedy = learner.predict(np.ones((1, 1), dtype=np.float32)).item()

    for _ in range(10):
        learner.iterate()

    given = np.concatenate(learner.environment.given)
    assert given.mean() == pytest.approx(greedy, abs=0.03)
    # Noise is in actions scaled to [-1, 1], and this Box is [0, 2].
    assert given.std() == pytest.approx(0.1, rel=0.1)


def test_without_noise_it_acts_as_it_predicts(make_learner):
    learner = make_learner(
        "ddpg", "salary", {"learning_starts": 0, "train_freq": 10_000, "noise_type": "none"}
    )

    learner.iterate()

    greedy = learner.predict(np.ones((1, 1), dtype=np.float32)).item()
    np.testing.assert_allclose(np.concatenate(learner.environment.given), greedy, rtol=1e-6)


@pytest.mark.parametrize(
    ("train_freq", "gradient_steps", "n_envs", "updates"),
    [(1, 1, 1, 50), (5, 1, 1, 10), (5, 3, 1, 30), (1, 1, 2, 25), (4, 2, 2, 12)],
)
def test_updates_follow_the_steps(make_learner, train, train_freq, gradient_steps, n_envs, updates):
    learner = make_learner(
        "ddpg",
        "follow",
        SMALL | {"train_freq": train_freq, "gradient_steps": gradient_steps, "n_envs": n_envs},
        {"training.total_timesteps": 150},
    )

    train(learner)

    assert learner.n_updates == updates


def test_it_trains_exactly_the_budget_rounded_up_to_all_environments(make_learner, train):
    learner = make_learner(
        "ddpg", "follow", SMALL | {"n_envs": 3}, {"training.total_timesteps": 400}
    )

    train(learner)

    assert learner.num_timesteps == 402
    assert learner.replay.size == learner.replay.capacity == 402


@pytest.mark.parametrize(("n_envs", "longest"), [(1, 100), (8, 800), (64, 960), (2000, 2000)])
def test_an_iteration_is_short(make_learner, n_envs, longest):
    learner = make_learner(
        "ddpg",
        "follow",
        SMALL | {"n_envs": n_envs, "learning_starts": 10_000},
        {"training.total_timesteps": 10_000},
    )

    learner.iterate()

    assert learner.num_timesteps == longest


def test_the_linear_schedule_goes_down_with_every_step(make_learner, train):
    learner = make_learner(
        "ddpg",
        "follow",
        SMALL | {"learning_starts": 0},
        {
            "training.total_timesteps": 200,
            "optimizer.learning_rate": 0.1,
            "optimizer.learning_rate_schedule": "linear",
        },
    )

    rates = [metrics["train/learning_rate"] for metrics in train(learner)]

    # Of the 100th and of the 200th step: 99 and 199 lay behind.
    assert rates == pytest.approx([0.1 * (1 - 99 / 200), 0.1 * (1 - 199 / 200)])


def test_a_loss_that_is_not_finite_ends_training_with_advice(make_learner, train):
    learner = make_learner("ddpg", "salary", SMALL)
    learner.environment.amount = 1e30

    with pytest.raises(TrainingError, match=r"train/critic_loss.*optimizer\.learning_rate"):
        train(learner)


def test_discrete_actions_are_refused(make_learner):
    with pytest.raises(UsageError, match=r"'ddpg' needs continuous actions, but .* has discrete"):
        make_learner("ddpg", "guess", SMALL)


def test_a_box_without_bounds_is_refused(make_learner, worlds, monkeypatch):
    space = worlds["follow"].action_space
    monkeypatch.setattr(worlds["follow"], "action_space", type(space)(-np.inf, np.inf, (1,)))

    with pytest.raises(UsageError, match=r"finite ones\. Wrap the environment, or use ppo"):
        make_learner("ddpg", "follow", SMALL)
