"""What the hyperparameters of all of Stable-Baselines3's algorithms have in common.

Names, defaults and meanings are those of the constructors; `n_envs` is added, and what amc decides
itself is refused with the place where it is decided (`elsewhere`).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from amc.config.fields import INTEGRAL, MAY_CHANGE, Fraction
from amc.config.hyperparameters import Environments, Hyperparameters, network_bytes
from amc.config.sb3.policy_kwargs import OPTIMIZER_KEYWORDS, PolicyKwargs, widths

EveryStep = Annotated[int, Field(ge=-1), INTEGRAL]
_NO_CLASS = "a class cannot be named in a config. Remove it."
IN_POLICY_KWARGS = "write algorithm_config.policy_kwargs.{} instead."
_ACTION_NOISE = 'write "action_noise": {"type": "normal", "sigma": 0.1} instead.'


class SB3Hyperparameters(Hyperparameters):
    """Base of every `sb3:` algorithm's `algorithm_config`.

    Attributes:
        elsewhere: keys that are not taken here, and what to do instead.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {
        "env": "the environment is the config's. Write environment.name instead.",
        "verbose": "workers write a log of their own; see amc logs. Remove it.",
        "tensorboard_log": "amc writes the curves into the trial's directory. Remove it.",
        "stats_window_size": "rollout/ep_rew_mean is of the last 100 episodes. Remove it.",
        "monitor_wrapper": "amc counts episodes itself. Remove it.",
        "optimize_memory_usage": "with it, time that ran out would count as the end of the task. "
        "Remove it, and lower buffer_size if memory is short.",
        "use_rms_prop": 'write "rmsprop" or "adam" as optimizer.type instead.',
        "hidden_sizes": IN_POLICY_KWARGS.format("net_arch"),
        "activation": IN_POLICY_KWARGS.format("activation_fn"),
        "normalize": "write environment.wrappers: "
        '["normalize_observation", "normalize_reward"] instead.',
        **{
            key: IN_POLICY_KWARGS.format(key)
            for key in ("net_arch", "activation_fn", "ortho_init", "log_std_init", "n_critics")
        },
        **dict.fromkeys(("noise_type", "noise_std", "noise_theta", "noise_dt"), _ACTION_NOISE),
        **dict.fromkeys(
            (
                *("replay_buffer_class", "replay_buffer_kwargs"),
                *("rollout_buffer_class", "rollout_buffer_kwargs", "optimizer_class"),
            ),
            _NO_CLASS,
        ),
    }

    policy: Literal["MlpPolicy"] = "MlpPolicy"
    """The kind of networks; observations are flat vectors here, so there is one."""
    policy_kwargs: PolicyKwargs = PolicyKwargs()
    """What the networks are made with."""
    n_envs: Environments = 1
    """Environments stepped together."""
    gamma: Annotated[Fraction, MAY_CHANGE] = 0.99
    """Discount of the next reward."""

    def misfits(self, optimizer: str, precision: str) -> Iterator[tuple[tuple[str, ...], str]]:
        """Arguments that an optimizer does not take, and a precision that SB3 does not know."""
        taken = OPTIMIZER_KEYWORDS[optimizer]
        if strange := sorted(self.policy_kwargs.optimizer_kwargs.keys() - taken):
            yield (
                ("algorithm_config", "policy_kwargs", "optimizer_kwargs"),
                f"{optimizer} takes no {', '.join(strange)}. It takes: {', '.join(sorted(taken))}.",
            )
        if precision == "bf16":
            yield (
                ("training", "precision"),
                'Stable-Baselines3 computes in float32. Write "float32" or "tf32".',
            )

    def gsde_problems(self) -> Iterator[tuple[str, str]]:
        """Squashed actions without what they are for."""
        kwargs = self.policy_kwargs.model_dump()
        if kwargs.get("squash_output") and not self.model_dump().get("use_sde"):
            yield "policy_kwargs", "squash_output goes with use_sde only. Set it, or remove this."

    def networks_bytes(
        self, observation_size: int, action_size: int, *parts: tuple[str, int, int]
    ) -> int:
        """Bytes of networks with their gradients and averages.

        Args:
            observation_size: numbers in an observation.
            action_size: numbers in an action.
            parts: name in `net_arch`, numbers besides the observation that go in, and come out.
        """
        network = self.policy_kwargs.net_arch
        return sum(
            network_bytes(observation_size + more, widths(network, part), outputs)
            for part, more, outputs in parts
        )
