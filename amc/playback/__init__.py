"""Acting with what was learned: agents, films, packages.

    agent = load("distributed_shared/cartpole-1")
    action = agent.predict(observation)

The doors are `Agent`, `load` and `agent_of`. It must not know of queues, brokers or workers.
"""

from amc.playback.agent import Agent, Performance
from amc.playback.loading import agent_of, load

__all__ = ["Agent", "Performance", "agent_of", "load"]
