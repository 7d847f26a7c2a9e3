import io
from collections import Counter
from dataclasses import replace

from rich.console import Console

from amc.cli.overview import Overview
from amc.cli.trials_table import TrialsTable
from amc.trial_status import BestTrial, TrialStatus

RUNNING = TrialStatus(0, "running", None, {"gamma": 0.98}, 1, 1, 512, 3.25, "rl-worker-0")
DONE = replace(RUNNING, state="completed", score=200.0)


def drawn(overview: Overview, *, width: int = 200, encoding: str = "utf-8", **more: object) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=width, height=50)
    console.print(TrialsTable(overview, **more))
    stream.seek(0)
    return stream.read()


def best_among(*trials: TrialStatus) -> BestTrial | None:
    best = max((t for t in trials if t.score is not None), key=lambda t: t.score, default=None)
    if best is None:
        return None
    return BestTrial(**vars(best), mean_score=best.score, standard_error=None, n_seeds=1)


def with_trials(*trials: TrialStatus, state: str = "running") -> Overview:
    best = best_among(*trials)
    states = Counter(trial.state for trial in trials)
    return Overview(
        "x-1",
        state,
        best,
        planned=400,
        states=states,
        trials=trials,
        rounds=1,
        total_timesteps=2048,
    )


def test_a_row_tells_state_progress_worker_and_hyperparameters():
    text = drawn(with_trials(RUNNING))

    head, _, row = text.splitlines()
    assert head.split() == ["trial", "state", "score", "time", "attempts", "worker", "gamma"]
    assert row.split() == ["0", "running", "-", "25%", "3.2", "s", "1", "rl-worker-0", "0.98"]


def test_the_best_trial_is_marked():
    text = drawn(with_trials(RUNNING, replace(DONE, number=1)))

    assert "1*  completed" in text


def test_the_points_of_scores_and_hyperparameters_are_below_each_other():
    trials = [
        replace(DONE, number=n, score=score, hyperparameters={"rate": rate})
        for n, (score, rate) in enumerate([(9.5, 0.01), (-1094.63, 0.0012), (500.0, 0.25)])
    ]

    lines = drawn(with_trials(*trials)).splitlines()[2:]

    point = lines[1].index("-1094.63") + len("-1094")
    assert lines[0].index("9.5") + 1 == lines[2].index("500") + len("500") == point
    assert len({line.rindex("0.") for line in lines}) == 1


def test_a_hyperparameter_that_spans_many_powers_of_ten_has_exponents_throughout():
    trials = [
        replace(DONE, number=n, hyperparameters={"ent_coef": value})
        for n, value in enumerate([1.2e-6, 0.02])
    ]

    text = drawn(with_trials(*trials))

    assert "1.20e-06" in text and "2.00e-02" in text


def test_where_it_is_narrow_whole_hyperparameters_give_way_the_least_telling_first():
    names = ["alpha_of_some_length", "beta_of_some_length", "gamma_of_some_length"]
    trials = [
        replace(
            DONE,
            number=n,
            score=float(n),
            hyperparameters={names[0]: 0.5, names[1]: 0.1 * n, names[2]: 0.1 * (n % 2)},
        )
        for n in range(8)
    ]
    overview = replace(with_trials(*trials), searched=tuple(names))

    texts = {width: drawn(overview, width=width) for width in (46, 66, 120)}

    assert all(max(map(len, text.splitlines())) <= width for width, text in texts.items())
    assert all(name in texts[120].splitlines()[0] for name in names)
    head = texts[46].splitlines()[:2]
    assert "beta_of_" in head[0] and "alpha" not in head[0] and "gamma" not in head[0]
    assert "too narrow for: gamma_of_some_length, alpha_of_some_length" in " ".join(
        texts[46].split()
    )


def test_what_users_added_stands_after_what_is_searched():
    trial = replace(DONE, hyperparameters={"extra": 1, "gamma": 0.9})

    head = drawn(replace(with_trials(trial), searched=("gamma",))).splitlines()[0]

    assert head.split()[-2:] == ["gamma", "extra"]


def test_without_unicode_the_table_is_ascii():
    text = drawn(with_trials(RUNNING), encoding="ascii")

    assert "----" in text


def test_what_was_paused_is_not_called_waiting():
    begun = replace(RUNNING, state="waiting", worker="", attempts=1)
    trials = (begun, replace(begun, number=1, attempts=0, steps=0))

    rows = drawn(with_trials(*trials, state="paused")).splitlines()[2:]

    assert [row.split()[1] for row in rows] == ["paused", "waiting"]
    assert "25%" in rows[0]


def test_a_name_that_a_terminal_would_obey_is_spelled_out():
    text = drawn(with_trials(replace(RUNNING, worker="evil\x1b[2J")))

    assert "\x1b" not in text and r"evil\x1b[2J" in text


def test_trials_that_were_trained_longer_are_named():
    longer = [replace(RUNNING, number=n, state="completed", horizon=4096) for n in (1, 2)]

    text = drawn(with_trials(replace(RUNNING, horizon=2048), *longer))

    assert "trials 1, 2: to step 4,096 in place of 2,048" in text


def test_a_long_table_keeps_the_best_the_running_and_the_latest():
    done = [replace(DONE, number=n, score=float(-n)) for n in range(300)]
    running = replace(RUNNING, number=300)
    waiting = replace(RUNNING, number=301, state="waiting")

    text = drawn(with_trials(*done, running, waiting), max_rows=4)

    numbers = [line.split()[0] for line in text.splitlines() if "0.98" in line]
    assert numbers == ["0*", "298", "299", "300"]
    assert "4 of 302 trials shown" in text


def test_finalists_are_told_from_the_trials_of_the_search():
    text = drawn(
        with_trials(replace(RUNNING, number=6), replace(RUNNING, number=7, kind="finalist"))
    )

    kinds = {line.split()[0]: line.split()[1] for line in text.splitlines() if "0.98" in line}
    assert kinds == {"6": "search", "7": "finalist"}
    assert "finalist: a good suggestion again" in text


def test_the_mean_that_decided_stands_below_with_its_trials():
    trials = [
        replace(DONE, number=n, score=score, suggestion=suggestion)
        for n, suggestion, score in [(0, 0, -891.7), (1, 1, -500.0), (2, 0, -1200.0)]
    ]
    best = replace(
        best_among(*trials[:1]),
        mean_score=-1045.85,
        standard_error=154.15,
        n_seeds=2,
        mean_of=(0, 2),
    )

    text = drawn(replace(with_trials(*trials), best=best))

    assert "0*  completed   -891.7" in text
    assert "* best: -1046 ± 154 (2 seeds, trial 0), the mean of trials 0, 2" in text


def test_what_was_solved_has_its_step_in_a_column():
    solved = replace(DONE, score=500.0, solved_at=12_288)
    other = replace(RUNNING, number=1)

    text = drawn(with_trials(solved, other))

    assert "solved at" in text
    assert "12,288" in next(line for line in text.splitlines() if "500" in line)
    assert "solved at" not in drawn(with_trials(other))


def test_what_was_halted_has_its_step_and_rank_in_a_column():
    halted = replace(RUNNING, state="halted", score=3.5, steps=60_000, rank=7, compared=9)
    other = replace(RUNNING, number=1)

    text = drawn(with_trials(halted, other))

    assert "60,000, rank 7 of 9" in next(line for line in text.splitlines() if "halted  " in line)
    assert "halted at" not in drawn(with_trials(other))
