"""Training an experiment's winner again: to the same bits, and on seeds that nobody has used.

The doors are `again` and `on_fresh_seed`.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from amc.config.schema import ExperimentConfig
from amc.driver.seeds import fresh_seed
from amc.errors import UsageError
from amc.ledger import Ledger
from amc.ledger.ancestry import config_of
from amc.ledger.winner import Winner, winner
from amc.training.trial import TrialContext, TrialOutcome
from amc.verify import excuse
from amc.workers.base import BaseWorker

OnProgress = Callable[[str, int], None]


@dataclass(frozen=True)
class Again:
    """What came of the winner's second training.

    Attributes:
        digest: of the parameters that it came to; None from a trainer that saves none.
        score: of its last evaluation.
        recorded_digest: what was reported.
        recorded_score: what was reported.
        excuse: why other bits need be no fault; None if nothing says so.
        is_own: whether a trainer of the user's own trains, so that no bits are promised.
    """

    digest: str | None
    score: float | None
    recorded_digest: str | None
    recorded_score: float | None
    excuse: str | None
    is_own: bool = False

    @property
    def is_same(self) -> bool:
        """Whether it came to the same bits and the same score."""
        ours, recorded = (self.digest, self.score), (self.recorded_digest, self.recorded_score)
        return ours == recorded


def winner_of(ledger: Ledger) -> Winner:
    """The best trial so far.

    Raises:
        UsageError: no trial was completed.
    """
    best = winner(ledger.config, ledger.history())
    if best is None:
        raise UsageError(f"{ledger.id}: no trial was completed yet. Wait for one: amc watch")
    return best


def again(ledger: Ledger, best: Winner, on_progress: OnProgress) -> Again:
    """Train the winner from nothing with its own seed.

    Args:
        ledger: of the experiment.
        best: its winner.
        on_progress: called with progress marks and steps.
    """
    past = ledger.history()
    outcome = _trained(config_of(ledger.config, past, best.trial.number), on_progress)
    segment = past.segments[past.standing(best.trial.number)]
    is_same = outcome.digest == best.result.digest
    return Again(
        digest=outcome.digest,
        score=outcome.score,
        recorded_digest=best.result.digest,
        recorded_score=best.result.score,
        excuse=None if is_same else excuse(ledger, segment),
        is_own=ledger.config.has_own_trainer,
    )


def on_fresh_seed(ledger: Ledger, best: Winner, number: int, on_progress: OnProgress) -> float:
    """Train the winner's config on a seed that the experiment has not used; its score.

    Args:
        ledger: of the experiment.
        best: its winner.
        number: of the seed, from 0 on.
        on_progress: called with progress marks and steps.
    """
    config = config_of(ledger.config, ledger.history(), best.trial.number)
    seed = fresh_seed(ledger.config.seed, number)
    outcome = _trained(config.model_copy(update={"seed": seed}), on_progress)
    assert outcome.score is not None, "nobody interrupts it"
    return outcome.score


def recorded_scores(ledger: Ledger, best: Winner) -> list[float]:
    """The scores that the winner's mean is of."""
    past = ledger.history()
    results = (past.result(number) for number in best.mean_of)
    return [one.score for one in results if one is not None and one.score is not None]


def _trained(config: ExperimentConfig, on_progress: OnProgress) -> TrialOutcome:
    with tempfile.TemporaryDirectory(prefix="amc-reproduce-") as place:
        context = TrialContext.standalone(config.seed, Path(place))
        context = replace(context, mark=on_progress)
        return BaseWorker("reproduce", config, place, trial=context).run()
