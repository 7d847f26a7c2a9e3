"""A deterministic policy and its normaliser as one ONNX file, for programs that have neither.

The door is `export_onnx`. In: `observation`, float32 [B, D], raw. Out: `action`, int64 [B] or
float32 [B, ...] within the bounds, as `Agent.predict` gives it. ONNX's opset 17.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from gymnasium import spaces
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from amc.algorithms.base import Algorithm
from amc.algorithms.ddpg import DDPG
from amc.algorithms.ppo import PPO
from amc.environments.compiled.running_mean_std import (
    COUNT,
    EPSILON,
    MEAN,
    SQUARES,
    RunningMeanStd,
)
from amc.environments.normalization import CLIP
from amc.environments.observations import float_box
from amc.errors import UsageError

# As old as the operators allow, so that older runtimes read it.
_OPSET, _IR_VERSION = 17, 8
_ACTIVATIONS = {nn.Tanh: "Tanh", nn.ReLU: "Relu"}


def export_onnx(
    algorithm: Algorithm,
    statistics: RunningMeanStd | None,
    action_space: spaces.Space[Any],
    path: Path,
) -> None:
    """Write a policy to `path`.

    Args:
        algorithm: whose it is.
        statistics: of the observations, where they are normalised.
        action_space: of the environment; what the algorithm sees of it counts from 0.

        path: the file.

    Raises:
        UsageError: the algorithm is a plug-in's, or several choices are made at once.
        OSError: it could not be written.
    """
    graph = _Graph()
    action = _policy(graph, algorithm, _normalized(graph, statistics), action_space)
    if isinstance(action_space, spaces.Box):
        action = graph.add("Reshape", action, np.array([-1, *action_space.shape]))
    size, entries = algorithm.observation_size, action_space.shape or ()
    kind = TensorProto.FLOAT if isinstance(action_space, spaces.Box) else TensorProto.INT64
    model = helper.make_model(
        helper.make_graph(
            [*graph.nodes, helper.make_node("Identity", [action], ["action"])],
            algorithm.config.algorithm,
            [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ("batch", size))],
            [helper.make_tensor_value_info("action", kind, ("batch", *entries))],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        producer_name="ai-mission-control",
    )
    model.ir_version = _IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


class _Graph:
    """Nodes and constants in the order in which they are computed."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str | NDArray[Any], **attributes: Any) -> str:
        """Compute something of names and constants; its name."""
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def _constant(self, value: NDArray[Any]) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name


def _normalized(graph: _Graph, statistics: RunningMeanStd | None) -> str:
    """What the policy sees of an observation; in float64 on the way, as in training."""
    if statistics is None:
        return "observation"
    deviation = np.sqrt(statistics[SQUARES] / statistics[COUNT] + EPSILON)
    wide = graph.add("Cast", "observation", to=TensorProto.DOUBLE)
    centered = graph.add("Sub", wide, statistics[MEAN])
    scaled = graph.add("Div", centered, deviation)
    clipped = graph.add("Clip", scaled, np.array(-CLIP), np.array(CLIP))
    return graph.add("Cast", clipped, to=TensorProto.FLOAT)


def _policy(graph: _Graph, algorithm: Algorithm, seen: str, space: spaces.Space[Any]) -> str:
    match algorithm:
        case DDPG():
            scaled = graph.add("Tanh", _layers(graph, algorithm.learner.network.actor, seen))
            bounds = algorithm.action_range
            return graph.add("Add", graph.add("Mul", scaled, bounds.radius), bounds.center)
        case PPO():
            return _most_probable(
                graph, _layers(graph, algorithm.learner.network.policy, seen), space
            )
        case _:
            raise UsageError(
                "export: ONNX files are written of PPO and DDPG, not of "
                f"{type(algorithm).__name__}. Hand on the checkpoint, or a package: amc package."
            )


def _layers(graph: _Graph, network: nn.Sequential, inputs: str) -> str:
    for layer in network:
        if isinstance(layer, nn.Linear):
            weight, bias = (part.detach().cpu().numpy() for part in (layer.weight, layer.bias))
            inputs = graph.add("Gemm", inputs, weight.copy(), bias.copy(), transB=1)
        else:
            inputs = graph.add(_ACTIVATIONS[type(layer)], inputs)
    return inputs


def _most_probable(graph: _Graph, outputs: str, space: spaces.Space[Any]) -> str:
    match space:
        case spaces.Box():
            bounds = float_box(space)
            return graph.add("Min", graph.add("Max", outputs, bounds.low), bounds.high)
        case spaces.Discrete():
            chosen = graph.add("ArgMax", outputs, axis=1, keepdims=0)
            return graph.add("Add", chosen, np.array(space.start, np.int64))
        case _:
            raise UsageError(
                f"export: the environment acts in {space}. ONNX files are written of policies with "
                "one choice, or with a vector. Hand on a package: amc package."
            )
