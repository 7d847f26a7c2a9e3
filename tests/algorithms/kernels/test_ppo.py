"""The compiled PPO against the reference, in float64 where numbers are compared."""

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amc.algorithms.base import ignore
from amc.algorithms.descent import clip_norm, set_learning_rate
from amc.algorithms.kernels.ppo import FastPPOLearner
from amc.algorithms.networks import ActorCritic
from amc.algorithms.ppo_learner import STATISTICS, PPOLearner
from amc.algorithms.rollout import Rollout
from amc.config.hyperparameters import PPOHyperparameters
from amc.config.schema import OptimizerConfig

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
CPU = torch.device("cpu")
TOLERANCE = 1e-5


class Task(NamedTuple):
    """A problem for both learners."""

    settings: PPOHyperparameters
    observation_size: int = 5
    action_size: int = 3
    discrete: bool = True
    optimizer: str = "adam"
    rows: int = 48
    seed: int = 0


def make_learner(task: Task, kind: type[PPOLearner], mark: Any = ignore) -> PPOLearner:
    hyperparameters = task.settings
    network = ActorCritic(
        task.observation_size,
        task.action_size,
        discrete=task.discrete,
        hidden_sizes=hyperparameters.hidden_sizes,
        activation=hyperparameters.activation,
    )
    network.initialize(
        torch.Generator().manual_seed(task.seed),
        orthogonal=hyperparameters.ortho_init,
        log_std=hyperparameters.log_std_init,
    )
    if kind is PPOLearner:
        network.double()
    optimizer = OptimizerConfig(type=task.optimizer, learning_rate=1e-3)
    return kind(network, optimizer, settings=hyperparameters, device=CPU, mark=mark)


def make_float_learner(task: Task, kind: type[PPOLearner]) -> PPOLearner:
    """As `make_learner`, the reference in float32 too."""
    learner = make_learner(task, FastPPOLearner)
    if kind is FastPPOLearner:
        return learner
    optimizer = OptimizerConfig(type=task.optimizer, learning_rate=1e-3)
    return PPOLearner(learner.network, optimizer, settings=task.settings, device=CPU, mark=ignore)


def make_rollout(task: Task) -> Rollout:
    draw = np.random.default_rng(task.seed)
    n, d, a = task.rows, task.observation_size, task.action_size
    spread = np.exp(task.settings.log_std_init)
    actions = draw.integers(a, size=n) if task.discrete else spread * draw.standard_normal((n, a))
    rest = draw.standard_normal((4, n))
    rollout = Rollout(draw.standard_normal((n, d)), actions, rest[0], rest[1] + 0.3, rest[2])
    # Rounded once, so that both learners begin with the very same numbers.
    return Rollout(*(part if part.dtype == int else part.astype(np.float32) for part in rollout))


def in_double(rollout: Rollout) -> Rollout:
    return Rollout(*(part if part.dtype == int else part.astype(np.float64) for part in rollout))


def is_close(found: torch.Tensor, wanted: torch.Tensor) -> bool:
    return bool((found.double() - wanted).norm() <= TOLERANCE * wanted.norm())


def perturb(learner: PPOLearner, task: Task) -> None:
    """Move the parameters, so that probability ratios and values leave their clipping ranges."""
    shift = np.random.default_rng(task.seed + 1).standard_normal(len(learner.parameters))
    shift = torch.from_numpy((0.03 * shift).astype(np.float32))
    learner.parameters += shift.to(learner.parameters.dtype)


