"""Environment steps per CPU-second of training: amc, SB3, and a loop in CleanRL's form.

    python benchmarks/training_speed.py [--rounds 5] [--block-seconds 1] [--jobs cartpole ...]

Same hyperparameters, one thread. The contenders of a job take turns within each round, so a busy
machine slows all of them alike; a table holds medians and ranges over rounds, and ratios are taken
within a round. CPU time is the process's. Beside them: the bare environment (one, unwrapped,
random actions), for HalfCheetah MuJoCo's `mj_step` alone, and for DDPG the bare matrix products of
an update, by the faster of NumPy and torch. Last: how much two trials side by side achieve of one,
by the clock, on two cores.

Presets are trained with their evaluations, of as many episodes to a step as the preset says; the
other jobs without any.

The CleanRL form is our own writing of its loop: see `rivals/cleanrl_form.py` for what differs.
SB3 is left out where it is not installed (pip install -e '.[bench]').
"""

import argparse
import importlib
import multiprocessing
import os
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import torch
from numpy.random import SeedSequence
from rivals import cleanrl_form
from threadpoolctl import threadpool_limits

from amc.algorithms.base import Algorithm, algorithm_class
from amc.config.hyperparameters import PPOHyperparameters
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.environments import make
from amc.training.evaluation import evaluate

Advance = Callable[[], int]
Speeds = dict[str, list[float]]

LEARNING_STARTS = 300
DDPG_STEPS = 25
OURS, REFERENCE, BARE, FLOOR = "amc", "amc, reference", "bare environment", "bare matrix products"
SIMULATION = "bare mj_step"

CARTPOLE = {
    "algorithm": "ppo",
    "environment": {"name": "CartPole-v1"},
    "algorithm_config": {
        "n_envs": 8,
        "n_steps": 32,
        "batch_size": 256,
        "n_epochs": 20,
        "gamma": 0.98,
        "gae_lambda": 0.8,
    },
    "optimizer": {"learning_rate": 1e-3},
}
HALF_CHEETAH = {
    "algorithm": "ppo",
    "environment": {
        "name": "HalfCheetah-v4",
        "wrappers": ["normalize_observation", "normalize_reward"],
    },
    "algorithm_config": {
        "n_envs": 1,
        "n_steps": 2048,
        "batch_size": 64,
        "n_epochs": 10,
        "clip_range_vf": 0.2,
    },
}
PRESETS = Path(__file__).parents[1] / "configs" / "presets"
PRESET_JOBS = (
    *("cartpole-preset", "mountaincar", "acrobot", "pendulum", "lunarlander"),
    *("halfcheetah", "hopper", "walker2d", "ant"),
)
DDPG = {
    "algorithm": "ddpg",
    "environment": {"name": "HalfCheetah-v4"},
    "algorithm_config": {"learning_starts": LEARNING_STARTS, "noise_type": "normal"},
}


def ours(settings: dict[str, Any], kernel: str = "fast") -> Algorithm:
    config = ConfigLoader().from_mapping(
        {
            "experiment_name": "benchmark",
            **settings,
            "training": {"total_timesteps": 10**9, "kernel": kernel, "device": "cpu"},
        },
        source="benchmark",
    )
    environment = make(config.environment, config.algorithm_config.n_envs, SeedSequence(1))
    return algorithm_class(config.algorithm)(environment, config, SeedSequence(2))


def advance(algorithm: Algorithm) -> int:
    before = algorithm.num_timesteps
    algorithm.iterate()
    algorithm.environment.pop_episodes()
    return algorithm.num_timesteps - before


def trained(settings: dict[str, Any], kernel: str = "fast") -> Advance:
    """Ours, past the first steps, in which DDPG does not learn yet."""
    algorithm = ours(settings, kernel)
    while algorithm.num_timesteps <= LEARNING_STARTS:
        algorithm.iterate()
    return lambda: advance(algorithm)


