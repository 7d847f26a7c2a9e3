"""Each algorithm's knobs, without the algorithm: names, ranges and defaults, as in SB3.

An algorithm of a plug-in registers its model under the entry point group `amc.hyperparameters` (or
carries it as its class's `Hyperparameters`). The door is `hyperparameters_for`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, create_model

from amc.config.fields import (
    INTEGRAL,
    MAY_CHANGE,
    Count,
    CountOrZero,
    Fraction,
    Layers,
    NotNegative,
    Positive,
    StrictModel,
)
from amc.config.sb3 import naming
from amc.errors import UsageError
from amc.plugins import names, resolve

GROUPS = ("amc.hyperparameters", "amc.algorithms")
BUILT_IN = {
    "ppo": "amc.config.hyperparameters:PPOHyperparameters",
    "ddpg": "amc.config.hyperparameters:DDPGHyperparameters",
}
COMMAND = "command"
"""The algorithm of a config that names a trainer of the user's own."""
SB3 = {
    "sb3:PPO": "amc.config.sb3.on_policy:SB3PPOHyperparameters",
    "sb3:A2C": "amc.config.sb3.on_policy:A2CHyperparameters",
    "sb3:TRPO": "amc.config.sb3.on_policy:TRPOHyperparameters",
    "sb3:RecurrentPPO": "amc.config.sb3.lstm:RecurrentPPOHyperparameters",
    "sb3:DQN": "amc.config.sb3.off_policy:DQNHyperparameters",
    "sb3:QRDQN": "amc.config.sb3.off_policy:QRDQNHyperparameters",
    "sb3:DDPG": "amc.config.sb3.off_policy:SB3DDPGHyperparameters",
    "sb3:TD3": "amc.config.sb3.off_policy:TD3Hyperparameters",
    "sb3:SAC": "amc.config.sb3.off_policy:SACHyperparameters",
    "sb3:TQC": "amc.config.sb3.off_policy:TQCHyperparameters",
    "sb3:CrossQ": "amc.config.sb3.off_policy:CrossQHyperparameters",
}
_FLOAT32_BYTES = 4

Environments = Annotated[int, Field(ge=1, le=65_536), INTEGRAL]
Transitions = Annotated[int, Field(ge=1, le=10_000_000_000), INTEGRAL]


class Hyperparameters(StrictModel):
    """Base of every algorithm's `algorithm_config`.

    Attributes:
        action_spaces: the kinds of actions that the algorithm can choose.
        default_learning_rate: what `optimizer.learning_rate` is when the config does not say.
        is_free: whether it takes any names, and then all that the trainer is told: no optimizer.
        default_optimizer: the same for `optimizer.type`.
        follows_the_end: what goes by how much is left of a training, besides the learning rate.
        elsewhere: keys that are known and not taken here, and what to do instead.
    """

    action_spaces: ClassVar[frozenset[str]] = frozenset({"discrete", "continuous"})
    default_learning_rate: ClassVar[float] = 3e-4
    is_free: ClassVar[bool] = False
    default_optimizer: ClassVar[str] = "adam"
    follows_the_end: ClassVar[str] = ""
    elsewhere: ClassVar[Mapping[str, str]] = {}

    def problems(self) -> Iterator[tuple[str, str]]:
        """What does not fit together: the key to blame, and a sentence. Plug-ins add their own."""
        return iter(())

    def advice(self, total_timesteps: int) -> Iterator[tuple[set[str], str]]:
        """What is allowed and probably not meant: the keys that decide it, and a sentence."""
        return iter(())

    def misfits(self, optimizer: str, precision: str) -> Iterator[tuple[tuple[str, ...], str]]:
        """What does not go with `optimizer.type` and `training.precision`: path, and sentence."""
        return iter(())

    def round_steps(self) -> int | None:
        """Steps of all environments between two updates; None where that is not known before."""
        steps: int = getattr(self, "n_steps", 1) * getattr(self, "n_envs", 1)
        return steps

    def memory(
        self, observation_size: int, action_size: int, total_timesteps: int
    ) -> dict[str, int]:
        """Bytes that training will hold, by the key that decides them.

        Args:
            observation_size: numbers in an observation.
            action_size: numbers in an action.
            total_timesteps: environment steps of the training; no more are ever remembered.
        """
        return {}