tasks = st.builds(
    Task,
    settings=st.builds(
        PPOHyperparameters,
        n_steps=st.just(64),
        batch_size=st.integers(2, 300),
        clip_range=st.floats(0.01, 0.5),
        clip_range_vf=st.none() | st.floats(0.01, 0.5),
        normalize_advantage=st.booleans(),
        ent_coef=st.sampled_from([0.0, 0.01, 0.5]),
        vf_coef=st.sampled_from([0.1, 0.5, 1.0]),
        kl_coef=st.sampled_from([0.0, 0.2, 3.0]),
        micro_batch_size=st.none() | st.integers(1, 2),
        hidden_sizes=st.sampled_from([(), (8,), (64, 64), (7, 5, 3)]),
        activation=st.sampled_from(["tanh", "relu"]),
        log_std_init=st.sampled_from([0.0, -1.0, 0.5]),
    ),
    observation_size=st.integers(1, 20),
    action_size=st.integers(1, 7),
    discrete=st.booleans(),
    optimizer=st.sampled_from(OPTIMIZERS),
    rows=st.integers(2, 300),
    seed=st.integers(0, 2**16),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(task=tasks)
def test_the_gradient_is_that_of_autograd_in_float64(task: Task):
    reference, fast = (make_learner(task, kind) for kind in (PPOLearner, FastPPOLearner))
    rollout = make_rollout(task)
    size = min(task.rows, task.settings.batch_size)
    index = np.random.default_rng(task.seed).permutation(task.rows)[:size]
    with torch.no_grad():
        old_reference, old_fast = reference._batch(in_double(rollout)), fast._batch(rollout)
        perturb(reference, task)
        perturb(fast, task)

    wanted = reference._accumulate_gradient(old_reference.rows(torch.from_numpy(index)))
    found = fast._descend(fast._rows(old_fast), index[None], 0.0)[0][0]

    assert is_close(fast._gradient, reference._gradient)
    np.testing.assert_allclose(found[: len(STATISTICS)], wanted, rtol=1e-4, atol=1e-5)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(task=tasks, max_norm=st.sampled_from([0.5, 50.0]))
def test_each_step_is_that_of_torchs_optimizer_in_float64(task: Task, max_norm: float):
    clipping = task.settings.model_copy(update={"max_grad_norm": max_norm})
    task = task._replace(settings=clipping)
    fast, oracle = make_learner(task, FastPPOLearner), make_learner(task, PPOLearner)
    rows = fast._rows(fast._batch(make_rollout(task)))
    order = np.arange(min(task.rows, clipping.batch_size))[None]

    for _ in range(4):
        before = fast.parameters.double()
        fast._descend(rows, order, 0.05)
        moved = fast.parameters.double() - before
        oracle.parameters.copy_(before)
        oracle._gradient.copy_(fast._gradient)
        clip_norm(oracle._gradient, max_norm)
        set_learning_rate(oracle.optimizer, 0.05)
        oracle.optimizer.step()
        error = (oracle.parameters - before - moved).norm()

        # A float32 parameter cannot hold a step more exactly than to its own last digit.
        assert error < TOLERANCE * moved.norm() + 1e-7 * before.norm()


@pytest.mark.parametrize("discrete", [True, False])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_whole_update_is_that_of_the_reference_in_float64(optimizer: str, discrete: bool):
    hyperparameters = PPOHyperparameters(
        batch_size=64, clip_range_vf=0.2, ent_coef=0.01, kl_coef=0.5, kl_target=1e-5
    )
    # Plain descent needs longer steps, or what is measured is the rounding of the parameters.
    rate = 0.5 if optimizer == "sgd" else 0.01
    task = Task(hyperparameters, discrete=discrete, optimizer=optimizer, rows=200)
    reference, fast = (make_learner(task, kind) for kind in (PPOLearner, FastPPOLearner))
    before, rollout = reference.parameters.clone(), make_rollout(task)
    order = np.random.default_rng(1).permuted(np.tile(np.arange(200), (3, 1)), axis=1)

    wanted = reference.update(in_double(rollout), order, rate)
    found = fast.update(rollout, order, rate)

    assert is_close(fast.parameters - before, reference.parameters - before)
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    assert fast.kl_coefficient == reference.kl_coefficient == 1.0


def test_an_update_ends_where_the_reference_ends_it():
    task = Task(PPOHyperparameters(batch_size=50, target_kl=0.003, n_epochs=8), rows=200)
    reference, fast = (make_learner(task, kind) for kind in (PPOLearner, FastPPOLearner))
    rollout, order = make_rollout(task), np.tile(np.arange(200), (8, 1))

    wanted = reference.update(in_double(rollout), order, 0.01)
    found = fast.update(rollout, order, 0.01)

    assert 1 <= found["epochs"] < 8
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("discrete", [True, False])
@pytest.mark.parametrize("n", [1, 8, 200])
def test_acting_and_values_are_those_of_the_reference(n: int, discrete: bool):
    task = Task(PPOHyperparameters(log_std_init=-0.5), discrete=discrete, rows=n)
    reference, fast = (make_learner(task, kind) for kind in (PPOLearner, FastPPOLearner))
    observations = make_rollout(task).observations
    noise = np.random.default_rng(2).standard_normal((n, task.action_size)).astype(np.float32)
    exact = observations.astype(np.float64)

    found = fast.act(observations, noise), fast.act_greedily(observations)
    wanted = reference.act(exact, noise.astype(np.float64)), reference.act_greedily(exact)

    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.dtype == (np.int64 if discrete else np.float32)
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        fast.values(observations), reference.values(exact), rtol=1e-5, atol=1e-6
    )


