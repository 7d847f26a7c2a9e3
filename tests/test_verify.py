"""The oracle over an experiment: silent on what happened, and not on what was changed."""

import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from click.testing import CliRunner

from amc import tasks, verify
from amc.cli import main
from amc.config.schema import ExperimentConfig
from amc.driver.planning import plan
from amc.experiment_view import Experiment
from amc.ledger import Decision, Ledger, Request, files
from amc.workers import preload
from amc.workers.attempts import supervise
from amc.workers.base import BaseWorker
from tests.experiments import go_on, report

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

assert preload, "as in a worker: the forked trials inherit what is imported here"


@pytest.fixture
def ended(broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]) -> Ledger:
    """A search by halving whose trials were really trained, in several segments, one for longer."""
    search = {"n_calls": 9, "pruner": "halving"}
    config = make_config(
        {
            "training.total_timesteps": 1280,
            **{f"hyperparameter_optimizer.{key}": value for key, value in search.items()},
        }
    )
    return trained(config, shared, Request(0, "steps", steps=1536, of="winner"))


def trained(config: ExperimentConfig, shared: Path, *requests: Request) -> Ledger:
    """An experiment whose driver and only worker is this process."""
    ledger = Ledger.create(shared, config)
    for request in requests:
        ledger.ask(request)
    while not ledger.is_finished:
        tasks.advance(ledger.id)
        for segment in ledger.history().outstanding:
            supervise(ledger, segment.trial, worker="rl-worker-0", queue="gpu0")
    return ledger


@pytest.mark.slow
def test_what_happened_is_sound_and_comes_out_the_same_again(ended: Ledger) -> None:
    faults = verify.verify(ended)
    again = list(verify.replay(ended, 4, seed=1))

    assert faults == []
    assert [fault for _, fault in again] == [None] * 4
    assert any(segment.index for segment in ended.history().segments.values())


@pytest.mark.slow
def test_a_winner_that_was_tested_is_handed_out_as_it_was_chosen(
    broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]
) -> None:
    search = {"finalists": 2, "finalist_seeds": 1, "test_seeds": 2}
    config = make_config({f"hyperparameter_optimizer.{key}": search[key] for key in search})

    ledger = trained(config, shared)

    best, config = Experiment(ledger).best, Experiment(ledger).best_config
    assert best is not None and config is not None and best.chosen_by is not None
    assert verify.verify(ledger) == []
    trials = Experiment(ledger).trials()
    tests = [trial for trial in trials if trial.kind == "test"]
    assert [trial.kind for trial in trials] == ["search"] * 4 + ["finalist"] * 2 + ["test"] * 2
    assert best.mean_score == pytest.approx(fmean(trial.score or 0.0 for trial in tests))
    assert files.required(ledger.paths.best)["interval"] == list(best.interval or ())
    again = BaseWorker(0, config, shared / "again").run()
    (agent,) = ledger.paths.best_files.glob("agent.pt")
    kept = ledger.history().learned[best.number, 0]
    checkpoint = ledger.paths.trial(best.number).directory / str(kept.checkpoint)
    assert again.digest == kept.digest
    assert agent.read_bytes() == checkpoint.read_bytes()


@pytest.mark.slow
def test_the_first_seed_of_a_config_comes_to_what_it_comes_to_alone(
    broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]
) -> None:
    config = make_config({"hyperparameter_optimizer": None, "seeds": 3, "seed": 5})

    ledger = trained(config, shared)

    alone = BaseWorker(0, config, shared / "alone").run()
    digests = [ledger.history().learned[number, 0].digest for number in range(3)]
    assert verify.verify(ledger) == []
    assert digests[0] == alone.digest
    assert len(set(digests)) == 3


