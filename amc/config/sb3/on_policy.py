"""PPO, A2C and TRPO of Stable-Baselines3, which learn from each rollout once and forget it."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from amc.config.fields import MAY_CHANGE, Count, Fraction, NotNegative, Positive
from amc.config.sb3.policy_kwargs import ActorCriticKwargs
from amc.config.sb3.settings_of_all import EveryStep, SB3Hyperparameters

_FLOAT32_BYTES = 4


class OnPolicyHyperparameters(SB3Hyperparameters):
    """What PPO, A2C and TRPO share."""

    action_spaces: ClassVar[frozenset[str]] = frozenset(
        {"discrete", "multi-discrete", "continuous"}
    )

    policy_kwargs: ActorCriticKwargs = ActorCriticKwargs()
    """What the networks are made with."""
    n_steps: Annotated[Count, MAY_CHANGE] = 2048
    """Steps of each environment between two updates."""
    gae_lambda: Annotated[Fraction, MAY_CHANGE] = 0.95
    """Weight of longer advantage estimates."""
    use_sde: bool = False
    """Whether exploration depends on the state (gSDE), for continuous actions."""
    sde_sample_freq: Annotated[EveryStep, MAY_CHANGE] = -1
    """Steps between two draws of gSDE's matrix; -1: one for each rollout."""
    normalize_advantage: Annotated[bool, MAY_CHANGE] = True
    """Whether advantages are scaled to mean 0 and deviation 1."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """A single sample, of which no deviation can be taken."""
        yield from self.gsde_problems()
        if self.normalize_advantage and self.n_envs * self.n_steps == 1:
            yield (
                "n_steps",
                "advantages cannot be normalised over 1 sample. Raise it, or set "
                "normalize_advantage to false.",
            )

    def memory(
        self, observation_size: int, action_size: int, total_timesteps: int
    ) -> dict[str, int]:
        """One rollout: observation, action, and six numbers a sample; two networks with Adam."""
        samples = min(self.n_envs * self.n_steps, total_timesteps + self.n_envs)
        sample = (observation_size + action_size + 6) * _FLOAT32_BYTES
        parts = (("pi", 0, action_size), ("vf", 0, 1))
        return {
            "n_steps": samples * sample,
            "policy_kwargs": self.networks_bytes(observation_size, action_size, *parts),
        }


class MinibatchHyperparameters(OnPolicyHyperparameters):
    """What PPO and TRPO share."""

    batch_size: Annotated[Count, MAY_CHANGE] = 64
    """Samples in a minibatch."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Minibatches of one, of which no deviation can be taken."""
        yield from super().problems()
        if self.batch_size == 1 and self.normalize_advantage:
            yield (
                "batch_size",
                "advantages cannot be normalised over 1 sample. Raise it, or set "
                "normalize_advantage to false.",
            )

    def advice(self, total_timesteps: int) -> Iterator[tuple[set[str], str]]:
        """A last minibatch of each epoch that is smaller than the others."""
        rollout = self.n_envs * self.n_steps
        rest = rollout % self.batch_size
        if rest and rollout > self.batch_size:
            yield (
                {"batch_size", "n_envs", "n_steps"},
                f"algorithm_config.batch_size: {self.batch_size} does not divide the {rollout} "
                f"samples of an update (n_envs {self.n_envs} * n_steps {self.n_steps}); the last "
                f"minibatch of each epoch has {rest}.",
            )


class SB3PPOHyperparameters(MinibatchHyperparameters):
    """Stable-Baselines3's Proximal Policy Optimization."""

    n_epochs: Annotated[Count, MAY_CHANGE] = 10
    """Passes over what was collected."""
    clip_range: Annotated[float, Field(gt=0, le=1), MAY_CHANGE] = 0.2
    """How far the new policy's probability of an action may move from the old one's."""
    clip_range_vf: Annotated[Positive | None, MAY_CHANGE] = None
    """The same for the value function, in units of the returns; null: no clipping."""
    ent_coef: Annotated[NotNegative, MAY_CHANGE] = 0.0
    """Weight of the entropy bonus."""
    vf_coef: Annotated[NotNegative, MAY_CHANGE] = 0.5
    """Weight of the value loss."""
    max_grad_norm: Annotated[Positive, MAY_CHANGE] = 0.5
    """Gradients longer than this are shortened to it."""
    target_kl: Annotated[Positive | None, MAY_CHANGE] = None
    """Stop an update's epochs when the policy moved 1.5 times this far; null: never."""


class A2CHyperparameters(OnPolicyHyperparameters):
    """Stable-Baselines3's Advantage Actor-Critic; `optimizer.type` is rmsprop unless said."""

    default_learning_rate: ClassVar[float] = 7e-4
    default_optimizer: ClassVar[str] = "rmsprop"

    n_steps: Annotated[Count, MAY_CHANGE] = 5
    """Steps of each environment between two updates."""
    gae_lambda: Annotated[Fraction, MAY_CHANGE] = 1.0
    """Weight of longer advantage estimates."""
    ent_coef: Annotated[NotNegative, MAY_CHANGE] = 0.0
    """Weight of the entropy bonus."""
    vf_coef: Annotated[NotNegative, MAY_CHANGE] = 0.5
    """Weight of the value loss."""
    max_grad_norm: Annotated[Positive, MAY_CHANGE] = 0.5
    """Gradients longer than this are shortened to it."""
    rms_prop_eps: Annotated[Positive, MAY_CHANGE] = 1e-5
    """What keeps a division from zero where `optimizer.type` is rmsprop."""
    normalize_advantage: Annotated[bool, MAY_CHANGE] = False
    """Whether advantages are scaled to mean 0 and deviation 1."""


class TRPOHyperparameters(MinibatchHyperparameters):
    """Stable-Baselines3's (contrib) Trust Region Policy Optimization."""

    default_learning_rate: ClassVar[float] = 1e-3

    batch_size: Annotated[Count, MAY_CHANGE] = 128
    """Samples in a minibatch of the value function's."""
    cg_max_steps: Annotated[Count, MAY_CHANGE] = 15
    """Steps of the conjugate gradient."""
    cg_damping: Annotated[Positive, MAY_CHANGE] = 0.1
    """What is added to the Hessian's diagonal."""
    line_search_shrinking_factor: Annotated[float, Field(gt=0, lt=1), MAY_CHANGE] = 0.8
    """By what a step that was too long is multiplied."""
    line_search_max_iter: Annotated[Count, MAY_CHANGE] = 10
    """How often a step is shortened."""
    n_critic_updates: Annotated[Count, MAY_CHANGE] = 10
    """Passes of the value function over what was collected."""
    target_kl: Annotated[Positive, MAY_CHANGE] = 0.01
    """How far the policy may move in an update."""
    sub_sampling_factor: Annotated[Count, MAY_CHANGE] = 1
    """One of so many samples is used for the policy's step."""
