"""What the search tries next: the optimizer of a config, brought to where its search stands."""

from collections import deque
from itertools import islice
from typing import Any

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.rungs import rungs
from amc.driver.told import Row, teach, told
from amc.ledger.sorted_map import SortedMap
from amc.optimizers import BUILT_IN, make

_BEFORE_ALL = -1


def next_suggestions(
    config: ExperimentConfig,
    search: HyperparameterOptimizerConfig,
    rows: SortedMap[int, Row],
    count: int,
) -> list[dict[str, Any]]:
    """The next suggestions of a search; fewer than asked for only if nothing is left to suggest.

    Args:
        config: of the experiment.
        search: the part of it that says how to search.
        rows: one for each suggestion so far, by its number.
        count: how many are wanted, at least 1.
    """
    pupil = _kept(config, search)
    if pupil is None or not pupil.learn(rows):
        pupil = _Pupil(config, search)
        pupil.learn(rows)
    # The search's suggestion n is point n of the config, as long as there are any.
    points = search.initial_points
    tried = len(list(islice((row for row in rows.values() if not row.is_users), len(points))))
    made = pupil.suggest([dict(point) for point in points[tried:][:count]], count)
    if search.type in BUILT_IN:
        _pupils.append(pupil)
    return made


class _Pupil:
    """An optimizer that is taught a search, and goes on with it as long as it lives.

    What a built-in one suggests depends on what it knows alone, and not on when it was told (see
    `Optimizer`). So it makes no difference to what is decided whether a process still has one.

    Args:
        config: of the experiment.
        search: the part of it that says how to search.
    """

    def __init__(self, config: ExperimentConfig, search: HyperparameterOptimizerConfig) -> None:
        self.made_for = _made_for(config, search)
        self._known = known_rows(config, search)
        self._optimizer = make(
            search.type,
            search_space=search.search_space,
            n_calls=-(-search.n_calls // search.seeds_per_trial),
            seed=config.seed,
            n_initial_points=search.n_initial_points,
        )
        self._is_pruned = search.pruner is not None
        self._rows: SortedMap[int, Row] | None = None
        self._newest = _BEFORE_ALL

    def learn(self, rows: SortedMap[int, Row]) -> bool:
        """Tell it what it does not know of these rows.

        Returns:
            False if it knows what is not so, and a new one has to be taught.
        """
        changes = list(rows.changes(self._rows or SortedMap()).values())
        if self._rows is not None and not all(self._goes_on(*change) for change in changes):
            return False
        news = self._known if self._rows is None else []
        news += [new for old, new in changes if new is not None and self._is_news(old, new)]
        if not self._optimizer.uses_scores:
            news = [Row(row.suggestion, row.hyperparameters) for row in news]
        teach(self._optimizer, told(news, is_pruned=self._is_pruned))
        learned = [row.learned for row in news if row.learned is not None]
        self._rows, self._newest = rows, max(learned, default=self._newest)
        return True

    def _is_news(self, old: Row | None, new: Row) -> bool:
        return old is None or (self._optimizer.uses_scores and new.learned is not None)

    def _goes_on(self, old: Row | None, new: Row | None) -> bool:
        """Whether it can be told what changed: lessons come in the order of their decisions."""
        if new is None or (old is not None and old.hyperparameters != new.hyperparameters):
            return False
        if not self._optimizer.uses_scores:
            return True
        is_told = old is not None and old.learned is not None
        is_late = new.learned is not None and new.learned <= self._newest
        # With pruning every score that is told depends on all the others.
        return not (is_told or is_late or self._is_pruned)

    def suggest(self, own: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        """So many suggestions, the user's own first; pending from now on."""
        if own:
            self._optimizer.expect(own)
        made = own + (self._optimizer.suggest(count - len(own)) if count > len(own) else [])
        known = self._rows or SortedMap()
        numbers = range(len(known), len(known) + len(made))
        self._rows = known.changed(
            {n: Row(n, point) for n, point in zip(numbers, made, strict=True)}
        )
        return made


# Teaching takes longer the more there is to tell, and a driver has several experiments at a time.
_pupils: deque[_Pupil] = deque(maxlen=4)


def _made_for(config: ExperimentConfig, search: HyperparameterOptimizerConfig) -> tuple[Any, ...]:
    """All that an optimizer depends on, but what it is told of its own search."""
    return config.seed, config.training, search


def _kept(config: ExperimentConfig, search: HyperparameterOptimizerConfig) -> _Pupil | None:
    """One that was taught before; kept no longer, since who fails half way knows half."""
    for pupil in _pupils:
        if pupil.made_for == _made_for(config, search):
            _pupils.remove(pupil)
            return pupil
    return None


def known_rows(config: ExperimentConfig, search: HyperparameterOptimizerConfig) -> list[Row]:
    """What another experiment taught: trained to their end, learned before anything else."""
    points = (search.warm_start.points if search.warm_start else None) or ()
    end = len(rungs(config.training)) - 1
    return [
        Row(number - len(points), point.hyperparameters, _BEFORE_ALL, end, point.score)
        for number, point in enumerate(points)
    ]
