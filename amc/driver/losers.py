"""Trials that have lost, so that their final checkpoints may go where only the best are kept.

Its door is `losers`. Somebody may still ask that such a trial be trained longer: then it is trained
again first, like whatever has lost its start.

While the search goes on, a suggestion that is not among the best can come to be among them only if
its own standing changes, or if those above it lose theirs. So kept are, besides the best:

    what is open, and whatever stands at a rung from which it may be sent on, or be copied
    suggestions of which a trial is still to come, or failed and may be tried once more
    trials that were given more steps, or for which somebody has asked for some
    everything once finalists or tests are opened, until the end: their scores move the best

At the end the winner's trials stay, on all of its seeds.
"""

from collections.abc import Iterable, Iterator

from amc.config.schema import ExperimentConfig
from amc.driver.budget import budget
from amc.ledger import History, Report
from amc.ledger.winner import ranked, winner


def losers(
    config: ExperimentConfig, past: History, reports: Iterable[Report], before: History | None
) -> Iterator[int]:
    """The trials that have lost.

    Args:
        config: of the experiment.
        past: what is known; nothing in it is fresh.
        reports: what was learned since this was asked before.
        before: what was known then; None to look at every trial.
    """
    given = {trial for trial, _ in past.given}
    if past.finish is not None:
        kept = _of_winner(config, past) | given
        yield from (number for number in past.trials if number not in kept)
    elif not past.further and not any(one.of == "all" for one in past.asked):
        best = _best(config, past)
        kept = given | {number for one in past.asked for number in one.trials}
        for number in sorted(_moved(config, past, reports, before) - kept):
            suggestion = past.trials[number].suggestion
            is_over = suggestion not in best and _is_over(past, suggestion)
            if is_over and not _may_be_sent_on(config, past, number):
                yield number


def _of_winner(config: ExperimentConfig, past: History) -> set[int]:
    best = winner(config, past)
    if best is None:
        return set()
    means = (best, best.chosen_by) if best.chosen_by else (best,)
    return {best.trial.number, *(number for mean in means for number in mean.mean_of)}


def _best(config: ExperimentConfig, past: History) -> set[int]:
    """The suggestions from which the winner will come, as far as it is known now."""
    count = max(1, budget(config, past.requests.values()).finalists)
    return {standing.number for standing in ranked(config, past, most=count)}


def _moved(
    config: ExperimentConfig, past: History, reports: Iterable[Report], before: History | None
) -> set[int]:
    """Trials whose place may be another one since."""
    if before is None:
        return set(past.trials)
    touched = {past.trials[report.trial].suggestion for report in reports}
    touched |= _best(config, before) - _best(config, past)
    return {number for one in touched for number in past.suggestions.get(one, ())}


def _is_over(past: History, suggestion: int) -> bool:
    """Whether nothing more comes of a suggestion by itself, nor if its failures are mended."""
    trials = past.suggestions[suggestion]
    results = [past.result(trial) for trial in trials]
    return all(results) and not any(trial in past.failed for trial in trials)


def _may_be_sent_on(config: ExperimentConfig, past: History, trial: int) -> bool:
    """Whether a trial stands at a rung, or at a generation's end, and may go on from there."""
    search = config.hyperparameter_optimizer
    # Of a round that is halved whoever goes on does so at the decision that learns of it.
    is_halving = search is not None and search.pruner == "halving"
    return past.is_short(trial) and not is_halving
