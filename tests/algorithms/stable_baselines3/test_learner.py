import random

import numpy as np
import pytest
import torch

from amc.algorithms.base import SB3
from amc.errors import CheckpointError, TrainingError, UsageError
from amc.training import checkpoint
from amc.training.snapshot import digest

NAMES = list(SB3)
# One of each kind; what the others do besides is told by the slow tests.
OFTEN = {"sb3:PPO", "sb3:SAC", "sb3:DQN", "sb3:RecurrentPPO"}
SAVED = [
    name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow, id=name) for name in NAMES
]


def of_the_process():
    return (
        random.getstate(),
        np.random.get_state()[1].tobytes(),
        torch.get_rng_state().numpy().tobytes(),
    )


def until(learner, steps):
    while learner.num_timesteps < steps:
        learner.iterate()
    return learner


def resumed(learner, fresh, through_a_file):
    """A fresh learner in the state of another one, which went through a file."""
    state = {"learner": learner.state_dict(), "environment": learner.environment.state_dict()}
    checkpoint._require_plain(state, "state")
    state = through_a_file(state)
    fresh.load_state_dict(state["learner"])
    fresh.environment.load_state_dict(state["environment"])
    return fresh


@pytest.mark.parametrize("name", SAVED)
def test_a_training_that_was_saved_ends_with_the_same_bits(
    make_sb3, train, through_a_file, monkeypatch, name
):
    monkeypatch.setattr("amc.algorithms.stable_baselines3.learner.ITERATION_STEPS", 13)
    whole = make_sb3(name)
    train(whole)

    half = until(make_sb3(name), 60)
    np.random.seed(5)
    torch.manual_seed(5)
    other = resumed(half, make_sb3(name), through_a_file)
    train(other)

    assert 60 <= half.num_timesteps < 120
    assert digest(other) == digest(whole) != digest(half)


@pytest.mark.parametrize(
    "name", ["sb3:PPO", "sb3:A2C", "sb3:RecurrentPPO", "sb3:DQN", "sb3:TD3", "sb3:SAC"]
)
def test_rounds_make_of_a_training_what_learn_does(make_sb3, train, name):
    steps = (
        128 if name.endswith("PPO") else 120
    )  # in whole rollouts, which `learn` does not shorten
    driven, alone = (make_sb3(name, {}, {"training.total_timesteps": steps}) for _ in range(2))

    train(driven)
    with alone._globals.lent():
        alone.model.learn(steps, log_interval=None)

    assert digest(driven) == digest(alone)
    assert driven.n_updates == alone.n_updates > 0


def test_after_episodes_too(make_sb3, train):
    per_episode = {"train_freq": [1, "episode"], "gradient_steps": -1, "n_envs": 1}
    driven, alone = make_sb3("sb3:TD3", per_episode), make_sb3("sb3:TD3", per_episode)

    train(driven)
    with alone._globals.lent():
        alone.model.learn(120, log_interval=None)

    assert digest(driven) == digest(alone)
    assert driven.n_updates == 90, "episodes of 5 steps, from the 31st step on"


@pytest.mark.parametrize(
    ("name", "changes", "total"),
    [
        ("sb3:PPO", {}, 50),
        ("sb3:A2C", {}, 38),
        ("sb3:A2C", {"n_envs": 1, "normalize_advantage": True}, 21),  # the last of one sample
        ("sb3:DQN", {"train_freq": 16}, 42),
        ("sb3:TD3", {"train_freq": [3, "episode"], "n_envs": 1}, 47),
    ],
)
def test_it_never_steps_beyond_the_budget(make_sb3, train, name, changes, total):
    learner = make_sb3(name, changes, {"training.total_timesteps": total})

    metrics = train(learner)

    assert learner.num_timesteps == learner.model.num_timesteps == total
    assert all(np.isfinite(value) for one in metrics for value in one.values())
    with pytest.raises(TrainingError, match=f"all {total} steps were taken"):
        learner.iterate()


def test_the_last_transition_of_the_budget_is_remembered(make_sb3, train):
    changes = {"train_freq": [3, "episode"], "n_envs": 1}
    learner = make_sb3("sb3:TD3", changes, {"training.total_timesteps": 47})

    train(learner)

    assert learner.model.replay_buffer.pos == 47


def test_nobody_finds_the_generators_of_the_process_moved(make_sb3):
    before = of_the_process()

    learner = until(make_sb3("sb3:DQN"), 60)
    learner.sample(np.eye(4, dtype=np.float32), np.random.default_rng(0))
    learner.load_state_dict(learner.state_dict())
    learner.fork()

    assert of_the_process() == before