def test_the_network_and_the_kernel_share_one_memory():
    task = Task(PPOHyperparameters(), discrete=False)
    fast, rollout = make_learner(task, FastPPOLearner), make_rollout(task)
    with torch.no_grad():
        fast.network.value[-1].bias += 1000

    values = fast.values(rollout.observations)
    fast.update(rollout, np.arange(48)[None], 0.01)

    assert (values > 900).all()
    flat = torch.cat([part.detach().reshape(-1) for part in fast.network.parameters()])
    assert torch.equal(flat, fast.parameters)
    assert fast.parameters.grad is not None and fast.parameters.grad.norm() > 0


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kinds", [(PPOLearner, FastPPOLearner), (FastPPOLearner, PPOLearner)])
def test_either_kernel_goes_on_from_the_others_checkpoint(
    optimizer: str, kinds: tuple[type[PPOLearner], type[PPOLearner]]
):
    task = Task(PPOHyperparameters(kl_coef=0.1), optimizer=optimizer)
    first, second = (make_float_learner(task, kind) for kind in kinds)
    rollout, order = make_rollout(task), np.arange(48)[None]
    first.update(rollout, order, 0.01)

    second.load_state_dict(first.state_dict())
    states = [learner.state_dict() for learner in (first, second)]
    metrics = [learner.update(rollout, order, 0.01) for learner in (first, second)]

    assert states[0].keys() == states[1].keys()
    assert states[0]["optimizer"].keys() == states[1]["optimizer"].keys()
    for name, value in states[0]["optimizer"].items():
        assert torch.equal(value, states[1]["optimizer"][name])
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-3, abs=1e-5)
    assert torch.allclose(first.parameters, second.parameters, atol=1e-5)


@pytest.mark.parametrize("discrete", [True, False])
def test_going_on_from_a_checkpoint_gives_the_same_bits(discrete: bool):
    task = Task(PPOHyperparameters(kl_coef=0.1), discrete=discrete)
    one, other = (make_learner(task, FastPPOLearner) for _ in range(2))
    rollout, order = make_rollout(task), np.arange(48)[None]
    one.update(rollout, order, 0.01)
    other.load_state_dict(one.state_dict())

    for learner in (one, other):
        learner.update(rollout, order, 0.01)

    assert torch.equal(one.parameters, other.parameters)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("discrete", [True, False])
def test_what_is_not_a_number_is_not_hidden(discrete: bool, activation: str):
    task = Task(PPOHyperparameters(activation=activation, clip_range_vf=0.1), discrete=discrete)
    fast, rollout = make_learner(task, FastPPOLearner), make_rollout(task)
    with torch.no_grad():
        fast.network.policy[0].weight[0, 0] = torch.nan

    metrics = fast.update(rollout, np.arange(48)[None], 0.01)

    assert np.isnan(metrics["train/loss"])
    assert not torch.isfinite(fast.parameters).all()


def test_each_epoch_shows_that_there_is_life():
    marks: list[str] = []
    task = Task(PPOHyperparameters())
    fast = make_learner(task, FastPPOLearner, marks.append)

    fast.update(make_rollout(task), np.tile(np.arange(48), (3, 1)), 0.01)

    assert marks == ["update"] * 3
