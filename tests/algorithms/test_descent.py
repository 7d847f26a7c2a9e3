import numpy as np
import pytest
import torch

from amc.algorithms.descent import (
    clip_norm,
    make_optimizer,
    optimizer_state,
    restore_optimizer,
    set_learning_rate,
)
from amc.config.schema import OptimizerConfig

KINDS = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, eps=1e-5),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, eps=1e-5),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1, eps=1e-5),
}


def configured(kind):
    return OptimizerConfig(type=kind, learning_rate=0.1)


def gradients(count):
    return torch.from_numpy(np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32))


def prepared(kind):
    parameters = torch.ones(4)
    parameters.grad = torch.zeros(4)
    return parameters, make_optimizer(configured(kind), parameters, 1e-5)


def descend(parameters, optimizer, steps):
    for gradient in steps:
        parameters.grad.copy_(gradient)
        optimizer.step()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_torchs_own(kind):
    parameters, optimizer = prepared(kind)
    reference = torch.ones(4)
    reference.grad = torch.zeros(4)

    descend(parameters, optimizer, gradients(5))
    descend(reference, KINDS[kind]([reference]), gradients(5))

    torch.testing.assert_close(parameters, reference)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [0, 3])
def test_a_restored_optimizer_takes_the_same_steps(kind, before):
    steps = gradients(6)
    parameters, optimizer = prepared(kind)
    descend(parameters, optimizer, steps[:before])
    other, restored = prepared(kind)
    other.copy_(parameters)

    restore_optimizer(restored, optimizer_state(optimizer))
    descend(parameters, optimizer, steps[before:])
    descend(other, restored, steps[before:])

    assert torch.equal(parameters, other)


def test_a_saved_memory_does_not_change_when_descent_goes_on():
    parameters, optimizer = prepared("adam")
    descend(parameters, optimizer, gradients(1))
    state = optimizer_state(optimizer)
    before = {name: value.clone() for name, value in state.items()}
    _, restored = prepared("adam")
    restore_optimizer(restored, state)

    descend(parameters, optimizer, gradients(2))
    descend(*prepared("adam"), gradients(2))

    assert all(torch.equal(state[name], before[name]) for name in before)


def test_a_new_learning_rate_holds_from_the_next_step_on():
    parameters, optimizer = prepared("sgd")

    set_learning_rate(optimizer, 0.5)
    descend(parameters, optimizer, [torch.ones(4)])

    assert parameters.tolist() == [0.5] * 4


@pytest.mark.parametrize("norm", [0.1, 0.5, 3.0])
def test_clipping_is_torchs_own(norm):
    gradient = gradients(1)[0]
    parameter = torch.nn.Parameter(torch.zeros(4))
    parameter.grad = gradient.clone()

    clip_norm(gradient, norm)
    torch.nn.utils.clip_grad_norm_([parameter], norm)

    torch.testing.assert_close(gradient, parameter.grad)
