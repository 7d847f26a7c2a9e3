"""Gradient descent on one flat tensor of parameters: optimizers and clipping.

This is what `optimizer` in a config means: the networks' optimizer, not the search's.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from amc.config.schema import OptimizerConfig

SavedOptimizer = Mapping[str, Tensor | None]


def _keep_the_compiler_out() -> None:
    """Spare torch's optimizers the import of torch's compiler: 1.1 s, to be left alone by it.

    Their methods ask it, when they are first called, for a version of themselves that it does not
    compile, and keep the answer in an attribute. Nobody compiles anything here, so they are given
    themselves. Where a version of torch has no such attribute, it is one that nobody reads.
    """
    for kind in (Optimizer, Adam, AdamW, SGD, RMSprop):
        for method in vars(kind).values():
            if (function := getattr(method, "__wrapped__", None)) is not None:
                setattr(function, "__dynamo_disable", function)


_keep_the_compiler_out()


def import_compiler() -> None:
    """Import torch's compiler, which its optimizers do at their first step; the fast kernel never.

    It takes 1.1 s.
    """
    _ = torch._dynamo  # imported where it is looked at


def make_optimizer(config: OptimizerConfig, parameters: Tensor, epsilon: float) -> Optimizer:
    """The optimizer that a config names, over one tensor with its `grad` already in place.

    Args:
        config: type and first learning rate; the rest are torch's defaults.
        parameters: float32 [P].
        epsilon: what keeps a division from zero in all but plain SGD.
    """
    rate = config.learning_rate
    # fused: one pass over memory instead of ten, half the time of a step for small networks.
    if config.type == "adam":
        return Adam([parameters], lr=rate, eps=epsilon, fused=True)
    if config.type == "adamw":
        return AdamW([parameters], lr=rate, eps=epsilon, fused=True)
    if config.type == "sgd":
        return SGD([parameters], lr=rate, fused=True)
    return RMSprop([parameters], lr=rate, eps=epsilon)


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Use this learning rate from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def clip_norm(gradient: Tensor, max_norm: float) -> None:
    """Scale a flat gradient down, in place, if its Euclidean norm is above `max_norm`."""
    scale = max_norm / (torch.linalg.vector_norm(gradient) + 1e-6)
    gradient.mul_(scale.clamp(max=1.0))


def optimizer_state(optimizer: Optimizer) -> dict[str, Tensor | None]:
    """What an optimizer over one tensor remembers, copied to the CPU; empty before its first step.

    Only what was learned: learning rate and the like come from the config again.
    """
    remembered = optimizer.state[optimizer.param_groups[0]["params"][0]]
    return {
        name: None if value is None else value.detach().cpu().clone()
        for name, value in remembered.items()
    }


def restore_optimizer(optimizer: Optimizer, saved: SavedOptimizer) -> None:
    """Give an optimizer the memory taken by `optimizer_state`."""
    copies = {name: None if value is None else value.clone() for name, value in saved.items()}
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": {0: copies} if copies else {}, "param_groups": groups})