class PPOHyperparameters(Hyperparameters):
    """Proximal Policy Optimization: clipped objective, optional adaptive KL penalty."""

    action_spaces: ClassVar[frozenset[str]] = frozenset(
        {"discrete", "multi-discrete", "continuous"}
    )

    n_envs: Environments = 8
    """Environments stepped together."""
    n_steps: Annotated[Count, MAY_CHANGE] = 256
    """Steps of each environment between two updates."""
    batch_size: Annotated[Count, MAY_CHANGE] = 64
    """Samples in a minibatch."""
    n_epochs: Annotated[Count, MAY_CHANGE] = 10
    """Passes over what was collected."""
    gamma: Annotated[Fraction, MAY_CHANGE] = 0.99
    """Discount of the next reward."""
    gae_lambda: Annotated[Fraction, MAY_CHANGE] = 0.95
    """Weight of longer advantage estimates."""
    clip_range: Annotated[float, Field(gt=0, le=1), MAY_CHANGE] = 0.2
    """How far the new policy's probability of an action may move from the old one's."""
    clip_range_vf: Annotated[Positive | None, MAY_CHANGE] = None
    """The same for the value function, in units of the returns; null: no clipping."""
    normalize_advantage: Annotated[bool, MAY_CHANGE] = True
    """Whether a minibatch's advantages are scaled to mean 0 and deviation 1."""
    ent_coef: Annotated[NotNegative, MAY_CHANGE] = 0.0
    """Weight of the entropy bonus."""
    vf_coef: Annotated[NotNegative, MAY_CHANGE] = 0.5
    """Weight of the value loss."""
    max_grad_norm: Annotated[Positive, MAY_CHANGE] = 0.5
    """Gradients longer than this are shortened to it."""
    target_kl: Annotated[Positive | None, MAY_CHANGE] = None
    """Stop an update's epochs when the policy moved 1.5 times this far; null: never."""
    kl_coef: NotNegative = 0.0
    """Initial weight of the adaptive KL penalty; 0: no penalty."""
    kl_target: Annotated[Positive, MAY_CHANGE] = 0.01
    """The divergence per update that the KL penalty aims at."""
    micro_batch_size: Annotated[Count | None, MAY_CHANGE] = None
    """Cut minibatches into pieces of this size, to use less memory; null: whole."""
    hidden_sizes: Layers = (64, 64)
    """Widths of the hidden layers of policy and value network."""
    activation: Literal["tanh", "relu"] = "tanh"
    """What stands between the layers."""
    ortho_init: bool = True
    """Whether the weights start orthogonal."""
    log_std_init: Annotated[float, Field(ge=-20, le=2)] = 0.0
    """Initial logarithm of the actions' deviation, for continuous actions."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Minibatches that cannot be cut from what is collected."""
        rollout = self.n_envs * self.n_steps
        if self.batch_size > rollout:
            yield (
                "batch_size",
                f"{self.batch_size} is more than the {rollout} samples of an update "
                f"(n_envs {self.n_envs} * n_steps {self.n_steps}). Lower it, or raise n_steps.",
            )
        if self.batch_size == 1 and self.normalize_advantage:
            yield (
                "batch_size",
                "advantages cannot be normalised over 1 sample. Raise it, or set "
                "normalize_advantage to false.",
            )
        if self.micro_batch_size is not None and self.micro_batch_size > self.batch_size:
            yield (
                "micro_batch_size",
                f"{self.micro_batch_size} is more than batch_size {self.batch_size}, of which it "
                "is a piece. Lower it, or leave it out.",
            )

    def advice(self, total_timesteps: int) -> Iterator[tuple[set[str], str]]:
        """A last minibatch of each epoch that is smaller than the others."""
        rollout = self.n_envs * self.n_steps
        rest = rollout % self.batch_size
        if rest:
            yield (
                {"batch_size", "n_envs", "n_steps"},
                f"algorithm_config.batch_size: {self.batch_size} does not divide the {rollout} "
                f"samples of an update (n_envs {self.n_envs} * n_steps {self.n_steps}); the last "
                f"minibatch of each epoch has {rest}.",
            )

    def memory(
        self, observation_size: int, action_size: int, total_timesteps: int
    ) -> dict[str, int]:
        """One rollout: observation, action, and six numbers a sample; two networks with Adam."""
        samples = min(self.n_envs * self.n_steps, total_timesteps + self.n_envs)
        sample = (observation_size + action_size + 6) * _FLOAT32_BYTES
        return {
            "n_steps": samples * sample,
            "hidden_sizes": 2 * network_bytes(observation_size, self.hidden_sizes, action_size),
        }


