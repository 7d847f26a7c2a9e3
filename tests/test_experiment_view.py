"""What an experiment that lies on disk says of itself."""

import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from amc import client, tasks
from amc.broker import hints, leases
from amc.broker.keys import Holder
from amc.config.schema import ExperimentConfig
from amc.experiment_view import Experiment
from amc.ledger import Decision, Ledger, Report, Segment, Trial
from tests.experiments import open_round, report

SEARCHED = {0: -891.7, 1: -900.0}
AGAIN = {2: -1000.0, 3: -1200.0, 4: -1286.7, 5: -905.0, 6: -895.0, 7: -900.0}


def trials_of(scores: dict[int, float], *, round: int, kind: str) -> list[Trial]:
    per_suggestion = len(scores) // 2
    return [
        Trial(number, {"learning_rate": 0.001}, number, round, index // per_suggestion, kind)
        for index, number in enumerate(scores)
    ]


def record(ledger: Ledger, scores: dict[int, float], *, round: int, kind: str) -> None:
    open_round(ledger, *trials_of(scores, round=round, kind=kind))
    for number, score in scores.items():
        ledger.write_report(report(number, score))


@pytest.fixture
def tried_again(shared: Path, broker: None, make_config) -> Ledger:
    """A search of two, whose luckier suggestion was worse on three further seeds."""
    config: ExperimentConfig = make_config(
        {"hyperparameter_optimizer.n_calls": 2, "hyperparameter_optimizer.finalists": 2}
    )
    ledger = Ledger.create(shared, config)
    record(ledger, SEARCHED, round=0, kind="search")
    record(ledger, AGAIN, round=1, kind="finalist")
    return ledger


@pytest.mark.engine
def test_the_best_is_what_decides_while_it_runs_and_when_it_has_ended(tried_again: Ledger):
    running = client.experiment(tried_again.id)
    before = running.best

    tasks.advance(tried_again.id)

    after = client.experiment(tried_again.id).best
    assert running.state == "completed"
    assert before == after
    assert after is not None
    assert (after.suggestion, after.n_seeds, after.number, after.score) == (1, 4, 6, -895.0)
    assert after.mean_score == pytest.approx(-900.0)
    assert after.standard_error == pytest.approx(2.0412, abs=1e-3)


@pytest.mark.engine
def test_the_document_has_the_single_score_and_the_mean(tried_again: Ledger):
    tasks.advance(tried_again.id)

    document = client.experiment(tried_again.id).to_json()

    assert document["best"]["score"] == -895.0
    assert document["best"]["mean_score"] == pytest.approx(-900.0)
    assert document["best"]["n_seeds"] == 4
    assert [trial["suggestion"] for trial in document["trials"]] == [0, 1, 0, 0, 0, 1, 1, 1]
    assert [trial["kind"] for trial in document["trials"]].count("finalist") == 6


@pytest.mark.engine
def test_the_states_of_trials_are_counted_as_the_trials_say(tried_again: Ledger):
    open_round(tried_again, Trial(8, {"learning_rate": 0.001}, 8, 2, 1, "test"))
    experiment = client.experiment(tried_again.id)

    states = experiment.trial_states()

    assert states == {"completed": 8, "waiting": 1}
    assert states == Counter(trial.state for trial in experiment.trials())


@pytest.mark.engine
def test_tensorboard_shows_the_best_so_far_round_by_round(tried_again: Ledger):
    tasks.advance(tried_again.id)

    board = EventAccumulator(str(tried_again.paths.tensorboard))
    board.Reload()
    last = {tag: board.Scalars(tag)[-1] for tag in board.Tags()["scalars"]}
    assert last["search/best_mean_score"].value == pytest.approx(-900.0)
    assert last["search/best_score"].value == pytest.approx(-895.0)
    assert last["search/best_standard_error"].value == pytest.approx(2.0412, abs=1e-3)
    assert last["search/best_n_seeds"].value == 4
    assert last["search/best_n_seeds"].step == 8
    assert last["search/trials_done"].value == 8
    learned = [trial.score for trial in client.experiment(tried_again.id).trials()][-6:]
    assert last["search/round_mean_score"].value == pytest.approx(sum(learned) / 6)


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> float:
    """This machine's clock is two hours ahead of that of Redis; the right time."""
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 7200)
    return clock()


@pytest.mark.engine
def test_how_long_a_trial_runs_is_what_its_worker_measured(
    shared: Path, broker: Any, make_config, ahead: float, monkeypatch: pytest.MonkeyPatch
):
    ledger = Ledger.create(shared, make_config())
    open_round(ledger, Trial(0, {"learning_rate": 0.001}, seed=1))
    ledger.claim_attempt(0, worker="rl-worker-0", queue="gpu0", host="elsewhere/1")
    monkeypatch.undo()
    monkeypatch.setenv("AMC_SHARED_DIR", str(shared))

    leases.acquire(broker, ledger.id, 0, Holder.here("rl-worker-0", "gpu0"))
    at_first = client.experiment(ledger.id).trials()[0].seconds
    hints.report_progress(broker, ledger.id, 0, {"steps": 64, "seconds": 12.5})
    later = client.experiment(ledger.id).trials()[0].seconds

    assert (at_first, later) == (0.0, 12.5)


@pytest.mark.engine
def test_a_trial_that_goes_on_at_a_rung_needed_one_attempt(ledger_at_a_rung: Ledger):
    (trial,) = Experiment(ledger_at_a_rung).trials()

    assert (trial.state, trial.attempts) == ("waiting", 0)

    ledger_at_a_rung.claim_attempt(0, worker="w", queue="gpu0", host="", segment=1)
    ledger_at_a_rung.write_report(Report(0, 1, "completed", step=2048, score=3.0, attempt=2))

    (trial,) = Experiment(ledger_at_a_rung).trials()
    assert (trial.state, trial.attempts, trial.steps) == ("completed", 1, 2048)


@pytest.mark.engine
def test_a_trial_that_is_not_sent_on_is_halted(ledger_at_a_rung: Ledger):
    past = ledger_at_a_rung.history()

    halted = replace(past, last={0: 0}, open={}).result(0)

    assert halted is not None and (halted.state, halted.steps, halted.score) == ("halted", 512, 1.0)


@pytest.fixture
def ledger_at_a_rung(shared: Path, broker: None, make_config) -> Ledger:
    """One trial that came to its first rung and was sent on from there."""
    ledger = Ledger.create(shared, make_config())
    first = Segment(0, 0, from_step=0, until=512, horizon=2048)
    ledger.append(Decision(0, trials=(Trial(0, {}, seed=1),), segments=(first,)))
    ledger.claim_attempt(0, worker="w", queue="gpu0", host="", segment=0)
    report = Report(0, 0, "completed", step=512, score=1.0, attempt=1)
    ledger.write_report(report)
    second = Segment(0, 1, from_step=512, until=2048, horizon=2048, start=(0, 0))
    ledger.append(Decision(1, learned=(report,), segments=(second,)))
    return ledger


@pytest.mark.parametrize(("look_s", "most"), [(0.0, 6), (0.05, 2)])
def test_who_takes_long_to_look_looks_less_often(tried_again: Ledger, look_s: float, most: int):
    looks: list[float] = []

    def look(_: Experiment) -> None:
        looks.append(time.monotonic())
        until = looks[-1] + look_s
        while time.monotonic() < until:
            pass

    with pytest.raises(TimeoutError):
        client.experiment(tried_again.id).wait(0.8, on_change=look)

    assert 2 <= len(looks) <= most
    assert all(after - before > 0.15 for before, after in pairwise(looks[:-1]))
