"""What a search tries next: points of the user's own first, then what the optimizer suggests."""

from dataclasses import replace

import numpy as np
import pytest

from amc.config.loader import ConfigLoader
from amc.driver.suggesting import next_suggestions
from amc.driver.told import Row
from amc.ledger.sorted_map import SortedMap

SPACE = {
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "gamma": {"low": 0.9, "high": 0.99},
}
OWN = [{"learning_rate": 1e-3, "gamma": 0.95}, {"learning_rate": 2e-3, "gamma": 0.97}]


@pytest.fixture
def searching(make_config):
    """A factory: a config that searches SPACE from the points of OWN on."""

    def make(type="sobol", points=OWN):
        changes = {"type": type, "n_calls": 20, "search_space": SPACE, "initial_points": points}
        return make_config({f"hyperparameter_optimizer.{key}": v for key, v in changes.items()})

    return make


def numbered(rows):
    """By the number of their suggestion."""
    return SortedMap({row.suggestion: row for row in rows})


def live(config, sizes):
    """Ask again and again; each round has ended, by the learning rate, before the next one."""
    search, rows = config.hyperparameter_optimizer, []
    for number, size in enumerate(sizes):
        for suggestion in next_suggestions(config, search, numbered(rows), size):
            score = suggestion["learning_rate"]
            rows.append(Row(len(rows), suggestion, learned=number, score=score))
    return [row.hyperparameters for row in rows]


@pytest.mark.parametrize("type", ["bayesian", "random", "sobol", "tpe"])
def test_points_of_the_users_own_come_first_and_once(searching, type):
    suggestions = live(searching(type), [4, 4])

    assert suggestions[:2] == OWN
    assert len(suggestions) == 8
    assert all(suggestions.count(suggestion) == 1 for suggestion in suggestions)


@pytest.mark.parametrize("sizes", [[1] * 6, [2, 4], [3, 3], [6]])
def test_the_size_of_a_round_does_not_matter_to_what_is_tried(searching, sizes):
    assert live(searching(), sizes) == live(searching(), [4, 2])


def test_what_follows_them_is_what_would_have_been_suggested_there(searching):
    assert live(searching(), [6])[2:] == live(searching(points=[]), [6])[2:]


def test_the_optimizer_knows_them_while_they_are_pending(searching):
    config = searching("bayesian")
    rows = [Row(number, point) for number, point in enumerate(OWN)]

    suggestions = next_suggestions(config, config.hyperparameter_optimizer, numbered(rows), 2)

    assert not any(suggestion in OWN for suggestion in suggestions)
    assert suggestions == live(config, [4])[2:]


def test_without_pruning_scores_are_told_as_they_are(make_config, tmp_path, monkeypatch):
    (tmp_path / "repeats_scores.py").write_text(
        "class Repeats:\n"
        "    def __init__(self, search_space): self.scores = [0.95]\n"
        "    def suggest(self, n): return [{'gamma': score} for score in self.scores[-n:]]\n"
        "    def update(self, suggestions, scores): self.scores = scores\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "repeats_scores")
    search = {"type": "repeats_scores:Repeats", "search_space": {"gamma": [0.9, 0.99]}}
    config = make_config({f"hyperparameter_optimizer.{key}": v for key, v in search.items()})
    scores = [0.91, 0.98, 0.92]
    rows = [Row(n, {"gamma": 0.95}, learned=0, score=score) for n, score in enumerate(scores)]

    suggestions = next_suggestions(config, config.hyperparameter_optimizer, numbered(rows), 3)

    assert [suggestion["gamma"] for suggestion in suggestions] == scores


def test_what_another_experiment_taught_is_known_from_the_start(searching):
    def config(type, known):
        points = [{"hyperparameters": point, "score": score} for point, score in known]
        warm = searching(type, []).to_json()
        warm["hyperparameter_optimizer"]["warm_start"] = {"experiment": "e-1", "points": points}
        return ConfigLoader().from_mapping(warm)

    best = {"learning_rate": 3e-3, "gamma": 0.98}
    spread = live(searching("sobol", []), [12])
    known = [(best, 0.0)] + [
        (point, -abs(np.log10(point["learning_rate"] / 3e-3)) - 10 * abs(point["gamma"] - 0.98))
        for point in spread
    ]

    suggestions = live(config("bayesian", known), [4])

    assert best not in suggestions
    misses = [abs(np.log10(point["learning_rate"] / 3e-3)) for point in suggestions]
    assert np.median(misses) < 0.3
    assert live(config("sobol", known), [3]) == live(searching("sobol", []), [16])[13:]


@pytest.mark.parametrize("type", ["random", "sobol", "bayesian"])
@pytest.mark.parametrize("change", ["forgotten", "another point", "learned before", "told anew"])
def test_an_optimizer_that_knows_what_is_not_so_is_taught_anew(
    searching, type, change, monkeypatch
):
    config = searching(type, points=[])
    search, points = config.hyperparameter_optimizer, live(searching(type), [6])
    rows = [Row(n, point, learned=1 + n // 3, score=float(n)) for n, point in enumerate(points)]
    next_suggestions(config, search, numbered(rows[:5]), 1)
    others = {
        "forgotten": rows[:3],
        "another point": [replace(rows[0], hyperparameters=points[5]), *rows[1:5]],
        "learned before": [*rows[:5], replace(rows[5], learned=0)],
        "told anew": [replace(rows[0], score=9.0), *rows[1:5]],
    }

    found = next_suggestions(config, search, numbered(others[change]), 2)
    monkeypatch.setattr("amc.driver.suggesting._kept", lambda config, search: None)
    expected = next_suggestions(config, search, numbered(others[change]), 2)

    assert found == expected


def test_with_pruning_another_experiments_points_rank_with_those_that_came_to_the_end(
    searching, monkeypatch
):
    document = searching("bayesian", []).to_json()
    document["training"] |= {"total_timesteps": 1000, "eval_freq": 100}
    known = [{"hyperparameters": OWN[0], "score": 0.5}]
    document["hyperparameter_optimizer"] |= {
        "pruner": "halving",
        "warm_start": {"experiment": "e-1", "points": known},
    }
    config, told = ConfigLoader().from_mapping(document), []
    monkeypatch.setattr("amc.driver.suggesting.teach", lambda _, history: told.append(history))
    rows = [Row(0, {"own": 0}, 0, 0, score=0.9), Row(1, {"own": 1}, 0, 2, score=0.7)]

    next_suggestions(config, config.hyperparameter_optimizer, numbered(rows), 1)

    (known, ended) = told[0].lessons
    halted, to_its_end = ended.scores
    assert halted < known.scores[0] < to_its_end
