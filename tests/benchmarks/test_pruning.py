from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pruning import first_share, regret_at
from replay.policies import FULL, Opening, Trial, asha, halving, median_rule
from replay.simulation import Curves, Settings, Simulation, smoothed, standing
from replay.table import SPACE, STEPS, Row, configurations, read_rows, train, trials, write_rows

from amc.optimizers.encoding import Encoding


def waiting(number: int, score: float, *, at: int = 3, is_spared: bool = False) -> Trial:
    """A trial whose last segment ended there, with the same score throughout."""
    return Trial(number, is_spared, until=at, is_open=False, scores=[score] * at)


def test_asha_promotes_the_best_third_of_five_or_more():
    few = [waiting(number, score=number) for number in range(4)]
    enough = [*few, waiting(4, score=-1.0), waiting(5, score=10.0)]

    started, promoted = asha(few, 2), asha(enough, 4)

    assert started == [Opening(3), Opening(3)]
    assert promoted == [Opening(9, 5), Opening(9, 3), Opening(3), Opening(3)]


def test_a_spared_loser_runs_on_and_competes_no_more():
    field = [waiting(number, score=number, is_spared=number == 0) for number in range(6)]
    later = [waiting(number, score=number, at=9) for number in range(6)]

    runs_on = asha(field, 3)[2]
    at_second = asha(later, 2)
    later[0] = Trial(0, True, until=FULL, is_open=False, lost_at=3, scores=[0.0] * FULL)
    without_it = asha(later, 2)

    assert runs_on == Opening(FULL, 0, has_lost=True)
    assert at_second == [Opening(FULL, 5), Opening(FULL, 4)]
    assert without_it == [Opening(FULL, 5), Opening(3)]


def test_a_bracket_waits_for_its_last_trial_and_ends_with_its_best():
    bracket = [waiting(number, score=number) for number in range(18)]
    bracket[0].is_open = True

    while_open = halving(bracket, 4)
    bracket[0].is_open = False
    at_first = halving(bracket, 4)
    for number in range(12, 18):
        bracket[number] = waiting(number, score=number, at=9)
    at_second = halving(bracket, 4)
    for number in (16, 17):
        bracket[number] = waiting(number, score=number, at=FULL)
    at_last = halving(bracket, 4)

    assert while_open == []
    assert at_first == [Opening(9, number) for number in (17, 16, 15, 14, 13, 12)]
    assert at_second == [Opening(FULL, 17), Opening(FULL, 16)]
    assert at_last == [Opening(3)] * 18


def test_the_median_rule_judges_among_five_and_after_a_fifth():
    field = [waiting(number, score=number, at=FULL) for number in range(4)]
    field.append(waiting(4, score=4.0, at=4))

    (opening,) = median_rule(field, 1)

    assert opening == Opening(FULL, stop_below=((3, 2.0), (4, 2.0)))


def test_scores_are_smoothed_over_up_to_three_evaluations():
    scores = np.array([3.0, 5.0, 7.0, 0.0, 2.0])

    means = smoothed(scores)

    np.testing.assert_allclose(means, [3.0, 4.0, 5.0, 4.0, 3.0])


def test_whoever_went_further_stands_higher_unless_it_was_spared():
    field = [waiting(0, 5.0), waiting(1, -9.0, at=9), waiting(2, 7.0)]
    field.append(Trial(3, True, until=FULL, is_open=False, lost_at=3, scores=[6.0] * FULL))

    order = [trial.number for trial in sorted(field, key=standing)]

    assert order == [0, 3, 2, 1]


def parallel_curves(n: int = 40) -> Curves:
    """Configurations that differ from the first evaluation on, the later the better."""
    quality = np.arange(n)[:, None, None] + np.zeros((1, 2, 1))
    scores = quality + np.arange(FULL)
    return Curves(configurations()[:n], scores, seconds=np.full((n, 2), 15.0))


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
    settings = Settings(trainings, n_calls=36, workers=4)

    found, again = (Simulation(parallel_curves(), pruner, settings, seed=0).run() for _ in "ab")

    spent = [moment.trainings for moment in found.moments]
    assert found == again
    assert found.n_trials > trainings
    assert spent == sorted(spent)
    assert trainings - 1 < spent[-1] <= trainings


def test_the_share_is_where_the_median_stays_at_the_baselines_end():
    baseline = np.ones((3, 200))
    baseline[:, -1] = 0.5
    regrets = np.full((3, 200), 0.4)
    regrets[:2, 99] = 0.6

    assert first_share(baseline, regrets) == pytest.approx(101 / 200)
    assert first_share(baseline, baseline + 0.1) == np.inf


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
