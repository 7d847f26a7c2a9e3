import io
from dataclasses import replace

from rich.console import Console

from amc.cli.live import view
from amc.cli.snapshot import Snapshot
from amc.cli.tables import trials_table
from amc.client import TrialStatus

RUNNING = TrialStatus(0, "running", None, {"gamma": 0.98}, 1, 1, 512, 3.25, "rl-worker-0")


def drawn(renderable: object, *, width: int = 200, height: int = 50) -> str:
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(renderable)
    return console.file.getvalue()


def with_trials(*trials: TrialStatus) -> Snapshot:
    best = max((t for t in trials if t.score is not None), key=lambda t: t.score, default=None)
    return Snapshot("x-1", "running", trials, best, rounds=1, n_calls=400, total_timesteps=2048)


def test_a_row_tells_state_progress_worker_and_hyperparameters():
    text = drawn(trials_table(with_trials(RUNNING)))

    row = next(line for line in text.splitlines() if "rl-worker-0" in line)
    assert row.split() == ["0", "running", "-", "25%", "3.2", "s", "1", "rl-worker-0", "gamma=0.98"]


def test_the_best_trial_is_marked():
    done = replace(RUNNING, number=1, state="completed", score=200.0)

    text = drawn(trials_table(with_trials(RUNNING, done)))

    assert "200 <- best" in text


def test_a_long_table_keeps_the_best_the_running_and_the_latest():
    done = [replace(RUNNING, number=n, state="completed", score=float(-n)) for n in range(300)]
    running = replace(RUNNING, number=300)
    waiting = replace(RUNNING, number=301, state="waiting")

    text = drawn(trials_table(with_trials(*done, running, waiting), max_rows=4))

    numbers = [line.split()[0] for line in text.splitlines() if "gamma=" in line]
    assert numbers == ["0", "298", "299", "300"]
    assert "4 of 302 trials shown" in text


def test_the_view_fits_a_small_terminal():
    trials = [replace(RUNNING, number=n) for n in range(300)]
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)

    lines = console.render_lines(view(with_trials(*trials), console))

    assert len(lines) < 24


def test_finalists_are_explained():
    finalist = replace(RUNNING, number=7, kind="finalist")

    text = drawn(trials_table(with_trials(finalist)))

    assert "7*" in text
    assert "* finalist" in text
