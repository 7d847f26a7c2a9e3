"""What a checkpoint holds, and the digest of an agent."""

import json

import pytest
import torch

from amc.errors import CheckpointError
from amc.training import checkpoint, snapshot
from amc.workers.base import BaseWorker


class Agent:
    """The part of an algorithm that a digest looks at."""

    def __init__(self, *tensors, num_timesteps=10, n_updates=3, names="abc"):
        self.tensors = tensors
        self.names = names
        self.num_timesteps = num_timesteps
        self.n_updates = n_updates

    def named_parameters(self):
        return zip(self.names, self.tensors, strict=False)


def rewrite(outcome, **changes):
    """Replace entries of an outcome's checkpoint, keeping it intact."""
    state = checkpoint.load(outcome.checkpoint) | changes
    step, attempt = outcome.steps, outcome.attempt
    checkpoint.save(outcome.checkpoint.parent, state, step=step, attempt=attempt)


@pytest.mark.parametrize(
    "other",
    [
        Agent(torch.tensor([1.0, 2.0000002]), torch.tensor(3)),
        Agent(torch.tensor([[1.0, 2.0]]), torch.tensor(3)),
        Agent(torch.tensor([1.0, 2.0], dtype=torch.float64), torch.tensor(3)),
        Agent(torch.tensor([1.0, 2.0]), torch.tensor(3), names="xy"),
        Agent(torch.tensor([1.0, 2.0]), torch.tensor(3), num_timesteps=11),
        Agent(torch.tensor([1.0, 2.0]), torch.tensor(3), n_updates=4),
    ],
    ids=["a bit", "a shape", "a type", "a name", "steps", "updates"],
)
def test_the_digest_tells_agents_apart(other):
    agent = Agent(torch.tensor([1.0, 2.0]), torch.tensor(3))
    twin = Agent(torch.tensor([1.0, 2.0]), torch.tensor(3))

    assert snapshot.digest(agent) == snapshot.digest(twin) != snapshot.digest(other)


def test_the_digest_looks_at_values_not_at_memory():
    transposed = torch.tensor([[1.0, 3.0], [2.0, 4.0]]).T

    assert snapshot.digest(Agent(transposed)) == snapshot.digest(
        Agent(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    )


def test_a_checkpoint_holds_all_that_is_needed_to_rebuild_the_agent(small, tmp_path):
    config = small("ppo")
    outcome = BaseWorker(0, config, tmp_path).run()

    state = checkpoint.load(outcome.checkpoint)

    assert json.loads(state["config"])["environment"]["name"] == "CartPole-v1"
    assert state["versions"] == snapshot.versions(config)
    assert state["versions"].keys() == {"amc", "python", "torch", "numpy", "gymnasium"}
    assert state["backend"] == outcome.environment


def test_a_checkpoint_of_another_layout_is_refused(small, tmp_path):
    outcome = BaseWorker(0, small("ppo"), tmp_path).run()

    rewrite(outcome, format=99)

    with pytest.raises(CheckpointError, match="its format is 99"):
        BaseWorker(0, small("ppo"), tmp_path).run()


def test_a_checkpoint_from_before_a_setting_existed_goes_on(small, tmp_path):
    outcome = BaseWorker(0, small("ppo"), tmp_path).run()
    config = json.loads(checkpoint.load(outcome.checkpoint)["config"])
    del config["training"]["kernel"], config["algorithm_config"]["kl_target"]

    rewrite(outcome, config=json.dumps(config))

    assert BaseWorker(0, small("ppo"), tmp_path).run().digest == outcome.digest


def test_a_checkpoint_with_a_setting_that_nobody_knows_is_refused(small, tmp_path):
    outcome = BaseWorker(0, small("ppo"), tmp_path).run()
    config = json.loads(checkpoint.load(outcome.checkpoint)["config"])

    rewrite(outcome, config=json.dumps(config | {"telepathy": True}))

    with pytest.raises(CheckpointError, match="telepathy"):
        BaseWorker(0, small("ppo"), tmp_path).run()


def test_a_checkpoint_of_another_precision_is_refused(small, tmp_path):
    BaseWorker(0, small("ppo", {"training.kernel": "reference"}), tmp_path).run()
    rounded = small("ppo", {"training.kernel": "reference", "training.precision": "bf16"})

    with pytest.raises(CheckpointError, match=r"training\.precision is 'float32' there and 'bf16'"):
        BaseWorker(0, rounded, tmp_path).run()


def test_a_checkpoint_of_another_backend_is_refused(small, tmp_path):
    outcome = BaseWorker(0, small("ppo"), tmp_path).run()

    rewrite(outcome, backend="abacus 1.0 CartPole-v1")

    with pytest.raises(CheckpointError, match=r"written on abacus 1\.0 CartPole-v1"):
        BaseWorker(0, small("ppo"), tmp_path).run()


def test_a_checkpoint_of_other_versions_is_resumed_with_a_warning(small, tmp_path, caplog):
    outcome = BaseWorker(0, small("ppo"), tmp_path).run()

    rewrite(outcome, versions={"torch": "0.4"})
    again = BaseWorker(0, small("ppo"), tmp_path).run()

    assert again.digest == outcome.digest
    assert "{'torch': '0.4'}" in caplog.text
