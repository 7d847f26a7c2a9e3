from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pruning import first_share, regret_at
from replay.simulation import FULL, Curves, Settings, Simulation, smoothed
from replay.table import SPACE, STEPS, Row, configurations, read_rows, train, trials, write_rows

from amc.optimizers.encoding import Encoding


def test_scores_are_smoothed_over_up_to_three_evaluations():
    scores = np.array([3.0, 5.0, 7.0, 0.0, 2.0])

    means = smoothed(scores)

    np.testing.assert_allclose(means, [3.0, 4.0, 5.0, 4.0, 3.0])


def parallel_curves(n: int = 40) -> Curves:
    """Configurations that differ from the first evaluation on, the later the better."""
    quality = np.arange(n)[:, None, None] + np.zeros((1, 2, 1))
    scores = quality + np.arange(FULL)
    return Curves("Acrobot-v1", configurations()[:n], scores, seconds=np.full((n, 2), 15.0))


def test_a_replayed_search_without_pruning_spends_its_budget_in_rounds():
    settings = Settings(trainings=8, n_calls=20, workers=4)

    found = Simulation(parallel_curves(), "none", settings, seed=0).run()

    assert [(moment.trainings, moment.seconds) for moment in found.moments[::4]] == [
        (4, 15),
        (8, 30),
    ]
    assert found.n_trials == 8
    assert not found.best_was_halted


@pytest.mark.parametrize(("pruner", "trainings"), [("halving", 6), ("asha", 5), ("median", 12)])
def test_a_replayed_search_with_pruning_tries_more_for_the_same_steps(pruner: str, trainings: int):
    settings = Settings(trainings, n_calls=36, workers=4, type="random")

    found, again = (Simulation(parallel_curves(), pruner, settings, seed=0).run() for _ in "ab")

    spent = [moment.trainings for moment in found.moments]
    assert found == again
    assert found.n_trials > trainings
    assert spent == sorted(spent)
    assert trainings <= spent[-1] < trainings + 2


@pytest.mark.parametrize(("n_late", "middle"), [(2, np.median), (1, np.mean)])
def test_the_share_is_where_the_regret_stays_at_the_baselines_end(n_late: int, middle: Any):
    baseline = np.ones((3, 200))
    baseline[:, -1] = 0.5
    regrets = np.full((3, 200), 0.4)
    regrets[:n_late, 99] = 0.8

    assert first_share(baseline, regrets, middle) == pytest.approx(101 / 200)
    assert first_share(baseline, baseline + 0.1, middle) == np.inf


def test_regret_is_that_of_the_last_thing_known():
    found = Simulation(parallel_curves(), "none", Settings(4, 4, 4), seed=0).run()

    regrets = regret_at(found.moments, lambda moment: moment.trainings, np.array([1.0, 4.0, 9.0]))

    assert regrets.tolist() == [1.0, found.moments[-1].regret, found.moments[-1].regret]


def test_every_prefix_of_the_table_has_whole_configurations():
    order = list(trials())

    counts = Counter(configuration for configuration, _, _ in order[:40])

    assert len(order) == len(set(order)) == 512
    assert counts == dict.fromkeys(range(10), 4)


def test_a_table_comes_back_as_written(tmp_path: Path):
    path = tmp_path / "table.jsonl.gz"
    point = configurations()[0]
    rows = [Row(0, seed, "Acrobot-v1", point, [5, 10], [-1.5, 2.0], 3.2, {}) for seed in (1, 0)]

    write_rows(path, rows)
    first = path.read_bytes()
    write_rows(path, read_rows(path))

    assert read_rows(path) == rows[::-1]
    assert path.read_bytes() == first
    assert first[4:8] == bytes(4), "a time of writing"


@pytest.mark.slow
def test_a_row_is_a_trials_curve(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(STEPS, "CartPole-v1", 960)

    row, again = (train(5, 1, "CartPole-v1") for _ in "ab")

    assert row.key == (5, 1, "CartPole-v1")
    assert row.hyperparameters == configurations()[5]
    assert len(row.steps) == len(row.scores) == len(set(row.steps))
    assert row.steps[-1] == 960
    assert replace(row, seconds=0.0) == replace(again, seconds=0.0)
    assert row.error is None


def test_the_stored_table_is_of_these_configurations_and_small():
    path = Path(__file__).parents[2] / "benchmarks" / "results" / "pruning.jsonl.gz"
    encoding, points = Encoding(SPACE), configurations()

    rows = read_rows(path)

    assert path.stat().st_size < 2_000_000
    for row in rows:
        known, expected = (
            encoding.encode(one) for one in (row.hyperparameters, points[row.configuration])
        )
        np.testing.assert_allclose(known, expected, atol=1e-9)
        assert row.error or (len(row.scores), row.steps[-1]) == (FULL, STEPS[row.environment])
