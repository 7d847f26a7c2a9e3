import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from amc.cli.overview import Overview
from amc.cli.running_curves import RunningCurves
from amc.cli.screen import Screen
from amc.client import experiment
from amc.ledger import Ledger
from amc.training.curve import Curve, Evaluation
from tests.cli.test_trials_table import DONE, RUNNING, best_among, with_trials

LONG = "a_name_that_is_longer_than_anybody_would_want_to_read_more_than_once-12"


def drawn(directory: Path, overview: Overview, *, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True)
    lines = console.render_lines(Screen(directory).draw(overview, console), pad=False)
    return ["".join(segment.text for segment in line) for line in lines]


def evaluate(trial_directory: Path, *scores: float, attempt: int = 1) -> None:
    curve = Curve(trial_directory, attempt)
    for index, score in enumerate(scores, start=1):
        curve.append(Evaluation(512 * index, score, 0.0, 5, 9.0, 1.0))


def searching(n_trials: int, n_running: int) -> Overview:
    values = {"learning_rate": 0.001, "gamma": 0.98, "clip_range": 0.2, "ent_coef": 1e-6}
    every = [
        replace(RUNNING, number=n, worker=f"rl-worker-{n}", hyperparameters=values)
        if n >= n_trials - n_running
        else replace(DONE, number=n, score=float(n % 7), solved_at=99_999, hyperparameters=values)
        for n in range(n_trials)
    ]
    best = best_among(*every)
    if best is not None:
        best = replace(best, standard_error=0.1, n_seeds=99, mean_of=tuple(range(99)))
    return replace(with_trials(*every), id=LONG, best=best, searched=tuple(values))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (40, 12)])
@pytest.mark.parametrize(("n_trials", "n_running"), [(0, 0), (3, 3), (300, 4), (300, 64)])
def test_a_screen_is_never_higher_or_wider_than_the_terminal(
    shared: Path, width: int, height: int, n_trials: int, n_running: int
):
    overview = searching(n_trials, n_running) if n_trials else with_trials()

    lines = drawn(shared / "x-1", overview, width=width, height=height)

    assert len(lines) < height
    assert max(map(len, lines)) <= width


def test_a_long_name_is_cut_and_what_counts_is_not(shared: Path):
    head = drawn(shared / "x-1", searching(300, 4))[:3]

    assert "…-12: running, round 0, 296 of 400 trials done" in head[0]
    assert head[0].startswith("a_name_that_is") and len(head[0]) == 80
    assert "74%  best" in head[1]
    assert head[2] == "no worker: amc up" or head[2].startswith("the broker")


def test_a_worker_has_a_bar_its_speed_and_the_curve_of_its_trial(
    shared: Path, make_experiment: Callable[..., Ledger]
):
    ledger = make_experiment(1.0, end=None)
    evaluate(ledger.paths.trial(7).directory, 0.0, 50.0, 100.0)
    trial = replace(RUNNING, number=7, steps=1024, seconds=4.0, kind="finalist")

    lines = drawn(ledger.directory, with_trials(trial))

    row = next(line for line in lines if "rl-worker-0" in line)
    # The evaluation at step 1,536 is newer than what the worker told.
    assert row.split() == [
        "rl-worker-0",
        "finalist",
        "7",
        "━" * 9 + "─" * 3,
        "75%",
        "256",
        "▁▅█",
        "100",
    ]


def test_an_evaluation_that_is_added_is_seen_and_nothing_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    directory = tmp_path / "trials" / "0003"
    curves, reads = RunningCurves(tmp_path), []
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path) or read(path))
    evaluate(directory, 1.0, 2.0)

    first, again = curves.of(3), curves.of(3)
    evaluate(directory / "segments" / "01", 3.0, attempt=2)

    assert [one.score for one in first] == [1.0, 2.0] and again is first
    assert len(reads) == 1
    assert [one.score for one in curves.of(3)] == [3.0, 2.0]
    assert curves.of(4) == ()


def test_a_line_that_cannot_be_read_costs_no_screen(tmp_path: Path):
    directory = tmp_path / "trials" / "0003"
    evaluate(directory, 1.0)
    (directory / "metrics" / "0001.jsonl").write_text('{"step": 1}\n')

    assert RunningCurves(tmp_path).of(3) == ()


def test_the_screen_of_a_real_ledger_names_its_trials(make_experiment: Callable[..., Ledger]):
    ledger = make_experiment(3.0, None, 5.0, end="completed")

    lines = drawn(ledger.directory, Overview.of(experiment(ledger.id)))

    assert lines[0] == "cartpole-1: completed, 3 of 3 trials done (1 failed)"
    assert "100%  best 5 (trial 2)" in lines[1]
    assert sum("completed" in line for line in lines[2:]) == 2
    assert not any("worker " in line and "trains" in line for line in lines)
