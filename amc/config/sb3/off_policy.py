"""DQN, QR-DQN, DDPG, TD3, SAC, TQC and CrossQ, which remember and learn from random memories."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from amc.config.fields import (
    INTEGRAL,
    MAY_CHANGE,
    Count,
    CountOrZero,
    Fraction,
    NotNegative,
    Positive,
)
from amc.config.hyperparameters import Transitions
from amc.config.sb3.policy_kwargs import (
    QNetworkKwargs,
    QuantileCriticKwargs,
    QuantileNetworkKwargs,
    RenormalizedKwargs,
    SingleKwargs,
    SquashedKwargs,
    TwinKwargs,
)
from amc.config.sb3.replay_forms import AUTO, ActionNoise, Coefficient, Entropy, TrainFreq
from amc.config.sb3.settings_of_all import EveryStep, SB3Hyperparameters

_FLOAT32_BYTES, _INT64_BYTES = 4, 8


class OffPolicyHyperparameters(SB3Hyperparameters):
    """What all of them share."""

    buffer_size: Transitions = 1_000_000
    """Transitions that the replay buffer holds."""
    learning_starts: CountOrZero = 100
    """Steps of random actions before the first update."""
    batch_size: Annotated[Count, MAY_CHANGE] = 256
    """Transitions in an update."""
    train_freq: Annotated[TrainFreq, MAY_CHANGE] = 1
    """Steps of each environment between two rounds of updates, or [1, "episode"]."""
    gradient_steps: Annotated[int, Field(ge=-1), INTEGRAL, MAY_CHANGE] = 1
    """Updates in a round; -1: as many as steps were taken."""
    n_steps: Annotated[Count, MAY_CHANGE] = 1
    """Steps whose rewards are summed before the value of what follows is asked."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Episodes of several environments, which do not end together."""
        yield from self.gsde_problems()
        if isinstance(self.train_freq, tuple) and self.n_envs > 1:
            yield (
                "train_freq",
                f"episodes are waited for in one environment, but n_envs is {self.n_envs}. "
                "Write a number of steps, or set n_envs to 1.",
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

    def round_steps(self) -> int | None:
        """See `Hyperparameters`; episodes are as long as they are."""
        return None if isinstance(self.train_freq, tuple) else self.train_freq * self.n_envs

    def memory(
        self, observation_size: int, action_size: int, total_timesteps: int
    ) -> dict[str, int]:
        """The replay buffer, as far as it is filled; networks and their targets."""
        transition = self.transition_bytes(observation_size, action_size)
        parts = self.network_parts(action_size)
        return {
            "buffer_size": min(self.buffer_size, total_timesteps + self.n_envs) * transition,
            "policy_kwargs": 2 * self.networks_bytes(observation_size, action_size, *parts),
        }

    def transition_bytes(self, observation_size: int, action_size: int) -> int:
        """Two observations, an action, and reward, end of task and end of time."""
        return (2 * observation_size + action_size + 3) * _FLOAT32_BYTES

    def network_parts(self, action_size: int) -> list[tuple[str, int, int]]:
        """The networks, as `networks_bytes` takes them."""
        critics = getattr(self.policy_kwargs, "n_critics", 1)
        return [("pi", 0, action_size), *[("qf", action_size, 1)] * critics]


class ValueHyperparameters(OffPolicyHyperparameters):
    """What DQN and QR-DQN share: discrete actions, and chance."""

    action_spaces: ClassVar[frozenset[str]] = frozenset({"discrete"})
    follows_the_end: ClassVar[str] = "its exploration"

    batch_size: Annotated[Count, MAY_CHANGE] = 32
    """Transitions in an update."""
    tau: Annotated[float, Field(gt=0, le=1), MAY_CHANGE] = 1.0
    """How far the target network moves toward the learned one at each update of it."""
    train_freq: Annotated[TrainFreq, MAY_CHANGE] = 4
    """Steps of each environment between two rounds of updates, or [1, "episode"]."""
    target_update_interval: Annotated[Count, MAY_CHANGE] = 10_000
    """Steps between two updates of the target network."""
    exploration_fraction: Annotated[float, Field(gt=0, le=1), MAY_CHANGE] = 0.1
    """Part of the training in which chance falls from its first to its last value."""
    exploration_initial_eps: Annotated[Fraction, MAY_CHANGE] = 1.0
    """Chance of a random action at first."""
    exploration_final_eps: Annotated[Fraction, MAY_CHANGE] = 0.05
    """Chance of a random action in the end."""

    def transition_bytes(self, observation_size: int, action_size: int) -> int:
        """As above; which action it was is one number of 64 bits."""
        return (2 * observation_size + 3) * _FLOAT32_BYTES + _INT64_BYTES

    def network_parts(self, action_size: int) -> list[tuple[str, int, int]]:
        """One network, which has a value for every action."""
        return [("qf", 0, action_size)]


class DQNHyperparameters(ValueHyperparameters):
    """Stable-Baselines3's Deep Q Network."""

    default_learning_rate: ClassVar[float] = 1e-4

    policy_kwargs: QNetworkKwargs = QNetworkKwargs()
    """What the networks are made with."""
    max_grad_norm: Annotated[Positive, MAY_CHANGE] = 10.0
    """Gradients longer than this are shortened to it."""


class QRDQNHyperparameters(ValueHyperparameters):
    """Stable-Baselines3's (contrib) Quantile Regression DQN."""

    default_learning_rate: ClassVar[float] = 5e-5

    policy_kwargs: QuantileNetworkKwargs = QuantileNetworkKwargs()
    """What the networks are made with."""
    exploration_fraction: Annotated[float, Field(gt=0, le=1), MAY_CHANGE] = 0.005
    """Part of the training in which chance falls from its first to its last value."""
    exploration_final_eps: Annotated[Fraction, MAY_CHANGE] = 0.01
    """Chance of a random action in the end."""
    max_grad_norm: Annotated[Positive | None, MAY_CHANGE] = None
    """Gradients longer than this are shortened to it; null: none is."""


class ContinuousHyperparameters(OffPolicyHyperparameters):
    """What DDPG, TD3, SAC, TQC and CrossQ share: continuous actions, and noise on them."""

    action_spaces: ClassVar[frozenset[str]] = frozenset({"continuous"})
    default_learning_rate: ClassVar[float] = 1e-3

    action_noise: ActionNoise | None = None
    """Noise on actions while training; null: none."""


class FollowedHyperparameters(ContinuousHyperparameters):
    """What all of them but CrossQ share: target networks."""

    tau: Annotated[float, Field(gt=0, le=1), MAY_CHANGE] = 0.005
    """How far the target networks move toward the learned ones at each update."""


class SB3DDPGHyperparameters(FollowedHyperparameters):
    """Stable-Baselines3's Deep Deterministic Policy Gradient."""

    policy_kwargs: SingleKwargs = SingleKwargs()
    """What the networks are made with."""


class TD3Hyperparameters(FollowedHyperparameters):
    """Stable-Baselines3's Twin Delayed DDPG."""

    policy_kwargs: TwinKwargs = TwinKwargs()
    """What the networks are made with."""
    policy_delay: Annotated[Count, MAY_CHANGE] = 2
    """Updates of the Q functions for one of the policy."""
    target_policy_noise: Annotated[NotNegative, MAY_CHANGE] = 0.2
    """Deviation of the noise on the actions whose value is the target."""
    target_noise_clip: Annotated[NotNegative, MAY_CHANGE] = 0.5
    """How large that noise may be."""


class EntropyHyperparameters(ContinuousHyperparameters):
    """What SAC, TQC and CrossQ share: reward for being undecided."""

    ent_coef: Coefficient = AUTO
    """Weight of the entropy; "auto": learned, from 1 on; "auto_0.1": from 0.1 on."""
    target_entropy: Entropy = AUTO
    """What a learned weight aims at; "auto": minus one for each number of an action."""
    use_sde: bool = False
    """Whether exploration depends on the state (gSDE)."""
    sde_sample_freq: Annotated[EveryStep, MAY_CHANGE] = -1
    """Steps between two draws of gSDE's matrix; -1: one for each round."""
    use_sde_at_warmup: Annotated[bool, MAY_CHANGE] = False
    """Whether gSDE acts before `learning_starts`, too."""


class SACHyperparameters(EntropyHyperparameters, FollowedHyperparameters):
    """Stable-Baselines3's Soft Actor-Critic."""

    default_learning_rate: ClassVar[float] = 3e-4

    policy_kwargs: SquashedKwargs = SquashedKwargs()
    """What the networks are made with."""
    target_update_interval: Annotated[Count, MAY_CHANGE] = 1
    """Updates between two of the target networks."""


class TQCHyperparameters(SACHyperparameters):
    """Stable-Baselines3's (contrib) Truncated Quantile Critics."""

    policy_kwargs: QuantileCriticKwargs = QuantileCriticKwargs()
    """What the networks are made with."""
    top_quantiles_to_drop_per_net: Annotated[CountOrZero, MAY_CHANGE] = 2
    """Highest quantiles of each Q function that do not count."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """More quantiles left out than there are."""
        yield from super().problems()
        quantiles = self.policy_kwargs.n_quantiles
        if self.top_quantiles_to_drop_per_net >= quantiles:
            yield (
                "top_quantiles_to_drop_per_net",
                f"{self.top_quantiles_to_drop_per_net} of {quantiles} leave none. Lower it, or "
                "raise policy_kwargs.n_quantiles.",
            )


class CrossQHyperparameters(EntropyHyperparameters):
    """Stable-Baselines3's (contrib) CrossQ: normalised layers, no target networks."""

    policy_kwargs: RenormalizedKwargs = RenormalizedKwargs()
    """What the networks are made with."""
    policy_delay: Annotated[Count, MAY_CHANGE] = 3
    """Updates of the Q functions for one of the policy."""
