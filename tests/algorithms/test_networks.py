import numpy as np
import pytest
import torch

from amc.algorithms.networks import (
    ActorCritic,
    DeterministicActorCritic,
    flatten_parameters,
    initialize_uniform,
    linear_layers,
    mlp,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def network():
    network = ActorCritic(5, 3, discrete=False, hidden_sizes=(8, 6), activation="tanh")
    network.initialize(seeded(), orthogonal=True, log_std=-0.5)
    return network


def test_orthogonal_weights_have_the_gains_of_the_reference_implementations(network):
    for part, output_gain in ((network.policy, 0.01), (network.value, 1.0)):
        *hidden, last = linear_layers(part)
        for layer, gain in [*((layer, 2**0.5) for layer in hidden), (last, output_gain)]:
            # Rows or columns, whichever are fewer, are orthonormal up to the gain.
            singular_values = torch.linalg.svdvals(layer.weight.detach())
            np.testing.assert_allclose(singular_values, gain, rtol=1e-5)
            assert (layer.bias == 0).all()
    assert network.log_std.tolist() == [-0.5] * 3


def test_uniform_weights_lie_within_their_bound():
    network = DeterministicActorCritic(100, 3, hidden_sizes=(50,), activation="relu")

    initialize_uniform(network, seeded())

    first = network.actor[0].requires_grad_(False)
    assert first.weight.abs().max() == pytest.approx(0.1, rel=0.01)
    assert first.weight.std() == pytest.approx(0.1 / 3**0.5, rel=0.05)
    assert first.bias.abs().max() <= 0.1


def test_bf16_multiplies_rounded_numbers_and_gives_back_float32():
    layer = mlp([5, 3], "tanh", "bf16")
    initialize_uniform(layer, seeded())
    inputs = torch.randn(100, 5, generator=seeded(1))

    outputs = layer(inputs)

    weight, bias, rounded = (part.bfloat16().double() for part in (*layer.parameters(), inputs))
    # What comes out is rounded too: 8 bits, which is half a unit in 256.
    wanted = (rounded @ weight.T + bias).float()
    torch.testing.assert_close(outputs, wanted, rtol=2**-8, atol=2**-9)
    assert torch.equal(outputs, outputs.bfloat16().float())


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 0.0), ("tf32", 0.0), ("bf16", 0.05)]
)
def test_gradients_of_every_precision_are_float32(precision, tolerance):
    plain = torch.nn.Sequential(*mlp([5, 8, 3], "tanh"))
    perceptron = mlp([5, 8, 3], "tanh", precision)
    for network in (plain, perceptron):
        initialize_uniform(network, seeded())
        network(torch.ones(2, 5)).square().sum().backward()

    for mine, other in zip(perceptron.parameters(), plain.parameters(), strict=True):
        assert mine.grad.dtype == mine.dtype == torch.float32
        torch.testing.assert_close(mine.grad, other.grad, rtol=0.0, atol=tolerance)
    assert perceptron.state_dict().keys() == plain.state_dict().keys()


def test_the_same_generator_gives_the_same_weights(network):
    other = ActorCritic(5, 3, discrete=False, hidden_sizes=(8, 6), activation="tanh")
    other.initialize(seeded(), orthogonal=True, log_std=-0.5)

    for mine, its in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, its)


def test_flat_parameters_and_the_networks_are_one_memory(network):
    observations = torch.ones(2, 5)
    before = network.values(observations).tolist()

    flat, _ = flatten_parameters(network)
    same = network.values(observations).tolist()
    flat.mul_(0)

    assert same == before
    assert len(flat) == sum(parameter.numel() for parameter in network.parameters())
    assert network.values(observations).tolist() == [0.0, 0.0]


def test_backward_adds_into_the_flat_gradient(network):
    _, gradient = flatten_parameters(network)

    for _ in range(2):
        network.values(torch.ones(2, 5)).sum().backward()

    parts = [parameter.grad.flatten() for parameter in network.parameters()]
    assert torch.equal(torch.cat(parts), gradient)
    # d(sum of V)/d(last bias) = 1 for each of two rows, twice.
    assert network.value[-1].bias.grad.item() == 4.0


def test_a_deterministic_policy_stays_within_its_range():
    network = DeterministicActorCritic(2, 3, hidden_sizes=(4,), activation="relu")
    initialize_uniform(network, seeded())

    actions = network.actions(1e6 * torch.randn(10, 2, generator=seeded()))

    assert actions.shape == (10, 3)
    assert (actions.abs() <= 1).all()
