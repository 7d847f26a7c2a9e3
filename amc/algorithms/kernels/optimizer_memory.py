"""The memory of torch optimizers, as flat arrays that compiled code can work on.

The optimizers stay the owners, so a checkpoint looks the same whichever kernel wrote it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from amc.algorithms.kernels.descent import KINDS, Descent
from amc.config.schema import OptimizerConfig

# What torch calls the running means of a gradient and of its square.
FIRST, SECOND = "exp_avg", "exp_avg_sq"
MEANS = {
    "adam": (FIRST, SECOND),
    "adamw": (FIRST, SECOND),
    "sgd": (None, None),
    "rmsprop": (None, "square_avg"),
}


class OptimizerMemory:
    """Running means and step counts of optimizers that move neighbouring parts of one tensor.

    Their own memory becomes views of one array; one that has not stepped yet gets what its first
    step would make.

    Args:
        config: names the optimizers.
        optimizers: made by `amc.algorithms.descent.make_optimizer`, each over one tensor; in the
            order of their tensors.

    Attributes:
        steps: taken so far, by each; `write_back` before the optimizers are asked.
    """

    def __init__(
        self, config: OptimizerConfig, optimizers: Sequence[torch.optim.Optimizer]
    ) -> None:
        group = optimizers[0].param_groups[0]
        beta_1, beta_2 = group.get("betas", (0.0, group.get("alpha", 0.0)))
        rule = (beta_1, beta_2, group.get("eps", 0.0), group["weight_decay"])
        self._kind = KINDS[config.type]
        self._rule = np.array(rule, dtype=np.float64)
        self._parts = [optimizer.param_groups[0]["params"][0] for optimizer in optimizers]
        self._states = [
            optimizer.state[part] for optimizer, part in zip(optimizers, self._parts, strict=True)
        ]
        self._m, self._v = (self._gather(name) for name in MEANS[config.type])
        self.steps = int(self._states[0].get("step", 0))

    def _gather(self, name: str | None) -> NDArray[np.float32]:
        if name is None:
            return np.empty(0, np.float32)
        for state in self._states:
            state.setdefault("step", torch.zeros(()))
        pairs = list(zip(self._states, self._parts, strict=True))
        whole = torch.cat([state.get(name, torch.zeros_like(part)) for state, part in pairs])
        pieces = torch.split(whole, [part.numel() for part in self._parts])
        for state, piece in zip(self._states, pieces, strict=True):
            state[name] = piece
        return whole.numpy()

    def descent(self, learning_rate: float) -> Descent:
        """What a compiled update needs for its next steps."""
        return Descent(self._kind, learning_rate, self.steps, self._m, self._v, self._rule)

    def write_back(self) -> None:
        """Tell the optimizers how many steps were taken; the rest they share already."""
        for state in self._states:
            if "step" in state:
                state["step"].fill_(self.steps)
