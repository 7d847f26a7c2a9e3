"""Going on with an experiment that is recorded already: more calls, more steps, further trials.

What is asked for is a record in the ledger, so it needs no broker; its doors are `Continuable` and
`Heard`, which `amc.experiment_view.Experiment` hands on.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.ledger import History, Ledger, Request, asking


@dataclass(frozen=True)
class Heard:
    """What becomes of a request; it is recorded.

    Attributes:
        told: sentences on it.
        by_broker: whether a broker carried the news; if not, the next workers read it.
    """

    told: tuple[str, ...]
    by_broker: bool


class Continuable(ABC):
    """An experiment that can be asked for more, while it runs and after it has ended."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @abstractmethod
    def wake(self) -> bool:
        """Ask its driver to look at it now; False if no broker answers."""

    @property
    def requests(self) -> tuple[Request, ...]:
        """What was asked of it since it was submitted, in order."""
        past = self._ledger.history()
        every = (*past.requests.values(), *past.asked)
        return tuple(sorted(every, key=lambda request: request.number))

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """What is spent of `max_timesteps` and `max_hours`, and the limit; of those that it has."""
        return asking.limits(self._ledger.config, self._ledger.history())

    def extend(
        self,
        *,
        calls: int | None = None,
        timesteps: int | None = None,
        trial: int | Literal["winner", "all"] = "winner",
        max_timesteps: int | None = None,
        max_hours: float | None = None,
    ) -> Heard:
        """Ask for more trials of the search, for trials to be trained longer, or for both.

        Args:
            calls: trials of the search, on top of what there is.
            timesteps: environment steps of a trial, in all.
            trial: who is trained so long: the winner on all of its seeds, every completed trial,
                or the one of this number.
            max_timesteps: the limit on steps over all trials, in place of a lower one.
            max_hours: the limit on time, in place of a shorter one.

        Raises:
            UsageError: the experiment cannot take it.
        """
        config, past = self._open_to_requests()
        asked = []
        if max_timesteps is not None or max_hours is not None:
            asked.append(
                asking.other_limits(config, past, timesteps=max_timesteps, hours=max_hours)
            )
            past = replace(past, asked=(*past.asked, asked[0][0]))
        if calls is not None:
            asked.append(asking.more_calls(config, past, calls))
            past = replace(past, asked=(*past.asked, asked[-1][0]))
        if timesteps is not None:
            request, told = asking.more_steps(config, past, timesteps, trial)
            found = asking.chosen(request, config, past) if asking.has_ended(past) else []
            asked.append((request, [*told, *self._lost(found)]))
        if not asked:
            raise UsageError("extend: nothing was asked for. Give calls, timesteps or a limit.")
        return self._ask(*asked)

    def add_trial(self, hyperparameters: Mapping[str, Any]) -> Heard:
        """Ask for a trial of your own; what is not named keeps its value in the config.

        Raises:
            UsageError: the experiment cannot take it, or these are no point of its search space.
        """
        config, past = self._open_to_requests()
        return self._ask(asking.own_trial(config, past, hyperparameters))

    def retry_failed(self) -> Heard:
        """Ask for the trials that failed once more, each on a seed of its own.

        Raises:
            UsageError: none failed, or the experiment cannot take it.
        """
        return self._ask(asking.failed_again(*self._open_to_requests()))

    def _lost(self, trials: Iterable[int]) -> Iterator[str]:
        """Sentences on trials whose final checkpoint, which they go on from, is not there."""
        for number in trials:
            result = self._ledger.result(number)
            directory = self._ledger.paths.trial(number).directory
            if result is not None and not (directory / (result.checkpoint or "")).is_file():
                yield (
                    f"trial {number}: its final checkpoint is gone, so its {result.steps:,} steps "
                    "are trained again first."
                )

    def _open_to_requests(self) -> tuple[ExperimentConfig, History]:
        if self._ledger.state == "cancelled":
            raise UsageError(
                f"{self._ledger.id} was cancelled, which cannot be taken back. Submit one that "
                f"knows its scores: amc submit CONFIG --warm-start {self._ledger.id}"
            )
        return self._ledger.config, self._ledger.history()

    def _ask(self, *asked: asking.Asked) -> Heard:
        told = []
        for request, sentences in asked:
            self._ledger.ask(request)
            told += sentences
        return Heard(tuple(told), self.wake())