def change(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Edit a record as somebody would who knows of checksums."""
    data = files.required(path)
    edit(data)
    path.write_text(json.dumps(files.sealed(data)))


def change_decision(ledger: Ledger, edit: Callable[[dict[str, Any]], Any]) -> None:
    for path in (ledger.paths.decision(0), ledger.paths.decision_copy(0)):
        change(path, edit)


def test_every_change_is_told(ended: Ledger) -> None:
    trial = ended.paths.trial(0)
    agent = ended.history().learned[0, 0].checkpoint
    changes: list[tuple[Path, Callable[[Path], Any], str]] = [
        (
            ended.paths.decision(0),
            lambda path: change(path, lambda data: data["trials"][0].update(seed=5)),
            "decision 0: decided again",
        ),
        (
            ended.paths.decision_copy(0),
            lambda path: change(path, lambda data: data["trials"][0].update(seed=5)),
            "is not the decision that it is a copy of",
        ),
        (
            ended.paths.decision_copy(0),
            lambda path: path.write_text("{"),
            "The decision itself is whole",
        ),
        (
            ended.paths.best_config,
            lambda path: path.write_text(path.read_text().replace("0.99", "0.98", 1)),
            "is not the config that trains the winner again",
        ),
        (
            ended.paths.decision(1),
            lambda path: change(path, lambda data: data["learned"][0].update(score=1e6)),
            "its report is not the one learned",
        ),
        (
            trial.segment(0).report,
            lambda path: change(path, lambda data: data.update(attempt=7)),
            "its report is not the one learned",
        ),
        (trial.segment(0).report, Path.unlink, "its report is gone"),
        (trial.segment(0).report, lambda path: path.write_text("{"), "not a whole record"),
        (
            trial.directory / str(agent),
            lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"),
            "does not match its SHA-256",
        ),
        (
            ended.paths.best_agent(".pt"),
            lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"),
            "agent.pt: damaged",
        ),
        (ended.paths.best_agent(".pt"), Path.unlink, "agent.pt: is not the winner's"),
        (
            ended.paths.request(0),
            lambda path: change(path, lambda data: data.update(steps=2048)),
            "is not the request that a decision dealt with",
        ),
        (ended.paths.request(0), Path.unlink, "requests/0000.json: is gone"),
        (
            ended.paths.end(1),
            lambda path: change(path, lambda data: data.update(state="failed")),
            "says failed, the log says completed",
        ),
        (
            ended.paths.best,
            lambda path: change(path, lambda data: data.update(mean_score=1e6)),
            "is not the winner",
        ),
    ]

    for path, damage, told in changes:
        before = path.read_bytes()
        damage(path)
        faults = verify.verify(ended)
        path.write_bytes(before)

        assert any(told in fault for fault in faults), (path, faults)
    assert verify.verify(ended) == []


def test_the_config_of_a_winner_that_another_version_wrote_is_not_compared(ended: Ledger) -> None:
    last = ended.history().decisions - 1
    for path in (ended.paths.decision(last), ended.paths.decision_copy(last)):
        change(path, lambda data: data.update(amc="0.0.9"))
    ended.paths.best_config.write_text('{"of": "another time"}')

    assert verify.verify(ended) == []


RAN = {"environment": "gymnasium 1.0.0 CartPole-v1", "amc": ("0.1.0",), "kernel": "fast@1"}


@pytest.fixture
def of_two_kinds(shared: Path, make_config: Callable[..., ExperimentConfig]) -> Ledger:
    """Two trials that ran on different CPUs, decided by a version of amc that is long gone."""
    ledger = Ledger.create(shared, make_config())
    first = plan(ledger.config, ledger.history())
    assert first is not None and ledger.append(first)
    change_decision(ledger, lambda data: data.update(amc="0.0.9"))
    # Read under another name, since a process reads each decision once.
    ledger = Ledger(ledger.directory.rename(ledger.directory.with_name("moved-1")))
    for number, cpu in enumerate(("avx512", "of the moon")):
        ledger.claim_attempt(number, worker="w", queue="gpu0", host="")
        ledger.write_report(report(number, 1.0, attempt=1, cpu=(cpu,), **RAN))
    return ledger


def test_what_may_come_out_otherwise_is_a_remark_and_no_fault(of_two_kinds: Ledger) -> None:
    change_decision(of_two_kinds, lambda data: data["trials"][0].update(seed=5))

    remarks = verify.remarks(of_two_kinds)
    told = CliRunner().invoke(main, ["verify", of_two_kinds.id])

    assert verify.verify(of_two_kinds) == []
    assert told.exit_code == 0 and "sound" in told.stdout
    assert f"remark: {remarks[0]}" in told.stderr
    assert "decisions from 0 on were made by amc 0.0.9" in remarks[0]
    assert "between the 2 kinds that it ran with" in remarks[1]
    assert "of the moon (1 trials)" in remarks[1]


def test_other_bits_from_another_machine_are_excused(of_two_kinds: Ledger) -> None:
    past = of_two_kinds.history()
    decision = plan(of_two_kinds.config, past)
    assert decision is not None and of_two_kinds.append(decision)

    excuse = verify.excuse(of_two_kinds, past.segments[1, 0])

    assert excuse is not None and "gymnasium 1.0.0 CartPole-v1, of the moon; here is" in excuse


def test_what_was_decided_while_a_request_for_steps_waited_comes_out_the_same_again(
    shared: Path, make_config: Callable[..., ExperimentConfig]
) -> None:
    ledger = Ledger.create(shared, make_config())
    first = plan(ledger.config, ledger.history())
    assert first is not None and ledger.append(first)
    for segment in first.segments:
        ledger.write_report(report(segment.trial, 1.0))
    past = ledger.history()
    learned = tuple(past.fresh.values())
    assert ledger.append(Decision(1, learned, finish="failed", why="the disk of a plug-in"))
    ledger.ask(Request(0, "steps", steps=4096, of="winner"))
    go_on(ledger)

    faults = verify.verify(ledger)

    assert len(ledger.history().trials) == 4
    assert not [fault for fault in faults if "decided again" in fault]
