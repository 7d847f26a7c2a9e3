"""How much may still be opened: the limits of an experiment on steps and on time.

A segment's steps are reserved when it is opened, and what it did not train comes back when its
report is learned; both stand in the log, so any number of drivers keep the same account. What
comes after the search is kept free for it, up to half of what a first suggestion leaves, and so is
one suggestion's way to its end, until one has come there. Its door is `Limits`.
"""

from functools import cached_property

from amc.config.schema import ExperimentConfig
from amc.driver.budget import budget
from amc.ledger import History
from amc.ledger.asking import is_late, limit
from amc.ledger.winner import ranked


class Limits:
    """What is left of `max_timesteps` and `max_hours`.

    Args:
        config: of the experiment.
        past: what led here, the decision that is being made included.
    """

    def __init__(self, config: ExperimentConfig, past: History) -> None:
        self._config, self._past = config, past
        steps = limit(config, past, "max_timesteps")
        self._steps = None if steps is None else int(steps)
        self._taken = 0

    @property
    def is_late(self) -> bool:
        """Whether no new trial is opened any more, since the time is over."""
        return is_late(self._config, self._past)

    @property
    def left(self) -> int | None:
        """Steps that nobody has trained or reserved; None without a limit."""
        if self._steps is None:
            return None
        reserved = sum(one.until - one.from_step for one in self._past.open.values())
        return self._steps - self._past.trained - reserved - self._taken

    def allow(self, steps: int, *, kept: int = 0) -> bool:
        """Whether so many steps may be reserved, with `kept` of them left over."""
        return (left := self.left) is None or steps + kept <= left

    def take(self, steps: int) -> None:
        """Reserve steps for a segment of the decision that is being made."""
        self._taken += steps

    def kept(self, until: int) -> int:
        """Steps that are kept from a trial of the search which is trained until there."""
        if self._steps is None:
            return 0
        horizon, search = (
            self._config.training.total_timesteps,
            self._config.hyperparameter_optimizer,
        )
        seeds = 1 if search is None else search.seeds_per_trial
        way = 0 if self._has_completed else seeds * (horizon - until)
        return way + min(self._after_search, max(0, self._steps - seeds * horizon) // 2)

    @cached_property
    def _has_completed(self) -> bool:
        return bool(ranked(self._config, self._past, most=1))

    @cached_property
    def _after_search(self) -> int:
        planned = budget(self._config, self._past.requests.values())
        trials = planned.trials - planned.search_trials - self._past.further
        return max(0, trials) * self._config.training.total_timesteps
