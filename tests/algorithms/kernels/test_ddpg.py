"""The compiled DDPG against the reference, in float64 where numbers are compared."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amc.algorithms.ddpg_learner import DDPGLearner
from amc.algorithms.descent import set_learning_rate
from amc.algorithms.kernels.ddpg import FastDDPGLearner
from amc.algorithms.networks import DeterministicActorCritic, initialize_uniform
from amc.algorithms.replay import Transitions
from amc.config.hyperparameters import DDPGHyperparameters
from amc.config.schema import OptimizerConfig

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
CPU = torch.device("cpu")
TOLERANCE = 1e-5


class Task(NamedTuple):
    """A problem for both learners."""

    settings: DDPGHyperparameters = DDPGHyperparameters(batch_size=32, hidden_sizes=(16, 16))
    observation_size: int = 5
    action_size: int = 2
    optimizer: str = "adam"
    seed: int = 0


def make_learner(task: Task, kind: type[DDPGLearner], *, exact: bool = False) -> DDPGLearner:
    network = DeterministicActorCritic(
        task.observation_size,
        task.action_size,
        hidden_sizes=task.settings.hidden_sizes,
        activation=task.settings.activation,
    )
    initialize_uniform(network, torch.Generator().manual_seed(task.seed))
    if exact:
        network.double()
    optimizer = OptimizerConfig(type=task.optimizer, learning_rate=1e-3)
    return kind(network, optimizer, settings=task.settings, device=CPU)


def make_batch(task: Task, seed: int = 0) -> Transitions:
    """Transitions as the replay buffer gives them: columns of one array."""
    draw = np.random.default_rng([task.seed, seed])
    n, d, a = task.settings.batch_size, task.observation_size, task.action_size
    rows = draw.standard_normal((n, 2 * d + a + 2)).astype(np.float32)
    rows[:, -1] = draw.random(n) < 0.2
    columns = torch.split(torch.from_numpy(rows), [d, d, a, 1, 1], dim=1)
    states, following, actions, rewards, terminated = columns
    return Transitions(
        states, actions.clip(-1, 1), rewards.squeeze(1), following, terminated.squeeze(1)
    )


def in_double(batch: Transitions) -> Transitions:
    return Transitions(*(part.double() for part in batch))


def is_close(found: torch.Tensor, wanted: torch.Tensor) -> bool:
    return bool((found.double() - wanted).norm() <= TOLERANCE * wanted.norm())


tasks = st.builds(
    Task,
    settings=st.builds(
        DDPGHyperparameters,
        batch_size=st.integers(1, 600),
        gamma=st.sampled_from([0.0, 0.9, 1.0]),
        tau=st.floats(0.01, 1.0),
        hidden_sizes=st.sampled_from([(), (8,), (64, 64), (7, 5, 3)]),
        activation=st.sampled_from(["tanh", "relu"]),
    ),
    observation_size=st.integers(1, 20),
    action_size=st.integers(1, 7),
    optimizer=st.sampled_from(OPTIMIZERS),
    seed=st.integers(0, 2**16),
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(task=tasks)
def test_gradients_and_losses_are_those_of_autograd_in_float64(task: Task):
    reference, fast = (
        make_learner(task, DDPGLearner, exact=True),
        make_learner(task, FastDDPGLearner),
    )
    batch = make_batch(task)

    wanted = reference.update(in_double(batch), 1e-10)
    found = fast.update(batch, 1e-10)

    assert is_close(fast._gradient, reference._gradient)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(task=tasks)
def test_each_step_is_that_of_torchs_optimizer_in_float64(task: Task):
    fast, oracle = make_learner(task, FastDDPGLearner), make_learner(task, DDPGLearner, exact=True)

    for number in range(3):
        before, target = fast.parameters.double(), fast.target_parameters.double()
        fast.update(make_batch(task, number), 0.05)
        moved = fast.parameters.double() - before
        oracle.parameters.copy_(before)
        oracle._gradient.copy_(fast._gradient)
        for optimizer in (oracle.actor_optimizer, oracle.critic_optimizer):
            set_learning_rate(optimizer, 0.05)
            optimizer.step()
        error = (oracle.parameters - before - moved).norm()
        wanted_target = target.lerp(fast.parameters.double(), task.settings.tau)

        # A float32 parameter cannot hold a step more exactly than to its own last digit.
        assert error < TOLERANCE * moved.norm() + 1e-7 * before.norm()
        assert torch.allclose(fast.target_parameters.double(), wanted_target, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_updates_are_those_of_the_reference_in_float64(optimizer: str):
    task = Task(optimizer=optimizer)
    reference, fast = (
        make_learner(task, DDPGLearner, exact=True),
        make_learner(task, FastDDPGLearner),
    )
    before = reference.parameters.clone()
    # Plain descent needs longer steps, or what is measured is the rounding of the parameters.
    rate = 0.3 if optimizer == "sgd" else 0.01

    for number in range(5):
        reference.update(in_double(make_batch(task, number)), rate)
        fast.update(make_batch(task, number), rate)

    assert is_close(fast.parameters - before, reference.parameters - before)


@pytest.mark.parametrize("n", [1, 8, 200])
def test_acting_is_that_of_the_reference(n: int):
    task = Task()
    reference, fast = make_learner(task, DDPGLearner), make_learner(task, FastDDPGLearner)
    observations = np.random.default_rng(0).standard_normal((n, 5)).astype(np.float32)

    found = fast.act(observations)

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference.act(observations), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kinds", [(DDPGLearner, FastDDPGLearner), (FastDDPGLearner, DDPGLearner)])
def test_either_kernel_goes_on_from_the_others_checkpoint(
    optimizer: str, kinds: tuple[type[DDPGLearner], type[DDPGLearner]]
):
    task = Task(optimizer=optimizer)
    first, second = (make_learner(task, kind) for kind in kinds)
    first.update(make_batch(task), 0.01)

    second.load_state_dict(first.state_dict())
    states = [learner.state_dict() for learner in (first, second)]
    for learner in (first, second):
        learner.update(make_batch(task, 1), 0.01)

    for part in ("actor_optimizer", "critic_optimizer"):
        assert states[0][part].keys() == states[1][part].keys()
        for name, value in states[0][part].items():
            assert torch.equal(value, states[1][part][name])
    assert torch.allclose(first.parameters, second.parameters, atol=1e-5)


def test_going_on_from_a_checkpoint_gives_the_same_bits():
    task = Task()
    one, other = (make_learner(task, FastDDPGLearner) for _ in range(2))
    one.update(make_batch(task), 0.01)
    other.load_state_dict(one.state_dict())

    for learner in (one, other):
        learner.update(make_batch(task, 1), 0.01)

    assert torch.equal(one.parameters, other.parameters)
    assert torch.equal(one.target_parameters, other.target_parameters)


def test_a_checkpoint_is_no_view_of_what_goes_on_learning():
    task = Task()
    fast = make_learner(task, FastDDPGLearner)
    fast.update(make_batch(task), 0.01)
    state = fast.state_dict()
    before = state["actor_optimizer"]["exp_avg"].clone()

    fast.update(make_batch(task, 1), 0.01)

    assert torch.equal(state["actor_optimizer"]["exp_avg"], before)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_what_is_not_a_number_is_not_hidden(activation: str):
    task = Task(Task().settings.model_copy(update={"activation": activation}))
    fast = make_learner(task, FastDDPGLearner)
    with torch.no_grad():
        fast.network.actor[0].weight[0, 0] = torch.nan

    losses = fast.update(make_batch(task), 0.01)

    assert torch.isnan(losses[0])
    assert not torch.isfinite(fast.parameters).all()
