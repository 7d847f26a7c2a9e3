"""What `policy_kwargs` may say of each kind of policy, as the policies' constructors take it.

Networks see flat vectors here, so there is no features extractor to choose; the optimizer's class
is `optimizer.type`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, JsonValue

from amc.config.fields import Count, Layers, Positive, StrictModel
from amc.config.text.faults import shown

_NO_EXTRACTOR = (
    "observations are flat vectors here, so there is no features extractor to choose. Remove it."
)
_MOST_LAYERS, _WIDEST = 16, 65_536
OPTIMIZER_KEYWORDS: Mapping[str, frozenset[str]] = {
    "adam": frozenset({"amsgrad", "betas", "eps", "weight_decay"}),
    "adamw": frozenset({"amsgrad", "betas", "eps", "weight_decay"}),
    "rmsprop": frozenset({"alpha", "centered", "eps", "momentum", "weight_decay"}),
    "sgd": frozenset({"dampening", "momentum", "nesterov", "weight_decay"}),
}
"""What `optimizer_kwargs` may name, by `optimizer.type`."""


def _network(*parts: str) -> BeforeValidator:
    """Refuses what is neither widths nor an object with the widths of each part."""
    form = ", ".join(f'"{part}": [64, 64]' for part in parts)
    forms = f"[64, 64] or {{{form}}}" if parts else "[64, 64]"

    def check(value: Any) -> Any:
        by_part = isinstance(value, Mapping) and parts and set(value) == set(parts)
        if not all(map(_are_widths, value.values() if by_part else [value])):
            raise ValueError(f"{shown(value)} is no network of this policy. Write {forms}.")
        return value

    return BeforeValidator(check)


def _are_widths(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) > _MOST_LAYERS:
        return False
    return all(type(width) is int and 1 <= width <= _WIDEST for width in value)


def _activation(value: Any) -> Any:
    """The name as it is written here; `nn.LeakyReLU` and `torch.nn.LeakyReLU` are understood."""
    if not isinstance(value, str):
        return value
    name = value.rpartition(".")[2]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return {"si_lu": "silu", "re_lu": "relu", "leaky_re_lu": "leaky_relu"}.get(words, words)


def _keyword_value(value: Any) -> Any:
    """A number, a flag, or two numbers, as Adam's betas are."""
    numbers = value if isinstance(value, list | tuple) and len(value) == 2 else [value]
    if isinstance(value, bool) or all(type(one) in (int, float) for one in numbers):
        return value
    raise ValueError(f"{shown(value)} is neither a number, nor two, nor true or false.")


KeywordValue = Annotated[JsonValue, BeforeValidator(_keyword_value)]
Activation = Annotated[
    Literal["tanh", "relu", "elu", "leaky_relu", "gelu", "silu"], BeforeValidator(_activation)
]
Networks = Layers | dict[str, Layers]
ActorNetworks = Annotated[Networks, _network("pi", "vf")]
CriticNetworks = Annotated[Networks, _network("pi", "qf")]
LogStd = Annotated[float, Field(ge=-20, le=2)]


class PolicyKwargs(StrictModel):
    """Base: what every policy takes."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            (
                *("features_extractor_class", "features_extractor_kwargs", "normalize_images"),
                "share_features_extractor",
            ),
            _NO_EXTRACTOR,
        ),
        "optimizer_class": "write optimizer.type instead.",
        "use_sde": "it belongs to algorithm_config; move it there.",
        "lr_schedule": "write optimizer.learning_rate_schedule instead.",
    }

    net_arch: Networks = (64, 64)
    """Widths of the hidden layers."""
    activation_fn: Activation = "relu"
    """What stands between the layers."""
    optimizer_kwargs: dict[str, KeywordValue] = Field(default_factory=dict)
    """Further arguments of the optimizer, without its learning rate."""


class ActorCriticKwargs(PolicyKwargs):
    """Of PPO, A2C and TRPO: a policy and a value function."""

    net_arch: ActorNetworks = (64, 64)
    """Widths of the hidden layers, of both or of `pi` and `vf`."""
    activation_fn: Activation = "tanh"
    """What stands between the layers."""
    ortho_init: bool = True
    """Whether the weights start orthogonal."""
    log_std_init: LogStd = 0.0
    """Initial logarithm of the actions' deviation, for continuous actions."""
    full_std: bool = True
    """Whether gSDE has a deviation for each feature and action."""
    use_expln: bool = False
    """Whether gSDE keeps deviations positive by expln, not exp."""
    squash_output: bool = False
    """Whether tanh keeps actions within their bounds; with gSDE only."""


class TwinKwargs(PolicyKwargs):
    """Of TD3 and DDPG: a deterministic policy and Q functions."""

    net_arch: CriticNetworks = (400, 300)
    """Widths of the hidden layers, of both or of `pi` and `qf`."""
    n_critics: Count = 2
    """Q functions; the least of them counts."""


class SingleKwargs(TwinKwargs):
    """Of DDPG, which has one Q function."""

    n_critics: Count = 1
    """Q functions; the least of them counts."""


class SquashedKwargs(TwinKwargs):
    """Of SAC: a Gaussian within tanh, and Q functions."""

    net_arch: CriticNetworks = (256, 256)
    """Widths of the hidden layers, of both or of `pi` and `qf`."""
    log_std_init: LogStd = -3.0
    """Initial logarithm of the actions' deviation, with gSDE."""
    use_expln: bool = False
    """Whether gSDE keeps deviations positive by expln, not exp."""
    clip_mean: Annotated[float, Field(ge=0)] = 2.0
    """How far from zero gSDE lets the mean go; 0: any."""


class QuantileCriticKwargs(SquashedKwargs):
    """Of TQC, whose Q functions are distributions."""

    n_quantiles: Count = 25
    """Quantiles of each Q function."""


class RenormalizedKwargs(SquashedKwargs):
    """Of CrossQ, whose layers are normalised."""

    net_arch: CriticNetworks = Field(
        default_factory=lambda: {"pi": (256, 256), "qf": (1024, 1024)}, validate_default=True
    )
    """Widths of the hidden layers, of both or of `pi` and `qf`."""
    batch_norm: bool = True
    """Whether layers are normalised."""
    batch_norm_momentum: Annotated[float, Field(ge=0, le=1)] = 0.01
    """How fast the statistics of a layer move."""
    batch_norm_eps: Positive = 0.001
    """What keeps a division from zero."""
    renorm_warmup_steps: Annotated[int, Field(ge=0)] = 100_000
    """Updates until the statistics count in full."""


class QNetworkKwargs(PolicyKwargs):
    """Of DQN: a Q function of all actions."""

    net_arch: Annotated[Layers, _network()] = (64, 64)
    """Widths of the hidden layers."""


class QuantileNetworkKwargs(QNetworkKwargs):
    """Of QR-DQN, whose Q function is a distribution."""

    n_quantiles: Count = 200
    """Quantiles of each action's value."""


def widths(network: Networks, part: str) -> tuple[int, ...]:
    """The hidden layers of one part of a policy."""
    return network[part] if isinstance(network, dict) else network
