from amc.cli.logs import said_about

LOG = """\
 -------------- celery@host
                .> gpu0             exchange=gpu0(direct) key=gpu0

2026-01-31T12:00:00Z INFO rl-worker-0 cartpole-1/0#1 amc.workers.base: rl-worker-0 trains
2026-01-31T12:00:01Z INFO rl-worker-0 cartpole-11/0#1 amc.workers.base: another experiment
2026-01-31T12:00:02Z ERROR rl-worker-0 cartpole-1/10#2 amc.workers.attempts: it failed
Traceback (most recent call last):
ValueError: nan

worker: Warm shutdown (MainProcess)
2026-01-31T12:00:03Z INFO rl-worker-0 cartpole-1 amc.tasks: finished: failed
"""


def said(trial: int | None = None) -> list[str]:
    return [text for _, text in said_about(LOG.splitlines(keepends=True), "cartpole-1", trial)]


def test_an_experiments_lines_come_with_their_tracebacks_and_nothing_else():
    lines = [line.partition(": ")[2] or line for line in said()]

    assert lines == [
        "rl-worker-0 trains",
        "it failed",
        "Traceback (most recent call last):",
        "nan",
        "finished: failed",
    ]


def test_a_trial_has_lines_of_its_own():
    assert [line[:19] for line in said(0)] == ["2026-01-31T12:00:00"]
    assert len(said(10)) == 3
    assert said(1) == []


def test_logs_of_several_workers_are_told_in_the_order_of_time(amc, make_experiment):
    ledger = make_experiment(1.0)
    logs = ledger.directory.parent / ".fleet" / "host" / "logs"
    logs.mkdir(parents=True)
    line = "2026-01-31T12:00:0{}Z INFO {} cartpole-1/0#1 amc.tasks: said\n"
    (logs / "driver.log").write_text(line.format(1, "driver") + line.format(3, "driver"))
    (logs / "rl-worker-0.log").write_text(line.format(2, "rl-worker-0"))

    outcome = amc("logs")

    assert [line.split()[2] for line in outcome.stdout.splitlines()] == [
        "driver",
        "rl-worker-0",
        "driver",
    ]


def test_logs_without_a_fleet_say_why_there_are_none(amc, make_experiment):
    make_experiment(1.0)

    outcome = amc("logs")

    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert "No fleet" in outcome.stderr


def test_a_trial_that_is_not_there_is_told(amc, make_experiment):
    make_experiment(1.0, 2.0)

    outcome = amc("logs", "cartpole-1", "--trial", "77")

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "cartpole-1 has no trial 77; it has 2 so far" in outcome.stderr
