"""Devices and precisions; what is tested on a GPU, where there is one, is tested on the CPU too."""

import numpy as np
import pytest
import torch

from amc.algorithms.device import matrix_products, resolve_device, to_device
from amc.errors import UsageError

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
DEVICES = ["cpu", pytest.param("cuda", marks=GPU)]
PRECISIONS = ["float32", "tf32", "bf16"]

PPO = {"n_envs": 3, "n_steps": 8, "batch_size": 6, "n_epochs": 2, "kl_coef": 0.2, "target_kl": 0.5}
DDPG = {"n_envs": 2, "learning_starts": 50, "batch_size": 8, "buffer_size": 150, "train_freq": 3}
LEARNERS = [
    pytest.param("ppo", "guess", PPO, id="ppo-discrete"),
    pytest.param("ppo", "follow", PPO, id="ppo-continuous"),
    pytest.param("ddpg", "follow", DDPG, id="ddpg"),
]


def products():
    return torch.backends.cuda.matmul.fp32_precision


def test_the_cpu_is_always_there():
    assert resolve_device("cpu") == torch.device("cpu")


def test_auto_takes_a_gpu_where_there_is_one():
    expected = "cuda:0" if torch.cuda.is_available() else "cpu"

    assert resolve_device("auto") == torch.device(expected)


@pytest.mark.parametrize("name", ["cuda:99", "tpu", ""])
def test_an_absent_device_is_refused_with_those_that_exist(name):
    with pytest.raises(UsageError, match=rf"'{name}' does not exist here.*: cpu.* or 'auto'\."):
        resolve_device(name)


@pytest.mark.skipif(torch.backends.cuda.is_built(), reason="this PyTorch knows CUDA")
def test_a_pytorch_that_cannot_use_any_gpu_is_named_as_the_cause():
    with pytest.raises(UsageError) as refusal:
        resolve_device("cuda")

    assert str(refusal.value) == (
        "training.device: 'cuda' does not exist here. This process sees: cpu "
        f"(PyTorch {torch.__version__} is built without CUDA). Choose one of these, or 'auto'."
    )


def test_a_gpu_that_is_hidden_from_this_process_is_named_as_the_cause(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")

    with pytest.raises(UsageError, match=r"\(CUDA_VISIBLE_DEVICES is '3'\)\. Choose"):
        resolve_device("cuda:99")


def test_on_the_cpu_an_array_is_not_copied():
    array = np.zeros(3, dtype=np.float32)

    to_device(array, torch.device("cpu"))[1] = 5.0

    assert array.tolist() == [0.0, 5.0, 0.0]


@pytest.mark.parametrize("device", DEVICES)
def test_numbers_and_types_arrive_as_they_left(device):
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(4), np.zeros((0, 2))]

    arrived = [to_device(array, torch.device(device)).cpu().numpy() for array in arrays]

    for array, other in zip(arrays, arrived, strict=True):
        np.testing.assert_array_equal(other, array)
        assert other.dtype == array.dtype


def test_tf32_holds_within_the_block_and_not_beyond():
    before = products()

    with pytest.raises(ZeroDivisionError), matrix_products("tf32"):
        within = products()
        raise ZeroDivisionError

    assert (within, products()) == ("tf32", before)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_no_other_precision_touches_torchs_setting(precision):
    before = products()

    with matrix_products(precision):
        within = products()

    assert within == before


@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
def test_updates_are_made_in_tf32_and_steps_are_not(make_learner, algorithm, world, settings):
    before = products()
    learner = make_learner(algorithm, world, settings, {"training.precision": "tf32"})
    seen = {"step": set(), "update": set()}
    learner.mark = learner.learner.mark = lambda event: seen[event].add(products())

    learner.iterate()

    assert seen == {"step": {before}, "update": {"tf32"}}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
def test_on_every_device_and_in_every_precision_a_resumed_training_ends_with_the_same_bits(
    make_learner, weights, through_a_file, algorithm, world, settings, precision, device
):
    overrides = {"training.device": device, "training.precision": precision}
    lived = make_learner(algorithm, world, settings, overrides)
    lived.iterate()
    state = through_a_file([lived.state_dict(), lived.environment.state_dict()])
    before = weights(lived)

    resumed = make_learner(algorithm, world, settings, overrides, seed=77)
    resumed.environment.load_state_dict(state[1])
    resumed.load_state_dict(state[0])
    metrics = [learner.iterate() for learner in (lived, resumed)]

    assert metrics[0] == metrics[1]
    assert torch.equal(weights(resumed), weights(lived))
    assert not torch.equal(weights(lived), before)


@pytest.mark.parametrize(("algorithm", "world", "settings"), LEARNERS)
def test_in_bf16_everything_that_is_kept_stays_float32(
    make_learner, weights, algorithm, world, settings
):
    exact = make_learner(algorithm, world, settings)
    rounded = make_learner(algorithm, world, settings, {"training.precision": "bf16"})

    exact.iterate()
    rounded.iterate()

    kept = rounded.learner.state_dict()
    tensors = [part for part in kept.values() if isinstance(part, torch.Tensor)]
    tensors += [*kept.get("optimizer", kept.get("actor_optimizer")).values()]
    assert {tensor.dtype for tensor in tensors} == {torch.float32}
    assert rounded.learner.parameters.grad.dtype == torch.float32
    assert not torch.equal(weights(rounded), weights(exact))
    torch.testing.assert_close(weights(rounded), weights(exact), rtol=0.0, atol=0.1)


def test_bf16_learns_the_same_answer(make_learner, train):
    learner = make_learner(
        "ppo",
        "guess",
        {"n_envs": 4, "n_steps": 16, "batch_size": 64, "hidden_sizes": [16], "gamma": 0.0},
        {
            "training.total_timesteps": 3000,
            "training.precision": "bf16",
            "optimizer.learning_rate": 0.02,
        },
    )

    train(learner)

    assert learner.predict(np.eye(4, dtype=np.float32)).tolist() == [0, 1, 2, 3]