def preset(name: str) -> tuple[ExperimentConfig, int, int]:
    """A preset, and how many steps and then episodes of evaluation it is taken by.

    Whole rollouts, and as many episodes to a step as the preset evaluates.
    """
    config = ConfigLoader().load_config(PRESETS / f"ppo_{name.removesuffix('-preset')}.json")
    settings, training = config.algorithm_config, config.training
    assert isinstance(settings, PPOHyperparameters)
    rollout = settings.n_steps * settings.n_envs
    steps = rollout * max(1, 16_384 // rollout)
    episodes = round(steps * training.eval_episodes / (training.eval_freq or steps))
    return config, steps, max(1, episodes)


def trained_preset(config: ExperimentConfig, steps: int, episodes: int) -> Advance:
    """Ours on a preset, with its evaluations."""
    training = config.training.model_copy(
        update={"total_timesteps": 10**9, "eval_episodes": episodes, "device": "cpu"}
    )
    config = config.model_copy(update={"training": training})
    settings = config.algorithm_config
    environment = make(config.environment, settings.n_envs, SeedSequence(1), gamma=settings.gamma)
    algorithm = algorithm_class(config.algorithm)(environment, config, SeedSequence(2))

    def run() -> int:
        done = 0
        while done < steps:
            done += advance(algorithm)
        evaluate(algorithm, config, environment, SeedSequence(algorithm.num_timesteps))
        return done

    return run


def bare_environment(name: str, steps: int = 500) -> Advance:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        environment = gymnasium.make(name).unwrapped
    environment.reset(seed=0)
    environment.action_space.seed(0)
    actions = [environment.action_space.sample() for _ in range(steps)]

    def run() -> int:
        for action in actions:
            _, _, terminated, _, _ = environment.step(action)
            if terminated:
                environment.reset()
        return steps

    return run


def bare_simulation(name: str, steps: int = 500) -> Advance:
    """MuJoCo alone, by random controls: what no Python around it can outrun."""
    environment: Any = gymnasium.make(name).unwrapped
    environment.reset(seed=0)
    environment.action_space.seed(0)
    actions = [environment.action_space.sample() for _ in range(steps)]
    model, data, n = environment.model, environment.data, environment.frame_skip

    def run() -> int:
        for action in actions:
            data.ctrl[:] = action
            mujoco.mj_step(model, data, n)
        return steps

    return run


def update_products(inputs: int = 17, actions: int = 6, hidden: int = 256) -> list[tuple[int, ...]]:
    """Rows, inner and columns of every matrix product in an update of DDPG, batch 256."""
    batch = 256
    actor = [(inputs, hidden), (hidden, hidden), (hidden, actions)]
    critic = [(inputs + actions, hidden), (hidden, hidden), (hidden, 1)]
    forward = 2 * actor + 3 * critic
    shapes = [(batch, a, b) for a, b in forward]
    shapes += [(b, batch, a) for a, b in actor + critic]
    # Back to a layer's input: in the learning networks not to their first, in the judging critic.
    shapes += [(batch, b, a) for a, b in actor[1:] + critic[1:] + critic]
    return shapes


def bare_products(library: str) -> Advance:
    draw = np.random.default_rng(0)
    products: list[tuple[Any, Any, Any]] = []
    for rows, inner, columns in update_products():
        left, right, result = (
            draw.standard_normal(shape).astype(np.float32)
            for shape in ((rows, inner), (inner, columns), (rows, columns))
        )
        products.append((left, right, result))
    if library == "torch":
        products = [tuple(map(torch.from_numpy, arrays)) for arrays in products]
    multiply = torch.mm if library == "torch" else np.dot

    def run() -> int:
        for _ in range(DDPG_STEPS):
            for left, right, result in products:
                multiply(left, right, out=result)
        return DDPG_STEPS

    return run


def contenders(job: str) -> dict[str, Advance]:
    """What takes part in a job, by name."""
    has_sb3 = find_spec("stable_baselines3") is not None
    sb3: Any = importlib.import_module("rivals.sb3") if has_sb3 else None
    found: dict[str, Advance] = {}
    form = cleanrl_form
    if job in PRESET_JOBS:
        found[OURS] = trained_preset(*preset(job))
        return found | ({"SB3": sb3.ppo_preset(*preset(job))} if sb3 else {})
    if job == "cartpole":
        arguments = form.Arguments(8, 32, 1, 20, 0.98, 0.8, 1e-3, clip_vloss=False)
        found[OURS], found[REFERENCE] = trained(CARTPOLE), trained(CARTPOLE, "reference")
        found |= {"SB3": sb3.ppo_cartpole()} if sb3 else {}
        found["CleanRL form"] = form.PPO(form.plain("CartPole-v1"), arguments).advance
        found[BARE] = bare_environment("CartPole-v1")
    elif job == "half-cheetah":
        arguments = form.Arguments(1, 2048, 32, 10)
        found[OURS], found[REFERENCE] = trained(HALF_CHEETAH), trained(HALF_CHEETAH, "reference")
        found |= {"SB3": sb3.ppo_half_cheetah()} if sb3 else {}
        found["CleanRL form"] = form.PPO(form.normalized("HalfCheetah-v4"), arguments).advance
        found[BARE] = bare_environment("HalfCheetah-v4")
        found[SIMULATION] = bare_simulation("HalfCheetah-v4")
    else:
        found[OURS], found[REFERENCE] = trained(DDPG), trained(DDPG, "reference")
        found |= {"SB3": sb3.ddpg_half_cheetah(LEARNING_STARTS, DDPG_STEPS)} if sb3 else {}
        found["CleanRL form"] = form.DDPG("HalfCheetah-v4", LEARNING_STARTS, DDPG_STEPS).advance
        for library in ("NumPy", "torch"):
            found[f"{FLOOR}, {library}"] = bare_products(library)
    return found


def measure(found: dict[str, Advance], rounds: int, block_s: float) -> Speeds:
    """Steps per CPU-second of each contender in each round."""
    speeds: Speeds = {name: [] for name in found}
    for run in found.values():
        run()
    for _ in range(rounds):
        for name, run in found.items():
            steps, spent, begin = 0, 0.0, time.process_time()
            while spent < block_s:
                steps += run()
                spent = time.process_time() - begin
            speeds[name].append(steps / spent)
    return speeds


def with_range(values: list[float], form: str) -> str:
    """Median, least and greatest."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def print_job(job: str, speeds: Speeds) -> None:
    floors = [name for name in speeds if name.startswith(FLOOR)]
    if floors:
        rounds = zip(*(speeds.pop(name) for name in floors), strict=True)
        speeds[FLOOR] = [max(pair) for pair in rounds]
    for name, values in speeds.items():
        pairs = list(zip(speeds[OURS], values, strict=True))
        if name in (BARE, SIMULATION, FLOOR):
            share = with_range([100 * mine / theirs for mine, theirs in pairs], ".0f")
            relation = f"{share} % of it"
        else:
            relation = with_range([mine / theirs for mine, theirs in pairs], ".1f")
        print(f"| {job} | {name} | {with_range(values, ',.0f')} | {relation} |", flush=True)


def trial(settings: dict[str, Any], steps: int, channel: Connection) -> None:
    """A trial in a process of its own: ready, go, seconds."""
    use_one_thread()
    algorithm = ours(settings)
    while algorithm.num_timesteps <= LEARNING_STARTS:
        algorithm.iterate()
    end = algorithm.num_timesteps + steps
    channel.send("ready")
    channel.recv()
    begin = time.perf_counter()
    while algorithm.num_timesteps < end:
        algorithm.iterate()
    channel.send(steps / (time.perf_counter() - begin))


def trials_together(settings: dict[str, Any], steps: int, count: int) -> float:
    """Steps per second of so many trials at once, all together."""
    context = multiprocessing.get_context("spawn")
    running = []
    for _ in range(count):
        mine, theirs = context.Pipe()
        process = context.Process(target=trial, args=(settings, steps, theirs))
        process.start()
        running.append((process, mine))
    for _, channel in running:
        channel.recv()
    for _, channel in running:
        channel.send("go")
    total = sum(channel.recv() for _, channel in running)
    for process, _ in running:
        process.join()
    return total


def print_side_by_side(rounds: int) -> None:
    print("\n| two trials on two cores | one, steps/s | two together, steps/s | two / one |")
    print("|---|---|---|---|")
    jobs = {"PPO CartPole": (CARTPOLE, 60_000), "DDPG HalfCheetah": (DDPG, 400)}
    for name, (settings, steps) in jobs.items():
        alone, both = [], []
        for _ in range(rounds):
            alone.append(trials_together(settings, steps, 1))
            both.append(trials_together(settings, steps, 2))
        ratios = [two / one for one, two in zip(alone, both, strict=True)]
        cells = with_range(alone, ",.0f"), with_range(both, ",.0f"), with_range(ratios, ".2f")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def use_one_thread() -> None:
    torch.set_num_threads(1)
    threadpool_limits(1)
    warnings.simplefilter("ignore")


def main() -> None:
    names = {
        "cartpole": "PPO CartPole-v1, 8 x 32, batch 256, 20 epochs",
        "half-cheetah": "PPO HalfCheetah-v4, 1 x 2048, batch 64, 10 epochs, normalised",
        "ddpg": "DDPG HalfCheetah-v4, 256x256, batch 256",
        **{name: f"preset ppo_{name.removesuffix('-preset')}" for name in PRESET_JOBS},
    }
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--jobs", nargs="*", choices=[*names, "trials"], default=[*names, "trials"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--block-seconds", type=float, default=1.0)
    options = parser.parse_args()
    use_one_thread()
    print("| job | contender | environment steps per CPU-second | amc / it |")
    print("|---|---|---|---|")
    for job, title in names.items():
        if job in options.jobs:
            print_job(title, measure(contenders(job), options.rounds, options.block_seconds))
    if "trials" in options.jobs and (os.cpu_count() or 1) > 1:
        print_side_by_side(options.rounds)


if __name__ == "__main__":
    main()
