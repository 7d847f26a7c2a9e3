"""An EnvironmentConfig becomes a vector environment: backends, aliases, normalisers, exact restore.

    environment = make(config.environment, n_envs=8, seed=SeedSequence(0))
    observation = environment.reset()
    step = environment.step(actions)

`vector` holds the contract; the two backends are `gymnasium_backend` and `envpool_backend`.
"""

from amc.environments.acting import make_acting
from amc.environments.factory import make, make_evaluation
from amc.environments.vector import Episode, Step, VectorEnvironment

__all__ = ["Episode", "Step", "VectorEnvironment", "make", "make_acting", "make_evaluation"]
