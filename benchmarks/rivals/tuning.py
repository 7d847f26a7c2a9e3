"""The jobs of `end_to_end.py`, and the peers' programs for them, one process of two.

    python benchmarks/rivals/tuning.py zoo|optuna JOB JOURNAL TRIALS

rl-baselines3-zoo's own tuner, and Stable-Baselines3 under Optuna as its examples have it. The two
processes share a study through Optuna's journal file. What is searched is the learning rate alone,
at random, so that every trial is the same work.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

LOW, HIGH = 1e-4, 3e-3


class Job(NamedTuple):
    """A search.

    Attributes:
        environment: Gymnasium's id.
        trials: how many.
        steps: environment steps of each.
        evaluations: of each, the last at its end.
        episodes: of each evaluation.
        n_envs: copies in training.
        normalize: whether observations and rewards are normalised.
        settings: PPO's, under the names that all share.
    """

    environment: str
    trials: int
    steps: int
    evaluations: int
    episodes: int
    n_envs: int
    normalize: bool
    settings: dict[str, Any]


JOBS = {
    "cartpole": Job(
        "CartPole-v1",
        trials=16,
        steps=24_576,
        evaluations=2,
        episodes=10,
        n_envs=8,
        normalize=False,
        settings={
            "n_steps": 32,
            "batch_size": 256,
            "n_epochs": 20,
            "gamma": 0.98,
            "gae_lambda": 0.8,
        },
    ),
    "half-cheetah": Job(
        "HalfCheetah-v4",
        trials=6,
        steps=32_768,
        evaluations=2,
        episodes=2,
        n_envs=1,
        normalize=True,
        settings={"n_steps": 2048, "batch_size": 64, "n_epochs": 10},
    ),
}


def optuna_tuner(job: Job, journal: str, n_trials: int) -> None:
    """As Optuna's and SB3's examples: an objective that learns and returns its last evaluation."""
    import optuna
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import EvalCallback
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecEnv, VecNormalize

    def environments(n_envs: int, *, is_judge: bool) -> VecEnv:
        made: VecEnv = make_vec_env(job.environment, n_envs=n_envs)
        if not job.normalize:
            return made
        return VecNormalize(made, training=not is_judge, norm_reward=not is_judge)

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", LOW, HIGH, log=True)
        judge = environments(1, is_judge=True)
        every = job.steps // job.evaluations // job.n_envs
        callback = EvalCallback(judge, n_eval_episodes=job.episodes, eval_freq=every, verbose=0)
        training = environments(job.n_envs, is_judge=False)
        model = PPO("MlpPolicy", training, learning_rate=rate, device="cpu", **job.settings)
        model.learn(job.steps, callback=callback)
        return float(callback.last_mean_reward)

    backend = optuna.storages.journal.JournalFileBackend(journal)
    study = optuna.create_study(
        study_name="study",
        storage=optuna.storages.JournalStorage(backend),
        sampler=optuna.samplers.RandomSampler(),
        direction="maximize",
        load_if_exists=True,
    )
    study.optimize(objective, n_trials=n_trials)


def zoo_tuner(job: Job, journal: str, n_trials: int) -> None:
    """`python -m rl_zoo3.train --optimize-hyperparameters`, with the search space of this job."""
    import yaml
    from rl_zoo3 import hyperparams_opt, train

    hyperparams_opt.HYPERPARAMS_SAMPLER["ppo"] = lambda trial, *_: {
        "learning_rate": trial.suggest_float("learning_rate", LOW, HIGH, log=True)
    }
    known = {
        "n_envs": job.n_envs,
        "n_timesteps": float(job.steps),
        "policy": "MlpPolicy",
        "normalize": job.normalize,
        **job.settings,
    }
    with tempfile.TemporaryDirectory() as place:
        config = Path(place) / "ppo.yml"
        config.write_text(yaml.safe_dump({job.environment: known}))
        arguments = {
            **{"algo": "ppo", "env": job.environment, "conf-file": config, "device": "cpu"},
            **{"n-trials": n_trials, "n-jobs": 1, "sampler": "random", "pruner": "none"},
            **{"storage": journal, "study-name": "study", "n-evaluations": job.evaluations},
            **{"eval-episodes": job.episodes, "num-threads": 1, "log-folder": f"{place}/logs"},
            **{"verbose": 0},
        }
        given = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
        sys.argv = ["train", "--optimize-hyperparameters", *given]
        train.train()


if __name__ == "__main__":
    program = {"zoo": zoo_tuner, "optuna": optuna_tuner}[sys.argv[1]]
    program(JOBS[sys.argv[2]], sys.argv[3], int(sys.argv[4]))
