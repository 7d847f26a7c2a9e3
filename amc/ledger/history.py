"""What an experiment has seen so far, as plain values: the input of the driver."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from amc.ledger.records import Result, Trial


@dataclass(frozen=True)
class Round:
    """The trials that were suggested together, and the results that are there."""

    number: int
    trials: tuple[Trial, ...]
    results: dict[int, Result] = field(default_factory=dict)
    is_closed: bool = False

    @property
    def outstanding(self) -> tuple[Trial, ...]:
        """Trials without a result, in their order."""
        return tuple(trial for trial in self.trials if trial.number not in self.results)


@dataclass(frozen=True)
class History:
    """Every round in order; only the last may be open."""

    rounds: tuple[Round, ...] = ()
    is_cancelled: bool = False
    is_paused: bool = False

    @property
    def open_round(self) -> Round | None:
        """The round that is not closed yet."""
        return self.rounds[-1] if self.rounds and not self.rounds[-1].is_closed else None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial in number order."""
        return tuple(trial for item in self.rounds for trial in item.trials)

    def finished(self) -> Iterator[tuple[Trial, Result]]:
        """Every trial that has a result, with it, in number order."""
        for item in self.rounds:
            for trial in item.trials:
                if trial.number in item.results:
                    yield trial, item.results[trial.number]
