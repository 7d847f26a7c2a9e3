"""A small sound algorithm, and others that break one line of the contract each."""

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import ConfigDict

from amc.algorithms.base import Algorithm
from amc.algorithms.random_streams import generator, generator_state, restore_generator
from amc.config.fields import INTEGRAL, MAY_CHANGE, Count, Positive
from amc.config.hyperparameters import Hyperparameters


class Settings(Hyperparameters):
    action_spaces = frozenset({"discrete"})
    n_envs: Annotated[int, INTEGRAL] = 2
    n_steps: Annotated[Count, MAY_CHANGE] = 16
    spread: Annotated[Positive, MAY_CHANGE] = 0.1


class Sound(Algorithm):
    """Keeps changes of a linear policy after which it was paid more than before."""

    Hyperparameters = Settings

    def __init__(self, environment, config, seed, mark=lambda event: None):
        super().__init__(environment, config, seed, mark)
        self.settings = config.algorithm_config
        self.weights = torch.zeros(self.observation_size, int(environment.action_space.n))
        self.best = -np.inf
        self.draws = generator(seed, 0)

    def iterate(self):
        kept = self.weights.clone()
        spread = self.settings.spread
        self.weights += torch.tensor(self.noise(kept.shape), dtype=torch.float32) * spread
        paid = 0.0
        for _ in range(min(self.settings.n_steps, self.steps_left())):
            step = self.step(self.choose(self.observe()))
            paid += float(step.reward.sum()) - 2 * float(step.terminated.sum())
        if paid < self.best:
            self.weights = kept
        self.best = max(self.best, paid)
        return {"train/return": paid}

    def noise(self, shape):
        return self.draws.normal(size=shape)

    def choose(self, observation):
        return (observation @ self.weights.numpy()).argmax(axis=1)

    def predict(self, observation):
        return self.choose(observation)

    def named_parameters(self):
        yield "weights", self.weights

    def state_dict(self):
        return super().state_dict() | {
            "weights": self.weights.clone(),
            "best": self.best,
            "draws": generator_state(self.draws),
        }

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.weights, self.best = state["weights"].clone(), state["best"]
        restore_generator(self.draws, state["draws"])

    def generators(self):
        return {0: self.draws}


# -- hyperparameters


class NoDefault(Sound):
    class Hyperparameters(Settings):
        depth: int


class BadDefault(Sound):
    class Hyperparameters(Settings):
        depth: Positive = 0.0


class Lax(Sound):
    class Hyperparameters(Settings):
        model_config = ConfigDict(extra="ignore", strict=False)


class Anything(Sound):
    class Hyperparameters(Settings):
        depth: Any = 3


class StrictTuple(Sound):
    class Hyperparameters(Settings):
        hidden_sizes: tuple[int, ...] = (4, 4)


class BlamesOthers(Sound):
    class Hyperparameters(Settings):
        def memory(self, observation_size, action_size, total_timesteps):
            return {"buffer_size": 5}


class OtherSpaces(Sound):
    class Hyperparameters(Settings):
        action_spaces = frozenset({"box", "discrete"})


class MayNotChange(Sound):
    """Its number of features is marked as one that may."""

    class Hyperparameters(Settings):
        n_features: Annotated[Count, MAY_CHANGE] = 4

    def load_state_dict(self, state):
        super().load_state_dict(state)
        if state["features"] != self.settings.n_features:
            raise ValueError("another number of features")

    def state_dict(self):
        return super().state_dict() | {"features": self.settings.n_features}


# -- learning


class TakesNoStep(Sound):
    def iterate(self):
        return {}


class StepsBeyond(Sound):
    def steps_left(self):
        return 1000


class Miscounts(Sound):
    """Steps once more in each iteration than it counts."""

    def iterate(self):
        self.environment.step(self.choose(self.observe()))
        return super().iterate()


class AllAtOnce(Sound):
    def iterate(self):
        while not self.is_finished:
            metrics = super().iterate()
        return metrics


class NoMarks(Sound):
    def stepped(self, observation, n_steps):
        self._observation = observation
        self.num_timesteps += n_steps * self.environment.n_envs


class BadTag(Sound):
    def iterate(self):
        return {"Return (mean)": super().iterate()["train/return"]}


class NoNumber(Sound):
    def iterate(self):
        return super().iterate() | {"train/loss": float("nan")}


class Nameless(Sound):
    def named_parameters(self):
        return []


class SameNames(Sound):
    def named_parameters(self):
        return [("w", self.weights), ("w", self.weights)]


class Copies(Sound):
    """Hands out what the parameters were at the beginning."""

    def named_parameters(self):
        return [("weights", torch.zeros(4, 2))]


class Diverges(Sound):
    def iterate(self):
        metrics = super().iterate()
        if self.is_finished:
            self.weights += torch.inf
        return metrics


class Grows(Sound):
    def named_parameters(self):
        yield "weights", self.weights
        if self.num_timesteps:
            yield "best", torch.tensor(self.best)


# -- acting


class Floats(Sound):
    def predict(self, observation):
        return super().predict(observation).astype(float)


class Column(Sound):
    def predict(self, observation):
        return super().predict(observation)[:1]


class Elsewhere(Sound):
    def sample(self, observation, generator):
        return self.predict(observation) + 2


class Dice(Sound):
    def predict(self, observation):
        return self.draws.integers(2, size=len(observation))


class Keeps(Sound):
    """Remembers how often it was asked."""

    asked = 0

    def predict(self, observation):
        self.asked += 1
        return super().predict(observation)

    def iterate(self):
        metrics = super().iterate()
        self.weights += self.asked / 1000
        return metrics

    def state_dict(self):
        return super().state_dict() | {"asked": self.asked}


class Together(Sound):
    """What it does depends on the average of what is seen."""

    def predict(self, observation):
        return super().predict(observation - observation.mean(axis=0) + 1e-3)


class SharedSamples(Sound):
    def sample(self, observation, generator):
        return np.random.randint(2, size=len(observation))


# -- going on


class SharedDraws(Sound):
    def noise(self, shape):
        return np.random.normal(size=shape)


class OneSeed(Sound):
    def __init__(self, environment, config, seed, mark=lambda event: None):
        super().__init__(environment, config, seed, mark)
        self.draws = np.random.Generator(np.random.PCG64(7))

    def iterate(self):
        super().iterate()
        self.weights += 1e-3
        self.best = -np.inf
        return {}


class NumPyState(Sound):
    def state_dict(self):
        return super().state_dict() | {"best": np.float64(self.best)}


class OwnState(Sound):
    def state_dict(self):
        state = super().state_dict()
        del state["observation"]
        return state


class SharesState(Sound):
    def iterate(self):
        metrics = super().iterate()
        self.weights += 0.5
        return metrics

    def state_dict(self):
        return super().state_dict() | {"weights": self.weights}


class Forgets(Sound):
    def load_state_dict(self, state):
        super().load_state_dict(state | {"draws": generator_state(self.draws)})


class TakesAll(Sound):
    def load_state_dict(self, state):
        super().load_state_dict(state | {"algorithm": self.config.algorithm})


class UnnamedDraws(Sound):
    def generators(self):
        return {}


class NoFork(Sound):
    """Begins from nothing where it should begin from what it copies."""

    def fork(self):
        super().fork()
        self.weights = torch.zeros_like(self.weights)
