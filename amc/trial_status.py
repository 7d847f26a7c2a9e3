"""What is told of one trial: `TrialStatus`, and of the best one `BestTrial`."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from amc.ledger import Result, Trial
from amc.ledger.records import Copy
from amc.ledger.standing import MeanScore
from amc.ledger.winner import Winner


@dataclass(frozen=True)
class TrialStatus:
    """Where one trial stands.

    `solved_at` is the step of the first evaluation at or above the environment's reward threshold.
    Of a halted trial `rank` is where it stood (1 the best) among the `compared` at that rung.
    In a population `copies` are the trials whose weights it went on from, the first one first, and
    `hyperparameters` those that it has now. Of a trial at work `score` is that of its last segment.
    `horizon` is the step at which it is meant to end; one that users asked for has the number of
    their `request`, and one that repeats a failed trial the number of that, `retry_of`.
    """

    number: int
    state: Literal["waiting", "running", "completed", "halted", "failed", "cancelled"]
    score: float | None
    hyperparameters: dict[str, Any]
    seed: int
    attempts: int
    steps: int
    seconds: float
    worker: str
    kind: str = "search"
    round: int = 0
    suggestion: int = 0
    solved_at: int | None = None
    error: str | None = None
    rank: int | None = None
    compared: int | None = None
    copies: tuple[Copy, ...] = ()
    horizon: int | None = None
    request: int | None = None
    retry_of: int | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class BestTrial(TrialStatus):
    """The best suggestion's best trial, and what the suggestion is worth.

    Attributes:
        mean_score: over its tests, on seeds that had no part in choosing it; until these are there,
            or where there are none, over the trials that chose it.
        standard_error: of that mean; None where it is of a single trial.
        n_seeds: how many trials that is.
        mean_of: their numbers.
        interval: of the mean, 95 %; None where its trials chose the suggestion.
        chosen_by: the mean that chose it; None where that is `mean_score`.
    """

    mean_score: float
    standard_error: float | None
    n_seeds: int
    mean_of: tuple[int, ...] = ()
    interval: tuple[float, float] | None = None
    chosen_by: MeanScore | None = None


def finished(
    trial: Trial, result: Result, copies: tuple[Copy, ...], horizon: int | None = None
) -> TrialStatus:
    """Where a trial stands that has ended; `copies` and `horizon` are those of its last segment."""
    return TrialStatus(
        trial.number,
        result.state,
        result.score,
        trial.hyperparameters,
        trial.seed,
        result.attempts,
        result.steps,
        result.seconds,
        result.worker,
        kind=trial.kind,
        round=trial.round,
        suggestion=trial.suggestion,
        solved_at=result.solved_at,
        error=result.error,
        copies=copies,
        horizon=horizon,
        request=trial.request,
        retry_of=trial.retry_of,
    )


def best_trial(best: Winner) -> BestTrial:
    """What is told of a winner."""
    return BestTrial(
        **vars(finished(best.trial, best.result, best.copies)),
        mean_score=best.mean_score,
        standard_error=best.standard_error,
        n_seeds=best.n_seeds,
        mean_of=best.mean_of,
        interval=best.interval,
        chosen_by=best.chosen_by,
    )
