"""What a worker's pool child does with a trial: fork, watch, kill, classify, retry.

Its door is `supervise`. The supervisor is long-lived and holds torch without having used it; each
attempt runs in a process of its own, forked in some 20 ms, that dies with the supervisor. The
supervisor must not touch CUDA: a forked child could not use it any more.
"""

from amc.supervision.attempts import exhausted, supervise
from amc.supervision.shutdown import announce_shutdown, disregard_signals

__all__ = ["announce_shutdown", "disregard_signals", "exhausted", "supervise"]
