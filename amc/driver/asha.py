"""Asynchronous successive halving: whoever is among the best third at a rung goes on to the next.

Source: Li et al. 2020, https://arxiv.org/abs/1810.05934, algorithm 2, with rungs as
`amc.config.search.rungs` has them, and promotions from checkpoints. Where a trainer cannot go on
from one, trials are opened whole, and halted at the rung: the stopping form of Li et al. 2018,
https://openreview.net/forum?id=S1Y7OOlRZ, which waits for nobody. The doors are `promote` and
`thresholds`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import takewhile

from amc.config.schema import ExperimentConfig
from amc.config.search.rungs import ETA, rungs
from amc.driver.comparison import (
    LEAST_COMPARED,
    is_spared,
    mean_at,
    standing_height,
)
from amc.driver.draft import Draft
from amc.driver.median import scores_at
from amc.driver.seeds import would_spare
from amc.ledger import History
from amc.ledger.pruning import StopBelow, best_first
from amc.ledger.sorted_map import SortedMap


def thresholds(config: ExperimentConfig, past: History) -> StopBelow:
    """Step and score of the rung, where trials are opened whole; empty where they are promoted.

    A trial halts there that is not among the best third of those known when it was opened, itself
    included: it must not be below the last of those that it would have to be among.
    """
    search = config.hyperparameter_optimizer
    if search is None or search.pruner != "asha" or config.is_segmented:
        return ()
    known = scores_at(past, rungs(config.training)[:-1])
    return tuple(
        (step, scores.nth(len(scores) - (len(scores) + 1) // ETA)[0])
        for step, scores in known.items()
    )


def promote(config: ExperimentConfig, past: History, draft: Draft, room: int) -> int:
    """Open the next segments of those that deserve it, from the highest rung down.

    Args:
        config: of the experiment.
        past: what is known.
        draft: where they are opened.
        room: segments that may be opened.

    Returns:
        How many were.
    """
    steps = rungs(config.training)
    _, ladder = past.aggregate(_Ladder(steps, config.seed))
    opened = 0
    for rung in reversed(range(len(steps) - 1)):
        for number, is_promoted in ladder[rung].chosen():
            if opened >= room:
                return opened  # however many more deserve it
            trials = past.suggestions[number]
            has_room = opened + len(trials) <= room
            if has_room and draft.may_go_on(trials, steps[rung + 1]):
                opened += _go_on(draft, trials, steps[rung + 1], is_spared=not is_promoted)
    return opened


def promote_best(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Send on the best of those that came furthest, so that one comes to the end in any case."""
    steps = rungs(config.training)
    waiting = {n: t for n, t in past.suggestions.items() if all(map(past.is_short, t))}
    heights = {number: standing_height(past, trials, steps) for number, trials in waiting.items()}
    top = max(heights.values(), default=len(steps) - 1)
    order = best_first(
        {n: mean_at(past, trials, steps[top]) for n, trials in waiting.items() if heights[n] == top}
    )
    for number in order[:1]:
        _go_on(draft, waiting[number], steps[top + 1], is_spared=False)


def _go_on(draft: Draft, trials: Sequence[int], until: int, *, is_spared: bool) -> int:
    for trial in trials:
        draft.go_on(trial, until, is_spared=is_spared)
    return len(trials)


_Place = tuple[float, int]
"""The score, negated, and the number of a suggestion: the best is the first, the earlier on a tie.
"""
_Places = SortedMap[_Place, None]


@dataclass(frozen=True)
class _Rung:
    """Suggestions at a rung.

    Attributes:
        compared: all that have come there, but those that had been spared before.
        waiting: of these, those whose next segment may be opened.
        lucky: of these, those that run on if they are to be halted.
        spared: those that had been spared before, and whose next segment may be opened.
    """

    compared: _Places = field(default_factory=SortedMap)
    waiting: _Places = field(default_factory=SortedMap)
    lucky: _Places = field(default_factory=SortedMap)
    spared: _Places = field(default_factory=SortedMap)

    def chosen(self) -> Iterator[tuple[int, bool]]:
        """Those to be sent on, in order, and whether they deserve it or are spared."""
        keep = len(self.compared) // ETA if len(self.compared) >= LEAST_COMPARED else 0
        if keep:
            last = self.compared.nth(keep - 1)
            for _, number in takewhile(lambda place: place <= last, self.waiting):
                yield number, True
            for place in self.lucky:
                if place > last:
                    yield place[1], False
        for _, number in self.spared:
            yield number, False

    def moved(self, rung: int, old: Iterable["_Climber"], new: Iterable["_Climber"]) -> "_Rung":
        """The same where some suggestions stand elsewhere now."""
        gone, come = _places(rung, old), _places(rung, new)
        names = (item.name for item in fields(self))
        return _Rung(
            **{name: getattr(self, name).changed(come[name], gone[name]) for name in names}
        )


@dataclass(frozen=True)
class _Climber:
    """Where a suggestion stands.

    Attributes:
        number: its number.
        scores: at each rung; None where it has not come there.
        waits_at: the rung from which its next segment may be opened, if there is one.
        is_spared: whether it was to be halted, and runs on.
        is_lucky: whether it will, if it is to be halted.
    """

    number: int
    scores: tuple[float | None, ...]
    waits_at: int | None
    is_spared: bool
    is_lucky: bool

    def places(self, rung: int) -> Iterator[tuple[str, _Place]]:
        """Where it is in a `_Rung`."""
        score, waits = self.scores[rung], self.waits_at == rung
        if self.is_spared and waits:
            yield "spared", (0.0, self.number)
        elif not self.is_spared and score is not None:
            yield "compared", (-score, self.number)
            if waits:
                yield "waiting", (-score, self.number)
            if waits and self.is_lucky:
                yield "lucky", (-score, self.number)


def _places(rung: int, climbers: Iterable[_Climber]) -> dict[str, dict[_Place, None]]:
    found: dict[str, dict[_Place, None]] = {item.name: {} for item in fields(_Rung)}
    for climber in climbers:
        for name, place in climber.places(rung):
            found[name][place] = None
    return found


@dataclass(frozen=True)
class _Ladder:
    """The aggregate of who stands where: each suggestion, and each rung but the end.

    Attributes:
        steps: the rungs, and the end of a trial.
        seed: of the experiment.
    """

    steps: tuple[int, ...]
    seed: int

    def of(
        self,
        past: History,
        trials: Iterable[int],
        before: tuple[SortedMap[int, _Climber], tuple[_Rung, ...]] | None,
    ) -> tuple[SortedMap[int, _Climber], tuple[_Rung, ...]]:
        """See `Aggregate`."""
        climbers, ladder = before or (SortedMap(), (_Rung(),) * (len(self.steps) - 1))
        touched = (past.trials[number] for number in trials)
        numbers = sorted({trial.suggestion for trial in touched if trial.kind == "search"})
        old = [climbers[number] for number in numbers if number in climbers]
        new = {number: self._climber(past, number) for number in numbers}
        after = (rung.moved(index, old, new.values()) for index, rung in enumerate(ladder))
        return climbers.changed(new), tuple(after)

    def _climber(self, past: History, number: int) -> _Climber:
        trials, steps = past.suggestions[number], self.steps
        waits = all(map(past.is_short, trials))
        return _Climber(
            number,
            scores=tuple(mean_at(past, trials, step) for step in steps[:-1]),
            waits_at=standing_height(past, trials, steps) if waits else None,
            is_spared=is_spared(past, trials),
            is_lucky=waits and would_spare(self.seed, number),
        )
