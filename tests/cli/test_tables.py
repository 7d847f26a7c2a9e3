import io
from collections import Counter
from dataclasses import replace

from rich.console import Console

from amc.cli.live import view
from amc.cli.overview import Overview
from amc.cli.tables import experiments_table, trials_table
from amc.trial_status import BestTrial, TrialStatus

RUNNING = TrialStatus(0, "running", None, {"gamma": 0.98}, 1, 1, 512, 3.25, "rl-worker-0")


def drawn(renderable: object, *, width: int = 200, height: int = 50) -> str:
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(renderable)
    return console.file.getvalue()


def best_among(*trials: TrialStatus) -> BestTrial | None:
    best = max((t for t in trials if t.score is not None), key=lambda t: t.score, default=None)
    if best is None:
        return None
    return BestTrial(**vars(best), mean_score=best.score, standard_error=None, n_seeds=1)


def with_trials(*trials: TrialStatus) -> Overview:
    best = best_among(*trials)
    return Overview(
        "x-1",
        "running",
        best,
        planned=400,
        states=Counter(trial.state for trial in trials),
        trials=trials,
        rounds=1,
        total_timesteps=2048,
    )


def test_a_row_tells_state_progress_worker_and_hyperparameters():
    text = drawn(trials_table(with_trials(RUNNING)))

    row = next(line for line in text.splitlines() if "rl-worker-0" in line)
    assert row.split() == ["0", "running", "-", "25%", "3.2", "s", "1", "rl-worker-0", "gamma=0.98"]


def test_the_best_trial_is_marked():
    done = replace(RUNNING, number=1, state="completed", score=200.0)

    text = drawn(trials_table(with_trials(RUNNING, done)))

    assert "200 <- best" in text


def test_trials_that_were_trained_longer_are_named():
    longer = [replace(RUNNING, number=n, state="completed", horizon=4096) for n in (1, 2)]

    text = drawn(trials_table(with_trials(replace(RUNNING, horizon=2048), *longer)))

    assert "trials 1, 2: to step 4,096 in place of 2,048" in text


def test_where_it_is_narrow_the_ids_of_experiments_and_what_they_came_to_stay_whole():
    done = replace(RUNNING, state="completed", score=200.0)
    overview = replace(with_trials(done), id="a-name-of-some-length-12")

    lines = drawn(experiments_table([(overview, "ppo CartPole-v1", 0.0)]), width=60).splitlines()

    assert lines[2].split()[:4] == ["a-name-of-some-length-12", "running", "1/400", "200"]
    assert max(map(len, lines)) <= 60


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


def test_the_view_fits_a_small_terminal_with_all_that_stands_below_the_table():
    trials = [
        replace(RUNNING, number=n, state="completed", score=1.0, solved_at=99_999, kind="finalist")
        for n in range(300)
    ]
    best = replace(best_among(*trials), standard_error=0.1, n_seeds=99, mean_of=tuple(range(99)))
    overview = replace(with_trials(*trials), best=best)
    console = Console(file=io.StringIO(), width=60, height=24, force_terminal=True)

    lines = console.render_lines(view(overview, console))

    assert len(lines) < 24


def test_the_list_has_a_column_for_what_was_solved_where_there_is_any():
    plain = with_trials(replace(RUNNING, state="completed", score=1.0))
    solved = with_trials(replace(RUNNING, state="completed", score=500.0, solved_at=12_288))

    text = drawn(experiments_table([(plain, "ppo", 0.0), (solved, "ppo", 0.0)]))

    assert "solved at" in text and "12,288" in text
    assert "solved at" not in drawn(experiments_table([(plain, "ppo", 0.0)]))


def test_finalists_are_told_from_the_trials_of_the_search():
    searched = replace(RUNNING, number=6)
    finalist = replace(RUNNING, number=7, kind="finalist")

    text = drawn(trials_table(with_trials(searched, finalist)))

    kinds = {line.split()[0]: line.split()[1] for line in text.splitlines() if "gamma=" in line}
    assert kinds == {"6": "search", "7": "finalist"}
    assert "finalist: a good suggestion again" in text


def test_the_mean_that_decided_stands_below_with_its_trials():
    trials = [
        replace(RUNNING, number=n, state="completed", score=score, suggestion=suggestion)
        for n, suggestion, score in [(0, 0, -891.7), (1, 1, -500.0), (2, 0, -1200.0)]
    ]
    best = replace(
        best_among(*trials[:1]),
        mean_score=-1045.85,
        standard_error=154.15,
        n_seeds=2,
        mean_of=(0, 2),
    )

    text = drawn(trials_table(replace(with_trials(*trials), best=best)))

    assert "-891.7 <- best" in text
    assert "best: -1046 ± 154 (2 seeds, trial 0), the mean of trials 0, 2" in text


def test_what_was_solved_has_its_step_in_a_column():
    solved = replace(RUNNING, state="completed", score=500.0, solved_at=12_288)
    other = replace(RUNNING, number=1)

    text = drawn(trials_table(with_trials(solved, other)))

    assert "solved at" in text
    assert "12,288" in next(line for line in text.splitlines() if "500" in line)
    assert "solved at" not in drawn(trials_table(with_trials(other)))


def test_what_was_halted_has_its_step_and_rank_in_a_column():
    halted = replace(RUNNING, state="halted", score=3.5, steps=60_000, rank=7, compared=9)
    other = replace(RUNNING, number=1)

    text = drawn(trials_table(with_trials(halted, other)))

    assert "60,000, rank 7 of 9" in next(line for line in text.splitlines() if "halted  " in line)
    assert "halted at" not in drawn(trials_table(with_trials(other)))
