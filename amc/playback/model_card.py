"""The model card of a package: what its metadata says to the hub, and what a reader is told.

The doors are `Claim` and `model_card`. The metadata is that of the Hugging Face hub
(https://huggingface.co/docs/hub/model-cards): YAML of which every value is written as JSON.
"""

import json
from dataclasses import dataclass

from amc.config.sb3.naming import title
from amc.playback.agent import Agent

LIBRARY = "ai-mission-control"


@dataclass(frozen=True)
class Claim:
    """What is said of an agent's score.

    Attributes:
        mean: return, in the environment's own reward.
        std: standard deviation of the `n` scores.
        n: how many scores that is of.
        of: what each of them is of, for example "seeds".
        interval: of the mean, 95 %; None where the scores chose the agent, or one says nothing.
    """

    mean: float
    std: float
    n: int
    of: str
    interval: tuple[float, float] | None = None

    def __str__(self) -> str:
        said = f"{self.mean:.2f} +/- {self.std:.2f} over {self.n} {self.of}"
        if self.interval is None:
            return said
        low, high = self.interval
        return f"{said}, 95 % interval of the mean {low:.2f} to {high:.2f}"


def model_card(agent: Agent, claim: Claim, *, film: str | None) -> str:
    """The text of a package's README.md.

    Args:
        agent: what is handed on.
        claim: of its score.
        film: the name of the film beside it, if there is one.
    """
    name, algorithm = agent.name, agent.config.algorithm
    seen = f"\nOne episode of it at play: [{film}]({film}).\n" if film else ""
    versions = ", ".join(f"{package} {number}" for package, number in agent.origin.versions.items())
    return f"""---
{_metadata(name, algorithm, claim)}
---

# {title(algorithm)} in {name}

An agent that was trained by `{algorithm}` in `{name}` for {agent.origin.step:,} steps, with
AI Mission Control. Mean return: **{claim}**.
{seen}
## Use it

```python
import amc

agent = amc.load(".")  # this folder
environment = agent.make_environment()
observation, info = environment.reset(seed=0)
{_forgetting(agent)}action = agent.predict(observation)
print(agent.evaluate(n_episodes=10, seed=0))
```

Observations are given as the environment returns them: what normalises them is in the agent.

## Train it again

```
amc train config.json
```

`config.json` holds every hyperparameter and the seed. On the same type of CPU and with the same
versions the parameters come out the same, to the last bit.

Trained in: {agent.origin.backend}. Versions: {versions}.
"""


def _forgetting(agent: Agent) -> str:
    note = "agent.begin_episode()  # it remembers what it sees, from here on\n"
    return note if agent.has_memory else ""


def _metadata(name: str, algorithm: str, claim: Claim) -> str:
    tags = [name, algorithm, "reinforcement-learning", "deep-reinforcement-learning", LIBRARY]
    metric = {
        "type": "mean_reward",
        "value": f"{claim.mean:.2f} +/- {claim.std:.2f}",
        "name": f"mean_reward over {claim.n} {claim.of}",
        "verified": False,
    }
    task = {"type": "reinforcement-learning", "name": "reinforcement-learning"}
    result = {"task": task, "dataset": {"name": name, "type": name}, "metrics": [metric]}
    model = {"name": f"{algorithm}-{name}", "results": [result]}
    entries = {
        "library_name": LIBRARY,
        "pipeline_tag": "reinforcement-learning",
        "tags": tags,
        "model-index": [model],
    }
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in entries.items())
