"""An experiment's records as the plain values that figures, report and exports are made of.

Its doors are `gather`, for all of it, and `curves_of`.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from amc.config.schema import ExperimentConfig
from amc.config.search.dimension import Dimension
from amc.ledger import History, Ledger
from amc.ledger.ancestry import config_of
from amc.ledger.kinds import Kind, kinds
from amc.ledger.pruning import Pruned, pruned
from amc.reports.sensitivity import Importance, importance_of
from amc.reports.stints import Stint, stints_of
from amc.training.curve import evaluation_curve, joined
from amc.trial_status import BestTrial, TrialStatus

Curve = Sequence[tuple[int, float]]
"""Step and score of the evaluations behind a trial's weights."""


@dataclass(frozen=True)
class Cost:
    """What an experiment took so far.

    Attributes:
        steps: environment steps trained, of segments that have ended.
        training_s: seconds of the attempts that came to something.
        lost_s: seconds of those that did not.
        elapsed_s: seconds from its submission to its end, or until now.
    """

    steps: int
    training_s: float
    lost_s: float
    elapsed_s: float


@dataclass(frozen=True)
class Contender:
    """A suggestion that was trained on several seeds.

    Attributes:
        suggestion: its number.
        kind: of the trials: `finalist`, `test`, or `search` where the search itself used several.
        hyperparameters: what was suggested.
        trials: their numbers.
        scores: of those that were completed.
        is_winner: whether it won.
    """

    suggestion: int
    kind: str
    hyperparameters: Mapping[str, object]
    trials: tuple[int, ...]
    scores: tuple[float, ...]
    is_winner: bool


@dataclass(frozen=True)
class Material:
    """All that a report tells of an experiment.

    Attributes:
        id: of the experiment.
        state: `running`, `paused`, `completed`, `failed` or `cancelled`.
        error: why it failed; None unless it did.
        created: Unix time.
        config: as it was resolved when it was submitted.
        trials: in number order.
        best: what won, or would win now.
        best_config: what trains the winner again.
        digest: of the parameters of the winner's agent; None if nobody knows it.
        curves: of each trial.
        importance: of the hyperparameters.
        stints: every attempt, by when it began.
        contenders: suggestions on several seeds, the winner first.
        cost: what it took.
        pruned: what its pruner halted; None without one.
        ran_with: kinds of machine and software, and how many trials came through each.
        made_by: versions of amc that decided, each with the number of its first decision.
        versions: of the packages where it was submitted.
    """

    id: str
    state: str
    error: str | None
    created: float
    config: ExperimentConfig
    trials: tuple[TrialStatus, ...]
    best: BestTrial | None
    best_config: ExperimentConfig | None
    digest: str | None
    curves: Mapping[int, Curve]
    importance: Importance
    stints: tuple[Stint, ...]
    contenders: tuple[Contender, ...]
    cost: Cost
    pruned: Pruned | None
    ran_with: Mapping[Kind, Sequence[int]]
    made_by: tuple[tuple[int, str], ...]
    versions: Mapping[str, str]

    @property
    def space(self) -> Mapping[str, Dimension]:
        """The search space; empty without a search."""
        return space_of(self.config)


def space_of(config: ExperimentConfig) -> Mapping[str, Dimension]:
    """The search space of a config; empty without a search."""
    search = config.hyperparameter_optimizer
    return {} if search is None else search.search_space


def gather(ledger: Ledger, trials: Sequence[TrialStatus], best: BestTrial | None) -> Material:
    """Everything, read afresh.

    Args:
        ledger: of the experiment.
        trials: where each of them stands.
        best: what won, or would win now.
    """
    config, history, record, end = ledger.config, ledger.history(), ledger.record, ledger.end
    stints = tuple(stints_of(ledger, history))
    return Material(
        id=ledger.id,
        state=ledger.state,
        error=None if end is None else end.error,
        created=record.created,
        config=config,
        trials=tuple(trials),
        best=best,
        digest=None if best is None else _digest(history, best.number),
        best_config=None if best is None else config_of(config, history, best.number),
        curves=curves_of(ledger, history),
        importance=importance_of(config, history),
        stints=stints,
        contenders=tuple(_contenders(trials, best)),
        cost=_cost(history, stints, (end.finished if end else time.time()) - record.created),
        pruned=pruned(config, history),
        ran_with=kinds(history),
        made_by=history.made_by,
        versions=record.versions,
    )


def curves_of(ledger: Ledger, history: History) -> dict[int, Curve]:
    """The learning curve of each trial, by its number; of a running one as far as it has come."""
    at_work = {segment.trial: segment for segment in history.outstanding}
    found: dict[int, Curve] = {}
    for number in history.trials:
        known = history.curve(number)
        if number in at_work:
            index = at_work[number].index
            made = evaluation_curve(ledger.paths.trial(number).segment(index).directory)
            known = [*known, *((one.step, one.score) for one in joined(made))]
        found[number] = known
    return found


def _digest(history: History, trial: int) -> str | None:
    result = history.ended(trial)
    return None if result is None else result.digest


def _contenders(trials: Sequence[TrialStatus], best: BestTrial | None) -> Iterator[Contender]:
    """Each suggestion of which several trials are there to be compared, by kind of trial."""
    groups: dict[tuple[int, str], list[TrialStatus]] = defaultdict(list)
    for trial in trials:
        groups[trial.suggestion, trial.kind].append(trial)
    found = [
        Contender(
            suggestion,
            kind,
            own[0].hyperparameters,
            tuple(one.number for one in own),
            tuple(one.score for one in own if one.state == "completed" and one.score is not None),
            is_winner=best is not None and best.suggestion == suggestion,
        )
        for (suggestion, kind), own in groups.items()
        if kind != "search" or len(own) > 1
    ]
    with_scores = [one for one in found if one.scores]
    order = {"test": 0, "finalist": 1, "search": 2}
    yield from sorted(
        with_scores,
        key=lambda one: (
            order[one.kind],
            not one.is_winner,
            -sum(one.scores) / len(one.scores),
        ),
    )


def _cost(history: History, stints: Sequence[Stint], elapsed_s: float) -> Cost:
    reports = [
        (segment, report)
        for key, segment in history.segments.items()
        if (report := history.report(key)) is not None
    ]
    return Cost(
        steps=sum(max(0, report.step - segment.from_step) for segment, report in reports),
        training_s=sum(report.seconds for _, report in reports),
        lost_s=sum(
            one.ended - one.started for one in stints if one.group not in {"result", "running"}
        ),
        elapsed_s=max(0.0, elapsed_s),
    )
