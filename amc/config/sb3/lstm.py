"""RecurrentPPO of sb3-contrib: PPO whose policy remembers an episode, by an LSTM."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from amc.config.fields import MAY_CHANGE, Count, LayerWidth, StrictModel
from amc.config.hyperparameters import parameter_bytes
from amc.config.sb3.on_policy import SB3PPOHyperparameters
from amc.config.sb3.policy_kwargs import ActorCriticKwargs
from amc.config.sb3.settings_of_all import IN_POLICY_KWARGS, SB3Hyperparameters

_FLOAT32_BYTES = 4
_NO_OTHER_SHAPE = "RecurrentPPO knows one shape of an LSTM's states. Remove it."


class LstmKwargs(StrictModel):
    """Further arguments of `torch.nn.LSTM`."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "num_layers": "write n_lstm_layers beside lstm_kwargs instead.",
        "hidden_size": "write lstm_hidden_size beside lstm_kwargs instead.",
        **dict.fromkeys(("batch_first", "bidirectional", "proj_size"), _NO_OTHER_SHAPE),
    }

    bias: bool = True
    """Whether the LSTM adds a bias."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of a layer's outputs that are dropped on the way to the next, in updates alone."""


class RecurrentKwargs(ActorCriticKwargs):
    """Of RecurrentPPO: an LSTM before the networks of policy and value function."""

    lstm_hidden_size: LayerWidth = 256
    """Units of each layer of the LSTM."""
    n_lstm_layers: Annotated[int, Field(ge=1, le=16)] = 1
    """Layers of the LSTM."""
    shared_lstm: bool = False
    """Whether the value function reads the policy's LSTM."""
    enable_critic_lstm: bool = True
    """Whether the value function has an LSTM of its own."""
    lstm_kwargs: LstmKwargs | None = None
    """Further arguments of the LSTM."""


class RecurrentPPOHyperparameters(SB3PPOHyperparameters):
    """Stable-Baselines3's (contrib) Proximal Policy Optimization with an LSTM."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **SB3Hyperparameters.elsewhere,
        **{name: IN_POLICY_KWARGS.format(name) for name in RecurrentKwargs.__annotations__},
    }

    policy: Literal["MlpLstmPolicy"] = "MlpLstmPolicy"  # type: ignore[assignment]  # of another
    """The kind of networks; observations are flat vectors here, so there is one."""
    policy_kwargs: RecurrentKwargs = RecurrentKwargs()
    """What the networks are made with."""
    n_steps: Annotated[Count, MAY_CHANGE] = 128
    """Steps of each environment between two updates."""
    batch_size: Annotated[Count, MAY_CHANGE] = 128
    """Samples in a minibatch."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """An LSTM that cannot be made as it is written."""
        yield from super().problems()
        kwargs = self.policy_kwargs
        if kwargs.shared_lstm and kwargs.enable_critic_lstm:
            yield (
                "policy_kwargs",
                "shared_lstm goes with enable_critic_lstm false only: the value function reads "
                "the policy's LSTM, or its own. Set it, or remove this.",
            )
        if kwargs.lstm_kwargs and kwargs.lstm_kwargs.dropout and kwargs.n_lstm_layers == 1:
            yield (
                "policy_kwargs",
                "lstm_kwargs.dropout acts between the layers of the LSTM, and n_lstm_layers is 1. "
                "Raise it, or remove dropout.",
            )

    def memory(
        self, observation_size: int, action_size: int, total_timesteps: int
    ) -> dict[str, int]:
        """PPO's, with four states of the LSTM in each sample, and networks that read the LSTM."""
        kwargs = self.policy_kwargs
        layers, units = kwargs.n_lstm_layers, kwargs.lstm_hidden_size
        samples = min(self.n_envs * self.n_steps, total_timesteps + self.n_envs)
        of_ppo = super().memory(units, action_size, total_timesteps)
        # What the networks read is not what the rollout keeps.
        beside = observation_size - units + 4 * layers * units
        inputs = [observation_size, *[units] * (layers - 1)]
        weights = sum(4 * units * (size + units + 2) for size in inputs)
        if kwargs.enable_critic_lstm:
            weights *= 2
        elif not kwargs.shared_lstm:
            weights += (observation_size + 1) * units  # a layer that stands for the LSTM
        return {
            "n_steps": of_ppo["n_steps"] + samples * beside * _FLOAT32_BYTES,
            "policy_kwargs": of_ppo["policy_kwargs"] + parameter_bytes(weights),
        }
