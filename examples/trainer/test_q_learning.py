import sys

from q_learning import train

from amc.testing import TrainerSuite


class TestQLearning(TrainerSuite):
    trainer = train
    hyperparameters = {"learning_rate": 0.5, "epsilon": 0.3}
    resumable = True
    total_timesteps = 2000


class TestTheSameAsACommand(TrainerSuite):
    trainer = [sys.executable, "-m", "q_learning"]
    hyperparameters = {"learning_rate": 0.5}
    resumable = True
    total_timesteps = 1000
