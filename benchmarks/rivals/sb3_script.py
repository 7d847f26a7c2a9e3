"""A script as people have them: PPO of Stable-Baselines3 in CartPole, with two evaluations.

    python benchmarks/rivals/sb3_script.py LEARNING_RATE

`own_trainer.py` has it tuned, as it stands, by amc and by Optuna.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

STEPS, EVERY, EPISODES = 24_576, 12_288, 10
SEED = 1  # always: equal trials are equally long, whoever tunes them
SETTINGS: dict[str, Any] = {
    "n_steps": 32,
    "batch_size": 256,
    "n_epochs": 20,
    "gamma": 0.98,
    "gae_lambda": 0.8,
    "device": "cpu",
}


def learn(learning_rate: float, report: Callable[[int, float], None]) -> float:
    """Train, and return the last evaluation; each is reported as it comes."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy

    model = PPO(
        "MlpPolicy",
        make_vec_env("CartPole-v1", n_envs=8, seed=SEED),
        learning_rate=learning_rate,
        seed=SEED,
        **SETTINGS,
    )
    judge, mean = make_vec_env("CartPole-v1", n_envs=1, seed=SEED + 1000), 0.0
    while model.num_timesteps < STEPS:
        model.learn(EVERY, reset_num_timesteps=False)
        mean = float(evaluate_policy(model, judge, n_eval_episodes=EPISODES)[0])
        report(model.num_timesteps, mean)
    return mean


def train(trial: Any) -> None:
    """For amc, which calls it with a trial."""
    learn(trial.hyperparameters["learning_rate"], trial.report)


if __name__ == "__main__":
    if "AMC_TRIAL" in os.environ:
        from amc import trial

        train(trial)
    else:
        print(learn(float(sys.argv[1]), lambda step, score: None))
