"""Steps per CPU-second of the mission's environments, random policy, on every way to run them.

    python benchmarks/environment_speed.py [--n-envs 1 8] [--rounds 9] [--environments CartPole-v1]

The ways take turns within each round, so a busy machine slows all of them alike; the table shows
medians over rounds. CPU time is the process's, all threads together.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import envpool
import gymnasium
import numpy as np
from numpy.random import SeedSequence, default_rng

from amc.config.known.environments import KNOWN
from amc.config.schema import EnvironmentConfig
from amc.environments import VectorEnvironment, make

MISSION = (
    "CartPole-v1",
    "LunarLander-v2",
    "MountainCar-v0",
    "Acrobot-v1",
    "Pendulum-v1",
    "HalfCheetah-v4",
    "Ant-v4",
    "Hopper-v3",
    "Walker2d-v3",
)
NORMALIZERS = ("normalize_observation", "normalize_reward")
WAYS = ("amc", "amc, normalised", "SyncVectorEnv", "amc on envpool", "envpool")

Stepper = Callable[[Any], Any]


def ours(name: str, n_envs: int, **settings: Any) -> VectorEnvironment:
    config = EnvironmentConfig(name=name, **settings)
    environment = make(config, n_envs, SeedSequence(0))
    environment.reset()
    return environment


def theirs(name: str, n_envs: int) -> Stepper:
    environment = gymnasium.make_vec(KNOWN[name].gymnasium_id, n_envs, vectorization_mode="sync")
    environment.reset(seed=0)
    return environment.step


def pool(name: str, n_envs: int) -> Stepper:
    environment = envpool.make(
        name, env_type="gymnasium", num_envs=n_envs, num_threads=1, seed=list(range(n_envs))
    )
    environment.reset()
    return environment.step


def cpu_seconds(step: Stepper, actions: list[Any], at_least_s: float) -> float:
    """CPU seconds per call of `step`."""
    calls, spent, begin = 0, 0.0, time.process_time()
    while spent <= at_least_s:
        for action in actions:
            step(action)
        calls += len(actions)
        spent = time.process_time() - begin
    return spent / calls


def random_actions(environment: VectorEnvironment) -> list[Any]:
    space, n_envs, generator = environment.action_space, environment.n_envs, default_rng(0)
    if isinstance(space, gymnasium.spaces.Discrete):
        return list(generator.integers(0, space.n, (100, n_envs)))
    shape = (100, n_envs, *space.shape)
    return list(generator.uniform(space.low, space.high, shape).astype(np.float32))


def measure(name: str, n_envs: int, rounds: int, block_s: float) -> dict[str, list[float]]:
    """Steps per CPU-second of each way in each round."""
    plain = ours(name, n_envs, backend="gymnasium")
    steppers: dict[str, Stepper] = {
        "amc": plain.step,
        "amc, normalised": ours(name, n_envs, wrappers=NORMALIZERS).step,
        "SyncVectorEnv": theirs(name, n_envs),
        "amc on envpool": ours(name, n_envs, backend="envpool").step,
        "envpool": pool(name, n_envs),
    }
    actions = random_actions(plain)
    for step in steppers.values():
        cpu_seconds(step, actions, 0.0)
    speeds: dict[str, list[float]] = {way: [] for way in steppers}
    for _ in range(rounds):
        for way, step in steppers.items():
            speeds[way].append(n_envs / cpu_seconds(step, actions, block_s))
    return speeds


def ratio(speeds: dict[str, list[float]], one: str, other: str) -> float:
    """Median over rounds of how many times as fast `one` was as `other`."""
    return statistics.median(a / b for a, b in zip(speeds[one], speeds[other], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--environments", nargs="+", default=MISSION)
    parser.add_argument("--n-envs", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--block-seconds", type=float, default=0.05)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    compared = ("SyncVectorEnv", "envpool")
    heads = ["environment", "envs", *WAYS, *(f"amc / {other}" for other in compared)]
    print(f"| {' | '.join(heads)} |")
    print("|---" * len(heads) + "|")
    for name in options.environments:
        for n_envs in options.n_envs:
            speeds = measure(name, n_envs, options.rounds, options.block_seconds)
            cells = [f"{statistics.median(speeds[way]) / 1000:.1f}k" for way in WAYS]
            cells += [f"{ratio(speeds, 'amc', other):.2f}" for other in compared]
            print(f"| {name} | {n_envs} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
