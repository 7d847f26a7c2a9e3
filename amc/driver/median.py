"""The median rule: a trial below the median of the others at the same step is halted.

The thresholds are frozen into a trial's segment when it is opened, so that the worker that halts it
is a pure function of the segment. Source: Golovin et al. 2017, "Google Vizier", section 3.2.2, with
the mean of the last evaluations in place of the running average. Its doors are `thresholds` and
`scores_at`, from which others find theirs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from amc.config.schema import ExperimentConfig
from amc.config.search.rungs import rungs
from amc.driver.comparison import LEAST_COMPARED, score_of
from amc.ledger import History
from amc.ledger.pruning import StopBelow
from amc.ledger.sorted_map import SortedMap

Scores = SortedMap[tuple[float, int], None]
"""Pairs of score and trial, the lowest score first."""


def thresholds(config: ExperimentConfig, past: History) -> StopBelow:
    """Pairs of step and score; a trial of the search whose score is lower there is halted."""
    search, every = config.hyperparameter_optimizer, config.training.eval_freq
    if search is None or search.pruner != "median" or every is None:
        return ()
    steps = tuple(range(rungs(config.training)[0], config.training.total_timesteps, every))
    known = scores_at(past, steps)
    return tuple((step, _median(scores)) for step, scores in known.items())


def scores_at(past: History, steps: tuple[int, ...]) -> dict[int, Scores]:
    """The scores of the search's trials at each of some steps, where there are enough of them."""
    scores, _ = past.aggregate(_ScoresAt(steps))
    every = zip(steps, scores, strict=True)
    return {step: known for step, known in every if len(known) >= LEAST_COMPARED}


@dataclass(frozen=True)
class _ScoresAt:
    """The aggregate of all trials' scores at each step, and at how many steps each trial has one.

    Attributes:
        steps: in order.
    """

    steps: tuple[int, ...]

    def of(
        self,
        past: History,
        trials: Iterable[int],
        before: tuple[tuple[Scores, ...], SortedMap[int, int]] | None,
    ) -> tuple[tuple[Scores, ...], SortedMap[int, int]]:
        scores, counts = before or ((SortedMap(),) * len(self.steps), SortedMap())
        new: list[dict[tuple[float, int], None]] = [{} for _ in self.steps]
        moved = {}
        for trial in trials:
            if past.trials[trial].kind != "search":
                continue
            for index in range(counts.get(trial, 0), len(self.steps)):
                score = score_of(past, trial, self.steps[index])
                if score is None:
                    break
                new[index][score, trial] = None
                moved[trial] = index + 1
        after = (one.changed(more) for one, more in zip(scores, new, strict=True))
        return tuple(after), counts.changed(moved)


def _median(scores: Scores) -> float:
    # As in `statistics.median`, which would sort all of them again.
    low, high = scores.nth((len(scores) - 1) // 2)[0], scores.nth(len(scores) // 2)[0]
    return low if len(scores) % 2 else (low + high) / 2