def test_what_others_draw_and_ask_in_between_changes_nothing(make_sb3, train):
    alone, disturbed = make_sb3("sb3:TD3"), make_sb3("sb3:TD3")

    train(alone)
    while not disturbed.is_finished:
        disturbed.iterate()
        np.random.rand(3)
        torch.rand(3)
        disturbed.predict(np.zeros((2, 1), np.float32))
        disturbed.sample(np.zeros((2, 1), np.float32), np.random.default_rng(1))

    assert digest(alone) == digest(disturbed)


def test_another_seed_is_another_training(make_sb3, train):
    learners = [make_sb3("sb3:DQN", seed=seed) for seed in (0, 1)]
    beginnings = {digest(learner) for learner in learners}
    for learner in learners:
        train(learner)

    assert len(beginnings) == len({digest(learner) for learner in learners}) == 2


def test_metrics_have_the_tags_of_sb3_and_nothing_is_printed(make_sb3, train, capfd):
    short = {"training.total_timesteps": 40}
    metrics = train(make_sb3("sb3:SAC", {}, short))[-1] | train(make_sb3("sb3:DQN", {}, short))[-1]

    assert {"train/actor_loss", "train/critic_loss", "train/ent_coef"} <= metrics.keys()
    assert {"train/learning_rate", "train/n_updates", "rollout/exploration_rate"} <= metrics.keys()
    assert not any(name.startswith("time/") for name in metrics)
    assert capfd.readouterr() == ("", "")


def test_a_linear_rate_follows_what_remains_of_the_budget(make_sb3):
    linear = {"optimizer.learning_rate": 0.01, "optimizer.learning_rate_schedule": "linear"}
    learner = make_sb3("sb3:PPO", {}, linear | {"training.total_timesteps": 600})

    for _ in range(3):
        rate = learner.iterate()["train/learning_rate"]

        assert rate == pytest.approx(0.01 * (1 - learner.num_timesteps / 600))
    assert rate == 0 and learner.is_finished, "as SB3 has it: what is left once it has collected"


@pytest.mark.slow
def test_it_learns_what_is_to_be_done(make_sb3, train):
    rate = {"optimizer.learning_rate": 0.02, "training.total_timesteps": 400}
    still = {"gamma": 0.0, "use_sde": False, "ent_coef": 0.01, "learning_starts": 100}
    wide = {"policy_kwargs": {"net_arch": [32]}, "batch_size": 32}
    learner = make_sb3("sb3:SAC", still | wide, rate)
    seen = np.linspace(-1, 1, 9, dtype=np.float32)[:, None]

    train(learner)

    np.testing.assert_allclose(learner.predict(seen), 1 + seen / 2, atol=0.25)


@pytest.mark.slow
@pytest.mark.parametrize(("terminates", "value"), [(False, 5.0), (True, 1.0)])
def test_only_an_end_by_time_is_looked_beyond(make_sb3, train, terminates, value):
    changes = {"gamma": 0.8, "n_envs": 4, "n_steps": 2}
    overrides = {"training.total_timesteps": 3000, "optimizer.learning_rate": 0.02}
    learner = make_sb3("sb3:A2C", changes, overrides, world="salary")
    learner.environment.length = 1
    learner.environment.terminates = terminates

    train(learner)

    with torch.no_grad():
        found = learner.model.policy.predict_values(torch.ones(1, 1)).item()
    assert found == pytest.approx(value, rel=0.1)


def test_replayed_rows_are_raw_and_learned_from_as_they_are_worth_now(make_sb3):
    learner = until(make_sb3("sb3:TD3", {"n_envs": 2}, normalized=True), 60)
    buffer, environment = learner.model.replay_buffer, learner.environment

    rows = {name: getattr(buffer, name)[: buffer.size()] for name in ("observations", "rewards")}
    batch = buffer._get_samples(np.arange(20), env=learner.model._vec_normalize_env)

    given = np.stack(environment.inner.inner.given)
    assert np.abs(rows["observations"]).max() <= 1
    expected = -np.square(np.clip(given, 0, 2) - 1 - rows["observations"] / 2)[..., 0]
    np.testing.assert_allclose(rows["rewards"], expected, rtol=1e-4, atol=1e-6)
    assert np.abs(buffer.next_observations[: buffer.size()]).max() <= 1, "the last ones, too"
    raw = {float(value) for value in environment.normalize_observation(
        rows["observations"][:20].reshape(-1, 1))[:, 0]}  # fmt: skip
    assert {float(value) for value in batch.observations[:, 0]} <= raw