class DDPGHyperparameters(Hyperparameters):
    """Deep Deterministic Policy Gradient, for continuous actions."""

    action_spaces: ClassVar[frozenset[str]] = frozenset({"continuous"})
    default_learning_rate: ClassVar[float] = 1e-3

    n_envs: Environments = 1
    """Environments stepped together."""
    buffer_size: Transitions = 1_000_000
    """Transitions that the replay buffer holds."""
    learning_starts: CountOrZero = 1000
    """Steps of random actions before the first update."""
    batch_size: Annotated[Count, MAY_CHANGE] = 256
    """Transitions in an update."""
    tau: Annotated[float, Field(gt=0, le=1), MAY_CHANGE] = 0.005
    """How far the target networks move toward the learned ones at each update."""
    gamma: Annotated[Fraction, MAY_CHANGE] = 0.99
    """Discount of the next reward."""
    train_freq: Annotated[Count, MAY_CHANGE] = 1
    """Steps of each environment between two rounds of updates."""
    gradient_steps: Annotated[Count, MAY_CHANGE] = 1
    """Updates in a round."""
    noise_type: Literal["ou", "normal", "none"] = "ou"
    """Exploration: Ornstein-Uhlenbeck, independent normal, or none."""
    noise_std: Annotated[float, Field(ge=0, le=10), MAY_CHANGE] = 0.1
    """Stationary deviation of the noise, in actions scaled to [-1, 1]."""
    noise_theta: Annotated[Positive, MAY_CHANGE] = 0.15
    """How fast Ornstein-Uhlenbeck noise returns to zero."""
    noise_dt: Annotated[Positive, MAY_CHANGE] = 1.0
    """Time between two draws of Ornstein-Uhlenbeck noise; any size is exact."""
    hidden_sizes: Layers = (256, 256)
    """Widths of the hidden layers of actor and critic."""
    activation: Literal["tanh", "relu"] = "relu"
    """What stands between the layers."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """A batch that the replay buffer can never fill."""
        if self.batch_size > self.buffer_size:
            yield (
                "batch_size",
                f"{self.batch_size} is more than the replay buffer holds "
                f"(buffer_size {self.buffer_size}), so nothing would be learned. "
                "Lower it, or raise buffer_size.",
            )

    def advice(self, total_timesteps: int) -> Iterator[tuple[set[str], str]]:
        """A training that ends before its first update."""
        if self.learning_starts >= total_timesteps:
            yield (
                {"learning_starts"},
                f"algorithm_config.learning_starts: the first update comes after "
                f"{self.learning_starts} steps, but training ends after {total_timesteps}; "
                "nothing will be learned.",
            )

    def memory(
        self, observation_size: int, action_size: int, total_timesteps: int
    ) -> dict[str, int]:
        """The replay buffer, as far as it is filled; actor, critic and their targets."""
        transition = (2 * observation_size + action_size + 2) * _FLOAT32_BYTES
        inputs = observation_size + action_size
        return {
            "buffer_size": min(self.buffer_size, total_timesteps + self.n_envs) * transition,
            "hidden_sizes": 2 * network_bytes(inputs, self.hidden_sizes, action_size),
        }


class AnyHyperparameters(PPOHyperparameters, DDPGHyperparameters):
    """The settings of all built-in algorithms: for a config that names none that is known."""


def network_bytes(inputs: int, hidden: tuple[int, ...], outputs: int) -> int:
    """Bytes of a network with its gradient and Adam's two averages."""
    widths = (inputs, *hidden, outputs)
    weights = sum((left + 1) * right for left, right in pairwise(widths))
    return parameter_bytes(weights)


def parameter_bytes(count: int) -> int:
    """Bytes of parameters with their gradients and Adam's two averages."""
    return 4 * _FLOAT32_BYTES * count


def algorithms() -> list[str]:
    """Every algorithm that a config may name: built in, Stable-Baselines3's, or from a plug-in."""
    registered = (name for group in GROUPS for name in names((*BUILT_IN, *SB3), group))
    return sorted({COMMAND, *registered})


def siblings(algorithm: str | None) -> dict[str, str]:
    """The algorithms whose keys are set aside by a config of this one, with their models."""
    return SB3 if algorithm is not None and naming.is_sb3(algorithm) else BUILT_IN


def hyperparameters_for(algorithm: str) -> type[Hyperparameters]:
    """The model of an algorithm's `algorithm_config`.

    Raises:
        UsageError: nothing has that name, or what has it brings no model.
    """
    group, built_in = GROUPS[0], BUILT_IN | SB3
    if naming.is_sb3(algorithm) and algorithm not in SB3:
        raise UsageError(naming.unknown_name(algorithm, SB3))
    if algorithm not in built_in:
        registered = [other for other in GROUPS if algorithm in names((), other)]
        group = registered[0] if registered else group
    try:
        found = resolve(algorithm, built_in=built_in, group=group, kind="algorithm")
    except UsageError:
        raise
    except Exception as error:  # of code that is not ours
        raise UsageError(f"algorithm {algorithm!r} cannot be loaded: {error}.") from error
    model = getattr(found, "Hyperparameters", found)
    if not (isinstance(model, type) and issubclass(model, Hyperparameters)):
        raise UsageError(
            f"algorithm {algorithm!r} brings no model of its hyperparameters: {found!r} is neither "
            "a subclass of amc.config.hyperparameters.Hyperparameters nor has one."
        )
    return model


def recorded(values: Any) -> type[Hyperparameters]:
    """The model of an algorithm that is not at hand, from an `algorithm_config` that it accepted.

    A ledger's config names every hyperparameter; what may stand there is not known.
    """
    given = values if isinstance(values, Mapping) else {}
    fields: dict[str, Any] = {
        name: (Any, value) for name, value in given.items() if not name.startswith("_")
    }
    return create_model("RecordedHyperparameters", __base__=Hyperparameters, **fields)


def models_of(algorithms: Iterable[str]) -> dict[str, type[Hyperparameters]]:
    """The models of several algorithms; a plug-in that is broken has none."""
    found = {}
    for name in algorithms:
        with suppress(UsageError):
            found[name] = hyperparameters_for(name)
    return found


def owners_of(
    key: str, models: Mapping[str, type[Hyperparameters]], *, besides: str | None
) -> list[str]:
    """The other algorithms that know a key of `algorithm_config`."""
    return [name for name, model in models.items() if name != besides and key in model.model_fields]
