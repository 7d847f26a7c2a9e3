"""The environment ids that amc knows, with what a config is checked against.

Some ids of the table are ones that configs still use and Gymnasium 1.4 no longer makes; the table
says which it makes instead (`gymnasium_id`). envpool makes them as they are.
"""

from dataclasses import dataclass
from typing import Any, Literal

ActionSpace = Literal["discrete", "continuous"]


@dataclass(frozen=True)
class KnownEnvironment:
    """What can be said of an environment without making it.

    Attributes:
        id: the name in the config.
        action_space: the kind of its actions.
        observation_size: numbers in one observation.
        action_size: numbers in one action; the number of actions where they are discrete.
        max_episode_steps: Gymnasium's time limit, if it has one.
        reward_threshold: the mean return at which Gymnasium calls it solved, if it does.
        gymnasium_id: what Gymnasium 1.4 makes under another name.
    """

    id: str
    action_space: ActionSpace
    observation_size: int
    action_size: int
    max_episode_steps: int | None
    reward_threshold: float | None
    gymnasium_id: str

    def action_space_with(self, keywords: dict[str, Any]) -> ActionSpace:
        """The kind of its actions when made with these keyword arguments."""
        switch = keywords.get("continuous")
        if self.id.startswith("LunarLander") and isinstance(switch, bool):
            return "continuous" if switch else "discrete"
        return self.action_space


# id; kind of actions; numbers in an observation, in an action; steps in an episode; threshold; and
# Gymnasium's id where it differs. Read off Gymnasium 1.4.0's registry and spaces.
_TABLE = """
CartPole-v0                discrete      4  2  200   195
CartPole-v1                discrete      4  2  500   475
MountainCar-v0             discrete      2  3  200  -110
MountainCarContinuous-v0   continuous    2  1  999    90
Acrobot-v1                 discrete      6  3  500  -100
Pendulum-v1                continuous    3  1  200     -
Taxi-v3                    discrete    500  6  200     8  Taxi-v4
Taxi-v4                    discrete    500  6  200     8
FrozenLake-v1              discrete     16  4  100   0.7
FrozenLake8x8-v1           discrete     64  4  200  0.85
CliffWalking-v1            discrete     48  4    -     -
CliffWalkingSlippery-v1    discrete     48  4    -     -
Blackjack-v1               discrete     45  2    -     -
LunarLander-v2             discrete      8  4 1000   200  LunarLander-v3
LunarLander-v3             discrete      8  4 1000   200
LunarLanderContinuous-v2   continuous    8  2 1000   200  LunarLanderContinuous-v3
LunarLanderContinuous-v3   continuous    8  2 1000   200
BipedalWalker-v3           continuous   24  4 1600   300
BipedalWalkerHardcore-v3   continuous   24  4 2000   300
Reacher-v4                 continuous   11  2   50 -3.75
Reacher-v5                 continuous   10  2   50 -3.75
Pusher-v5                  continuous   23  7  100     0
InvertedPendulum-v4        continuous    4  1 1000   950
InvertedPendulum-v5        continuous    4  1 1000   950
InvertedDoublePendulum-v4  continuous   11  1 1000  9100
InvertedDoublePendulum-v5  continuous    9  1 1000  9100
HalfCheetah-v4             continuous   17  6 1000  4800
HalfCheetah-v5             continuous   17  6 1000  4800
Hopper-v3                  continuous   11  3 1000  3800  Hopper-v4
Hopper-v4                  continuous   11  3 1000  3800
Hopper-v5                  continuous   11  3 1000  3800
Swimmer-v4                 continuous    8  2 1000   360
Swimmer-v5                 continuous    8  2 1000   360
Walker2d-v3                continuous   17  6 1000     -  Walker2d-v4
Walker2d-v4                continuous   17  6 1000     -
Walker2d-v5                continuous   17  6 1000     -
Ant-v4                     continuous   27  8 1000  6000
Ant-v5                     continuous  105  8 1000  6000
Humanoid-v4                continuous  376 17 1000     -
Humanoid-v5                continuous  348 17 1000     -
HumanoidStandup-v4         continuous  376 17 1000     -
HumanoidStandup-v5         continuous  348 17 1000     -
"""


def _read(line: str) -> KnownEnvironment:
    name, kind, observation, action, steps, threshold, *other = line.split()
    return KnownEnvironment(
        id=name,
        action_space="discrete" if kind == "discrete" else "continuous",
        observation_size=int(observation),
        action_size=int(action),
        max_episode_steps=None if steps == "-" else int(steps),
        reward_threshold=None if threshold == "-" else float(threshold),
        gymnasium_id=other[0] if other else name,
    )


KNOWN: dict[str, KnownEnvironment] = {
    environment.id: environment for environment in map(_read, _TABLE.strip().splitlines())
}