@pytest.mark.parametrize("name", NAMES)
def test_what_a_package_holds_is_enough_to_act(make_sb3, name):
    trained, fresh = make_sb3(name), make_sb3(name, seed=1)
    seen = trained.environment.reset()

    own = dict(fresh.named_parameters())
    for tensor_name, tensor in trained.named_parameters():
        own[tensor_name].detach().copy_(tensor)

    np.testing.assert_array_equal(fresh.predict(seen), trained.predict(seen))


@pytest.mark.parametrize("name", ["sb3:PPO", "sb3:DQN", "sb3:TD3", "sb3:SAC"])
def test_sampled_actions_are_drawn_from_the_generator_that_is_given(make_sb3, train, name):
    learner = make_sb3(name, {"exploration_final_eps": 0.5} if name == "sb3:DQN" else {})
    train(learner)
    seen = np.concatenate([learner.environment.reset()] * 20)

    drawn = [learner.sample(seen, np.random.default_rng(seed)) for seed in (0, 0, 1)]

    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    assert drawn[0].shape == learner.predict(seen).shape
    assert all(learner.environment.action_space.contains(action) for action in drawn[0])


def test_a_fork_keeps_what_was_learned_and_draws_anew(make_sb3, train, through_a_file):
    first = until(make_sb3("sb3:DDPG", overrides={"training.total_timesteps": 300}), 100)

    copies = [make_sb3("sb3:DDPG", overrides={"training.total_timesteps": 300}, seed=seed)
              for seed in (1, 2, 2)]  # fmt: skip
    for copy in copies:
        copy.load_state_dict(through_a_file(first.state_dict()))
        copy.fork()
    states = [digest(copy) for copy in copies]
    for copy in copies:
        copy.environment = copies[0].environment
        copy._observation = None
    ends = [np.asarray([copy.model.action_space.sample() for _ in range(3)]) for copy in copies]

    assert states == [digest(first)] * 3
    assert copies[1].model.replay_buffer.size() == 100
    np.testing.assert_array_equal(ends[1], ends[2])
    assert (ends[0] != ends[1]).any()


def test_a_hyperparameter_that_may_change_counts_from_there_on(make_sb3, through_a_file):
    longer = {"training.total_timesteps": 1000}
    first = until(make_sb3("sb3:A2C", {}, longer), 60)
    changed = {"rms_prop_eps": 0.1, "gamma": 0.5}

    other = make_sb3("sb3:A2C", changed, longer | {"optimizer.learning_rate": 0.5})
    resumed(first, other, through_a_file)
    other.iterate()

    group = other.model.policy.optimizer.param_groups[0]
    assert (group["lr"], group["eps"], other.model.gamma) == (0.5, 0.1, 0.5)


@pytest.mark.parametrize(
    "changes", [{"policy_kwargs": {"net_arch": [9]}}, {"buffer_size": 20}, {"n_envs": 1}]
)
def test_the_state_of_another_model_is_refused(make_sb3, changes):
    state = until(make_sb3("sb3:TD3"), 60).state_dict()

    with pytest.raises(CheckpointError, match="not those of TD3 here"):
        make_sb3("sb3:TD3", changes).load_state_dict(state)


def test_settings_that_sb3_refuses_are_the_users_mistake(make_sb3):
    changes = {"use_sde": True, "n_steps": 16}

    with pytest.raises(UsageError, match="algorithm_config: sb3:PPO cannot be made of it: gener"):
        make_sb3("sb3:PPO", changes, world="guess")


@pytest.mark.parametrize("name", ["sb3:PPO", "sb3:SAC"])
def test_a_training_that_leaves_the_numbers_ends_with_a_sentence(make_sb3, train, name):
    learner = make_sb3(name, overrides={"optimizer.learning_rate": 1.0})
    with torch.no_grad():
        next(iter(learner.model.policy.parameters())).fill_(float("nan"))

    with pytest.raises(TrainingError, match=r"not finite: .*Lower optimizer\.learning_rate"):
        train(learner)


def test_several_choices_at_once_are_learned_by_sb3_too(make_sb3, train):
    learner = make_sb3("sb3:PPO", world="twice")

    train(learner)

    assert learner.predict(learner.environment.reset()).shape == (2, 2)
