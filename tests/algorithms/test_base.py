import random

import numpy as np
import pytest
import torch

from amc.algorithms.base import Algorithm, algorithm_class, load_parameters
from amc.algorithms.ddpg import DDPG
from amc.algorithms.ppo import PPO
from amc.errors import CheckpointError, UsageError

PPO_SMALL = {"n_envs": 3, "n_steps": 8, "batch_size": 6, "n_epochs": 2, "kl_coef": 0.2}
DDPG_SMALL = {
    "n_envs": 2,
    "learning_starts": 50,
    "train_freq": 3,
    "batch_size": 8,
    "buffer_size": 300,
}
LEARNERS = [
    pytest.param("ppo", "guess", PPO_SMALL, id="ppo-discrete"),
    pytest.param("ppo", "twice", PPO_SMALL, id="ppo-multi-discrete"),
    pytest.param("ppo", "follow", PPO_SMALL, id="ppo-continuous"),
    pytest.param("ddpg", "follow", DDPG_SMALL, id="ddpg"),
]
HIDDEN = {"hidden_sizes": [8]}
DRAWS = {"exploration", "minibatches", "memories"}  # generators in a state


def plain(value):
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(plain, value))
    return value is None or type(value) in (str, int, float, bool, torch.Tensor)


@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
@pytest.mark.parametrize("stop_after", [0, 1, 3])
def test_an_interrupted_training_ends_with_the_same_bits(
    make_learner,
    train,
    weights,
    through_a_file,
    algorithm,
    world,
    settings,
    optimizer,
    stop_after,
):
    overrides = {
        "training.total_timesteps": 120 if algorithm == "ppo" else 900,
        "optimizer.type": optimizer,
        "optimizer.learning_rate_schedule": "linear",
    }
    lived = make_learner(algorithm, world, settings | HIDDEN, overrides)
    for _ in range(stop_after):
        lived.iterate()
    state = through_a_file([lived.state_dict(), lived.environment.state_dict()])

    expected = train(lived)
    resumed = make_learner(algorithm, world, settings | HIDDEN, overrides, seed=77)
    resumed.environment.load_state_dict(state[1])
    resumed.load_state_dict(state[0])
    metrics = train(resumed)

    assert metrics == expected
    assert torch.equal(weights(resumed), weights(lived))
    assert resumed.num_timesteps == lived.num_timesteps


@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
def test_a_fork_keeps_what_was_learned_and_draws_anew(
    make_learner, train, weights, algorithm, world, settings
):
    given = algorithm, world, settings | HIDDEN, {"training.total_timesteps": 300}
    lived = make_learner(*given)
    lived.iterate()
    left = lived.state_dict()
    fork, twin = (make_learner(*given, seed=5) for _ in range(2))

    for learner in (fork, twin):
        learner.load_state_dict(left)
        learner.fork()
    begun = fork.state_dict()

    assert torch.equal(weights(fork), weights(lived))
    assert fork.num_timesteps == lived.num_timesteps
    assert begun["observation"] is None
    assert all(begun[key] != left[key] for key in DRAWS & begun.keys())
    if algorithm == "ddpg":
        assert not torch.equal(begun["noise"]["value"], left["noise"]["value"])
    assert train(fork) == train(twin) != train(lived)


@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
def test_the_state_is_plain_values_and_tensors(make_learner, algorithm, world, settings):
    learner = make_learner(algorithm, world, settings | HIDDEN)

    before = learner.state_dict()
    learner.iterate()
    after = learner.state_dict()

    assert plain(before) and plain(after)


@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    make_learner, train, weights, algorithm, world, settings
):
    learners = [
        make_learner(algorithm, world, settings | HIDDEN, {"training.total_timesteps": 200}, seed)
        for seed in (1, 1, 2)
    ]

    for learner in learners:
        train(learner)

    one, same, other = map(weights, learners)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
def test_global_generators_are_neither_used_nor_moved(
    make_learner, train, algorithm, world, settings
):
    def states():
        legacy = np.random.get_state()
        return [random.getstate(), legacy[1].tolist(), legacy[2:], torch.get_rng_state().tolist()]

    before = states()

    train(make_learner(algorithm, world, settings | HIDDEN, {"training.total_timesteps": 200}))

    assert states() == before


@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_optimizer_trains(
    make_learner, train, weights, algorithm, world, settings, optimizer
):
    learner = make_learner(
        algorithm,
        world,
        settings | HIDDEN,
        {"training.total_timesteps": 100, "optimizer.type": optimizer},
    )
    before = weights(learner)

    train(learner)

    assert not torch.equal(weights(learner), before)


@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
def test_predictions_need_no_generator(make_learner, algorithm, world, settings):
    learner = make_learner(algorithm, world, settings | HIDDEN)
    observation = learner.environment.reset()

    first, second = learner.predict(observation), learner.predict(observation)

    np.testing.assert_array_equal(first, second)
    assert len(first) == len(observation)


def test_a_checkpoint_of_another_network_is_refused(make_learner):
    state = make_learner("ppo", "guess", PPO_SMALL | {"hidden_sizes": [4]}).state_dict()

    with pytest.raises(CheckpointError, match="belongs to another algorithm_config"):
        make_learner("ppo", "guess", PPO_SMALL | HIDDEN).load_state_dict(state)


def test_a_checkpoint_of_another_algorithm_is_refused(make_learner):
    state = make_learner("ddpg", "follow", DDPG_SMALL | HIDDEN).state_dict()

    with pytest.raises(CheckpointError, match="made by 'ddpg', not by 'ppo'"):
        make_learner("ppo", "follow", PPO_SMALL | HIDDEN).load_state_dict(state)


def test_loading_parameters_keeps_the_memory():
    parameters = torch.zeros(3)
    address = parameters.data_ptr()

    load_parameters(parameters, torch.ones(3))

    assert parameters.tolist() == [1.0, 1.0, 1.0]
    assert parameters.data_ptr() == address


def test_the_registry_knows_both_algorithms():
    assert algorithm_class("ppo") is PPO
    assert algorithm_class("ddpg") is DDPG
    assert issubclass(PPO, Algorithm)


def test_an_unknown_algorithm_is_refused_with_a_guess():
    with pytest.raises(UsageError, match=r"'pppo'.*Did you mean 'ppo'"):
        algorithm_class("pppo")


def test_what_is_not_an_algorithm_is_refused(monkeypatch):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "pathlib")

    with pytest.raises(UsageError, match="not a subclass of"):
        algorithm_class("pathlib:Path")
