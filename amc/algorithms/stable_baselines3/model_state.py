"""What a checkpoint holds of a model of Stable-Baselines3: plain values and tensors, all copies.

Not SB3's own zip, which holds pickles and no replay buffer. The doors are `captured` and `restore`.

    parameters   what SB3's `get_parameters` names: networks, and what optimizers remember
    variables    tensors beside the networks, as the logarithm of SAC's entropy coefficient
    counters     of steps, updates and episodes, and where the exploration stands
    replay       the filled rows of the replay buffer, and where the next one goes
    noise        [N, A], where Ornstein-Uhlenbeck noise stands
    actions      the generator of random actions
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from amc.errors import CheckpointError

_COUNTERS = ("num_timesteps", "_n_updates", "_episode_num", "_n_calls", "exploration_rate")
_ROWS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def captured(model: Any) -> dict[str, Any]:
    """The state of a model between two rounds."""
    networks, variables = model._get_torch_save_params()
    state = {
        "parameters": {name: _plain(_memory(_attribute(model, name))) for name in networks},
        "variables": {name: _plain(_attribute(model, name)) for name in variables},
        "counters": {
            name: _plain(getattr(model, name)) for name in _COUNTERS if name in vars(model)
        },
        "actions": _plain(model.action_space.np_random.bit_generator.state),
    }
    if (replay := getattr(model, "replay_buffer", None)) is not None:
        state["replay"] = _replay(replay)
    if paths := _paths(model):
        state["noise"] = _plain(np.stack([path.noise_prev for path in paths]))
    return state


def restore(model: Any, state: Mapping[str, Any]) -> None:
    """Put a model, freshly made, into a captured state.

    Raises:
        CheckpointError: it is of other networks, or of another replay buffer.
    """
    try:
        for name, memory in state["parameters"].items():
            _remember(_attribute(model, name), memory)
        for name, value in state["variables"].items():
            _attribute(model, name).data.copy_(value)
        if "replay" in state:
            _refill(model.replay_buffer, state["replay"])
    except (AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            "checkpoint: its networks or its replay buffer are not those of "
            f"{type(model).__name__} here: {error}. "
            "It belongs to another algorithm_config or environment."
        ) from error
    for name, value in state["counters"].items():
        setattr(model, name, value)
    model.action_space.np_random.bit_generator.state = state["actions"]
    if "noise" in state:
        for path, value in zip(_paths(model), state["noise"].numpy(), strict=True):
            path.noise_prev = value.copy()


def _attribute(model: Any, name: str) -> Any:
    """What a dotted name means, as SB3 names what it saves."""
    found = model
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _memory(part: Any) -> Any:
    """What was learned; the learning rate and the like come from the config again."""
    return part.state_dict()["state"] if isinstance(part, Optimizer) else part.state_dict()


def _remember(part: Any, memory: Mapping[Any, Any]) -> None:
    if isinstance(part, Optimizer):
        groups = part.state_dict()["param_groups"]
        part.load_state_dict({"state": _plain(memory), "param_groups": groups})
    else:
        part.load_state_dict(memory)


def _paths(model: Any) -> list[Any]:
    """The noise processes that remember; one for each environment."""
    noise = model.action_noise
    return [one for one in getattr(noise, "noises", [noise]) if hasattr(one, "noise_prev")]


def _replay(buffer: Any) -> dict[str, Any]:
    size = buffer.size()
    rows = {name: torch.tensor(getattr(buffer, name)[:size]) for name in _ROWS}
    return {**rows, "position": int(buffer.pos), "full": bool(buffer.full)}


def _refill(buffer: Any, state: Mapping[str, Any]) -> None:
    size = len(state["rewards"])
    if size > buffer.buffer_size or state["full"] != (size == buffer.buffer_size):
        raise ValueError(f"{size} rows were kept, and {buffer.buffer_size} have room")
    for name in _ROWS:
        getattr(buffer, name)[:size] = state[name].numpy()
    buffer.pos, buffer.full = state["position"], state["full"]


def _plain(value: Any) -> Any:
    """The same with tensors on the CPU, in copies, and without a type of NumPy's."""
    match value:
        case torch.Tensor():
            return value.detach().to("cpu", copy=True)
        case np.ndarray():
            return torch.tensor(value)
        case np.generic():
            return value.item()
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
