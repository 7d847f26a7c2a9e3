"""Check that this machine trains and draws every environment that has a preset.

Run while the Docker image is built, as the user that its workers have: what it compiles is cached
for them. `python .ci/check_image.py configs/presets`
"""

import sys
import tempfile
from pathlib import Path

from numpy.random import SeedSequence

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.environments.factory import make_evaluation
from amc.workers.base import BaseWorker

SHORT = {
    "training.total_timesteps": 64,
    "training.eval_freq": 64,
    "training.eval_episodes": 1,
    "environment.max_episode_steps": 64,
}
SOON = {"algorithm_config.learning_starts": 32}
WITH_UPDATES = {
    "ppo": {},
    "ddpg": SOON,
    "sb3:SAC": SOON,
    "sb3:TD3": SOON,
    "sb3:DQN": SOON | {"algorithm_config.train_freq": 4},
}


def main(presets: Path) -> None:
    """Train each preset for 64 steps, and draw its environment once.

    Raises:
        Exception: one of them does not.
    """
    loader = ConfigLoader()
    for path in sorted(presets.glob("*.json")):
        config = loader.load_config(path)
        config = loader.apply_overrides(config, {**SHORT, **WITH_UPDATES[config.algorithm]})
        with tempfile.TemporaryDirectory() as directory:
            result = BaseWorker(worker_id=0, config=config, shared_dir=directory).run()
        print(f"{path.name}: score {result.score:.4g}, drawn in {drawn(config)}", flush=True)


def drawn(config: ExperimentConfig) -> str:
    """Width and height of a picture of the environment."""
    seed = SeedSequence(0)
    environment = make_evaluation(config.environment, 1, seed, None, render_mode="rgb_array")
    environment.reset()
    picture = environment.render()
    environment.close()
    height, width, _ = picture.shape
    return f"{width}x{height}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
