"""The tests of a search: what the driver needs of it.

    class TestClimber(OptimizerSuite):
        optimizer = "climber:Climber"
        search_spaces = {"ranges": RANGES}      # if it understands no others

The search is used as the driver does: made anew for each decision, with every answer checked
(`amc.optimizers.plug_in`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np

from amc.environments.observations import shown
from amc.optimizers.base import Optimizer
from amc.optimizers.encoding import Encoding
from amc.optimizers.registry import make
from amc.testing.example_spaces import (
    CHOICES,
    CONDITIONS,
    RANGES,
    SCALES,
    WHOLE_NUMBERS,
    quality,
)
from amc.testing.side_effects import global_generators, standard_output
from amc.testing.states import difference_between
from amc.testing.suite import Suite, loaded, require

Suggestions = list[dict[str, Any]]

_SMALL: dict[str, Any] = {"activation": CHOICES["activation"]}
_BATCH = 4
_SEEDS = 5


class OptimizerSuite(Suite):
    """Subclass it and give `optimizer`.

    Attributes:
        optimizer: its name as a config has it, or the class.
        search_spaces: the spaces that it is for, by what they are called.
        n_calls: suggestions of a whole search.
        claims_to_search: whether it does better than chance where that is easy.
    """

    optimizer: Any = None
    search_spaces: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "ranges": RANGES,
        "whole numbers": WHOLE_NUMBERS,
        "choices": CHOICES,
        "conditions": CONDITIONS,
        "scales": SCALES,
    }
    n_calls: ClassVar[int] = 40
    claims_to_search: ClassVar[bool] = True

    _remedy = (
        "Let what it suggests depend on its arguments and on what it was told alone, and draw from "
        "a generator made of the seed that it is given."
    )

    def names(self) -> Iterable[str]:
        """See `Suite`."""
        return [self.given("optimizer")]

    def made(self, space: Mapping[str, Any], seed: int = 0) -> Optimizer:
        """The search as the driver makes it."""
        return make(self.given("optimizer"), space, self.n_calls, seed)

    def retold(
        self,
        space: Mapping[str, Any],
        told: Sequence[tuple[Suggestions, Sequence[float | None]]],
        pending: Suggestions = (),  # type: ignore[assignment]
    ) -> Optimizer:
        """The search made anew and told what came of its suggestions, lesson by lesson."""
        search = self.made(space)
        for suggestions, scores in told:
            search.update(suggestions, scores)
        if pending:
            search.expect(pending)
        return search

    def test_a_config_may_name_it(self) -> None:
        """It is found by its name, and takes what it is given."""
        optimizer = {"type": self.given("optimizer"), "n_calls": self.n_calls}
        loaded(
            {
                "experiment_name": "conformance",
                "algorithm": "ppo",
                "environment": {"name": "CartPole-v1"},
                "hyperparameter_optimizer": {
                    **optimizer,
                    **({"trials_per_round": 4} if optimizer["type"] != "pbt" else {}),
                    "search_space": {"learning_rate": [1e-4, 1e-2], "gamma": [0.9, 0.99]},
                },
                "training": {"total_timesteps": 10_000, "eval_freq": 1000},
            }
        )

    def test_it_suggests_points_of_the_search_space(self) -> None:
        """All names of it, no others, and values that are allowed; to the last suggestion."""
        for name, space in self.search_spaces.items():
            search, encoding = self.made(space), Encoding(space)
            for _ in range(self.n_calls // _BATCH):
                suggestions = search.suggest(_BATCH)
                for suggestion in suggestions:
                    difference = difference_between(
                        encoding.settled(suggestion), suggestion, "the suggestion"
                    )
                    require(
                        not difference,
                        f"in the space of {name}: {difference}. Values are plain JSON, of the type "
                        "of their dimension.",
                    )
                search.update(suggestions, [quality(encoding, one) for one in suggestions])

    def test_it_suggests_as_many_as_are_asked_for(self) -> None:
        """Fewer say that nothing is left."""
        for name, space in self.search_spaces.items():
            search = self.made(space)
            for count in (1, 3, 2):
                suggestions = search.suggest(count)
                if len(suggestions) < count:
                    more = search.suggest(1)
                    require(
                        not more,
                        f"in the space of {name} suggest({count}) returned {len(suggestions)} "
                        f"suggestions, which says that nothing is left, and then one more: {more}. "
                        "Return as many as are asked for while there are any.",
                    )
                    break
                search.update(suggestions, [0.0] * count)

    def test_the_same_seed_and_scores_bring_the_same_suggestions(self) -> None:
        """Whatever the state of the generators that everybody shares."""
        for name, space in self.search_spaces.items():
            runs = []
            for shared_seed in (1, 2):
                with global_generators(shared_seed):
                    runs.append(self._searched(space))
            difference = difference_between(runs[0], runs[1], "suggestions")
            require(not difference, f"in the space of {name}: {difference}. {self._remedy}")

    def test_made_anew_and_told_its_history_it_goes_on_as_one_that_lived_it(self) -> None:
        """For any process may plan the next round."""
        for name, space in self.search_spaces.items():
            encoding, living = Encoding(space), self.made(space)
            told: list[tuple[Suggestions, list[float]]] = []
            for _ in range(4):
                suggestions = living.suggest(_BATCH)
                again = self.retold(space, told).suggest(_BATCH)
                difference = difference_between(suggestions, again, "suggestions")
                require(
                    not difference,
                    f"in the space of {name}, after {len(told)} rounds: {difference}. "
                    f"{self._remedy}",
                )
                scores = [quality(encoding, suggestion) for suggestion in suggestions]
                living.update(suggestions, scores)
                told.append((suggestions, scores))

    def test_it_goes_on_while_trials_are_pending(self) -> None:
        """They end one by one, in any order, and each time another suggestion is wanted."""
        for name, space in self.search_spaces.items():
            encoding, pending = Encoding(space), self.made(space).suggest(_BATCH)
            told: list[tuple[Suggestions, list[float]]] = []
            for turn in range(8):
                if not pending:
                    break
                ended = pending.pop((3 * turn) % len(pending))
                told.append(([ended], [quality(encoding, ended)]))
                made, again = (self.retold(space, told, pending).suggest(1) for _ in range(2))
                difference = difference_between(made, again, "suggestions")
                require(
                    not difference,
                    f"in the space of {name}, with {len(pending)} trials pending: {difference}. "
                    f"{self._remedy}",
                )
                pending += made

    def test_failed_trials_do_it_no_harm(self) -> None:
        """Their score is None: all of them at first, and some later."""
        for space in self.search_spaces.values():
            search = self.made(space)
            for scores in ([None] * _BATCH, [None, 1.0, None, 2.0], [None, None, None, 0.5]):
                suggestions = search.suggest(_BATCH)
                search.update(suggestions, scores[: len(suggestions)])
            search.suggest(1)

    def test_equal_and_extreme_scores_do_it_no_harm(self) -> None:
        """Any finite number is a score."""
        for space in self.search_spaces.values():
            for scores in ([0.0] * 4, [1e300, -1e300, 1e-300, 0.0], [-1e9, -1e9, 1.0, 2.0]):
                search = self.made(space)
                for _ in range(3):
                    suggestions = search.suggest(_BATCH)
                    search.update(suggestions, scores[: len(suggestions)])
                search.suggest(1)

    def test_points_of_the_user_are_learned_like_its_own(self) -> None:
        """`initial_points`, `warm_start` and `amc add-trial` bring some that it never suggested."""
        for space in self.search_spaces.values():
            encoding = Encoding(space)
            points = make("random", space, n_calls=6, seed=99).suggest(3)
            search = self.made(space)
            search.update(points[:1], [quality(encoding, points[0])])
            search.expect(points[1:])
            search.suggest(2)
            self.retold(space, [(points, [1.0, None, -1.0])]).suggest(2)

    def test_a_space_that_is_used_up_does_it_no_harm(self) -> None:
        """It suggests points again, or none any more."""
        if not any(
            isinstance(dimension, Mapping) and "choices" in dimension
            for space in self.search_spaces.values()
            for dimension in space.values()
        ):
            raise SkipTest("its search_spaces have no choices, so that none is ever used up")
        search = self.made(_SMALL)
        for _ in range(4):
            suggestions = search.suggest(_BATCH)
            search.update(suggestions, [0.0] * len(suggestions))

    def test_it_prints_nothing_on_standard_output(self) -> None:
        """Results are printed there, as JSON for programs."""
        with standard_output() as said:
            self._searched(next(iter(self.search_spaces.values())))
            text = said()
        require(
            not text,
            f"it wrote {shown(text)} to standard output. Use logging, or "
            "print(..., file=sys.stderr).",
        )

    def test_in_the_end_it_suggests_better_points_than_chance_does(self) -> None:
        """In the last third of a search for the top of a smooth hill, in the mean."""
        if not self.claims_to_search:
            raise SkipTest("claims_to_search is False")
        space = next(iter(self.search_spaces.values()))
        late, chance = (
            float(np.mean([self._late_quality(search, space) for search in searches]))
            for searches in (
                (self.made(space, seed) for seed in range(_SEEDS)),
                (make("random", space, self.n_calls, seed) for seed in range(_SEEDS)),
            )
        )
        require(
            late > chance,
            f"the last third of {self.n_calls} suggestions lay {-late:.3f} below the top of a "
            f"smooth hill, over {_SEEDS} seeds; points drawn by chance {-chance:.3f}. Look whether "
            "a higher score is taken for better, give the suite more n_calls, or set "
            "claims_to_search to False.",
        )

    def _searched(self, space: Mapping[str, Any]) -> Suggestions:
        """All suggestions of a search."""
        search, encoding, made = self.made(space), Encoding(space), Suggestions()
        for _ in range(self.n_calls // _BATCH):
            suggestions = search.suggest(_BATCH)
            search.update(suggestions, [quality(encoding, one) for one in suggestions])
            made += suggestions
        return made

    def _late_quality(self, search: Optimizer, space: Mapping[str, Any]) -> float:
        encoding, scores = Encoding(space), list[float]()
        while len(scores) < self.n_calls and (suggestions := search.suggest(_BATCH)):
            new = [quality(encoding, suggestion) for suggestion in suggestions]
            search.update(suggestions, new)
            scores += new
        return float(np.mean(scores[-max(1, len(scores) // 3) :]))
