"""What the two tasks make of a message, and of trouble."""

import base64
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from amc import tasks
from amc.broker import dispatch, heartbeats, hints, leases, messages
from amc.broker.connection import connect
from amc.broker.heartbeats import LiveWorker
from amc.broker.keys import Holder
from amc.config.schema import ExperimentConfig
from amc.errors import ConfigError, Fault, LedgerError, UsageError
from amc.ledger import Ledger, Request, log
from amc.ledger.paths import CheckpointFile
from amc.permission import fingerprints
from amc.version import VERSION
from tests.experiments import of_command, report, rewrite_command

pytestmark = pytest.mark.engine
OWNER = Holder.here("rl-worker-0", "gpu0")


@pytest.fixture
def ledger(broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]) -> Ledger:
    """A running experiment of which two trials are suggested, and nobody to train them."""
    made = Ledger.create(shared, make_config())
    tasks.advance(made.id)
    return made


def files(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name",
    [
        "../elsewhere/x-1",
        "..",
        ".",
        "",
        ".fleet",
        "nothing-1",
        "/",
        "a\0b",
        "x" * 300,
        "é" * 200,
        "\udc00",
        5,
        None,
        ["test-1"],
    ],
)
def test_a_message_that_names_no_experiment_changes_nothing(
    ledger: Ledger, tmp_path: Path, name: Any
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "shared").joinpath("test-1").rename(elsewhere / "x-1")
    before = files(tmp_path)

    tasks.advance(name)
    became = tasks.train_trial(name, 0)

    assert became["became"] == "no trial of ours"
    assert files(tmp_path) == before


@pytest.mark.parametrize("trial", [2, 9999, -1, "0", "x", True, 0.0, None, [0], 2**70])
def test_a_trial_that_was_not_suggested_is_not_trained(ledger: Ledger, trial: Any) -> None:
    before = files(ledger.directory)

    became = tasks.train_trial(ledger.id, trial)

    assert became["became"] == "no trial of ours"
    assert files(ledger.directory) == before
    assert sorted(path.name for path in (ledger.directory / "trials").iterdir()) == ["0000", "0001"]


@pytest.mark.parametrize(
    "trouble",
    [
        redis.ConnectionError("gone"),
        redis.ResponseError("OOM command not allowed"),
        OSError(5, "Input/output error"),
        LedgerError("experiment.json: damaged"),
        ValueError("by a fault of ours"),
        KeyError("x"),
        RecursionError(),
        MemoryError(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_trouble_but_the_config_s_ends_an_experiment(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(dispatch, "lost", fail)
    tasks.advance(ledger.id)
    troubled = ledger.state
    monkeypatch.undo()

    assert (troubled, ledger.state) == ("running", "running")


@pytest.mark.parametrize("record", ["experiment.json", "decisions/000000.json", "ends/0000.json"])
def test_a_damaged_record_ends_no_experiment_and_holds_up_no_other(
    ledger: Ledger, make_config: Callable[..., ExperimentConfig], record: str
) -> None:
    other = Ledger.create(ledger.directory.parent, make_config())
    path = ledger.directory / record
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"a":' * 100_000)
    before = files(ledger.directory)

    tasks.advance(ledger.id)
    tasks.advance(other.id)

    assert files(ledger.directory) == before
    assert other.history().trials


def test_the_clock_waits_the_longer_the_oftener_there_was_trouble(
    ledger: Ledger, broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = [hints.postpone(broker, ledger.id) for _ in range(8)]
    is_waiting = not hints.claim_wake(broker, ledger.id)
    tasks.advance(ledger.id)

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    assert is_waiting
    assert hints.postpone(broker, ledger.id) == 2


@pytest.mark.parametrize(
    "fault", [UsageError("no such optimizer"), ConfigError([Fault("seed", "no")])]
)
def test_a_fault_of_the_config_ends_it_with_its_sentence(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def plan(*_: Any) -> None:
        raise fault

    monkeypatch.setattr("amc.driver.planning.plan", plan)

    tasks.advance(ledger.id)

    assert ledger.state == "failed"
    assert ledger.end is not None and (ledger.end.error or "").strip() == str(fault)


RUBBISH = [
    b"\xff\xfe",
    b"garbage",
    b"{}",
    b"[]",
    b"null",
    b"[" * 50_000,
    b"x" * 200_000,
    json.dumps({"name": 5, "queues": "gpu0", "host": None, "pid": []}).encode(),
    json.dumps({"name": "rl-worker-9", "queues": [5, None], "host": "h"}).encode(),
    json.dumps({"steps": "x"}).encode(),
    b"nan",
    b"1e999",
    b"-5",
]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=lambda raw: repr(raw[:20]))
def test_rubbish_at_our_keys_delays_nothing_for_ever(
    ledger: Ledger, broker: Any, rubbish: bytes
) -> None:
    keys = broker.keyspace
    names = [
        keys.lease(ledger.id, 0),
        keys.lease("x", "y"),
        keys.worker("rl-worker-9@h"),
        keys.progress(ledger.id, 0),
        keys.wake(ledger.id),
        keys.trouble(ledger.id),
        keys.missing(ledger.id, 0),
    ]
    for name in names:
        broker.set(name, rubbish)

    assert heartbeats.live_workers(broker) == []
    assert dispatch.choose(broker, 1) == []
    assert dispatch.lost(broker, ledger.id, [0, 1]) == []
    assert hints.progress_of(broker, ledger.id, [0, 1]) == {}
    assert leases.acquire(broker, ledger.id, 0, OWNER) is not None
    hints.claim_wake(broker, ledger.id)
    assert 0 < broker.ttl(keys.wake(ledger.id)) <= 10
    assert 2 <= hints.postpone(broker, ledger.id) <= 60
    tasks.advance(ledger.id)
    assert ledger.state == "running"


@pytest.mark.parametrize("rubbish", RUBBISH, ids=lambda raw: repr(raw[:20]))
def test_rubbish_that_ends_in_time_is_nobody_s_word(
    ledger: Ledger, broker: Any, rubbish: bytes
) -> None:
    keys = broker.keyspace
    names = [
        keys.lease(ledger.id, 0),
        keys.worker("rl-worker-9@h"),
        keys.progress(ledger.id, 0),
        keys.trouble(ledger.id),
        keys.missing(ledger.id, 0),
    ]
    for name in names:
        broker.set(name, rubbish, ex=8)

    assert leases.all_leases(broker) == {}
    assert dispatch.choose(broker, 1) == []
    assert dispatch.lost(broker, ledger.id, [0, 1]) == []
    assert hints.progress_of(broker, ledger.id, [0, 1]) == {}
    assert 2 <= hints.postpone(broker, ledger.id) <= 60


@pytest.mark.parametrize("ends", [False, True])
def test_keys_of_another_type_delay_nothing_for_ever(
    ledger: Ledger, broker: Any, ends: bool
) -> None:
    keys = broker.keyspace
    names = [
        keys.lease(ledger.id, 0),
        keys.worker("rl-worker-9@h"),
        keys.progress(ledger.id, 0),
        keys.wake(ledger.id),
        keys.trouble(ledger.id),
        keys.missing(ledger.id, 0),
    ]
    for name in names:
        broker.rpush(name, "x")
        if ends:
            broker.expire(name, 8)
    broker.set(keys.queue("gpu0"), "x")
    heartbeats.beat(broker, LiveWorker("rl-worker-0", ("gpu0",), "here", 1))

    assert dispatch.choose(broker, 1) == ["gpu0"]
    assert dispatch.lost(broker, ledger.id, [0]) == []
    assert hints.progress_of(broker, ledger.id, [0]) == {}
    lease = leases.acquire(broker, ledger.id, 0, OWNER)
    assert lease is not None and lease.renew()
    hints.claim_wake(broker, ledger.id)
    assert hints.postpone(broker, ledger.id) == 2


def test_a_heartbeat_of_a_newer_or_an_older_version_is_understood(broker: Any) -> None:
    newer = {"name": "a", "queues": ["gpu0"], "host": "h", "pid": 1, "segments": {"open": 2}}
    older = {"name": "b", "queues": ["gpu1"], "host": "h"}
    for beat in (newer, older):
        broker.set(broker.keyspace.worker(f"{beat['name']}@h"), json.dumps(beat), ex=10)

    found = heartbeats.live_workers(broker)

    assert found == [LiveWorker("a", ("gpu0",), "h", 1), LiveWorker("b", ("gpu1",), "h", 0)]


def test_an_upgrade_in_the_middle_is_told_once(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (tasks, log):
        monkeypatch.setattr(module, "VERSION", "9.9.9")
    opened = [*range(2)]

    for _ in range(2):
        for trial in opened:
            ledger.write_report(report(trial, 1.0))
        tasks.advance(ledger.id)
        opened = [2, 3]

    told = [one.getMessage() for one in caplog.records if "decided, from decision" in one.msg]
    assert len(told) == 1
    assert f"until here amc {VERSION} decided, from decision 1 on it is 9.9.9" in told[0]
    assert ledger.history().made_by == ((0, VERSION), (1, "9.9.9"))


def serve(broker: Any, number: int) -> None:
    """A live worker with a queue of its own."""
    heartbeats.beat(broker, LiveWorker(f"rl-worker-{number}", (f"gpu{number}",), "here", 1))


def sent(broker: Any, queue: str) -> list[tuple[int, str]]:
    """The trial of each message in a queue, the oldest first, and what it is awaited with."""
    # The app of this process has the prefix of the directory that it was started with.
    prefix = tasks.app.conf.broker_transport_options["global_keyprefix"]
    found = [json.loads(raw) for raw in broker.lrange(f"{prefix}{queue}", 0, -1)[::-1]]
    return [(int(one["headers"]["id"].split(".")[1]), one["headers"]["group"]) for one in found]


def test_the_end_of_a_round_wakes_the_driver_and_in_async_every_end(
    broker: Any, ledger: Ledger, make_config: Callable[..., ExperimentConfig]
) -> None:
    config = make_config({"hyperparameter_optimizer.mode": "async"})
    one_by_one = Ledger.create(ledger.directory.parent, config)
    client = connect()
    serve(client, 0)
    for trial in (0, 1):
        hints.hand_back(client, ledger.id, trial)

    for submitted in (ledger, one_by_one):
        tasks.advance(submitted.id)

    groups = [group for _, group in sent(broker, "gpu0")]
    assert len(groups) == 2 + 4
    assert len(set(groups)) == 1 + 4


def test_a_trial_that_waits_behind_another_is_sent_to_an_idle_worker_too(
    broker: Any, ledger: Ledger
) -> None:
    client = connect()
    for number in (0, 1):
        serve(client, number)
    leases.acquire(client, ledger.id, 0, OWNER)
    message = {"headers": {"id": messages.task_id(ledger.id, 1)}}
    client.lpush(client.keyspace.queue("gpu0"), json.dumps(message))

    tasks.advance(ledger.id)

    assert [trial for trial, _ in sent(broker, "gpu1")] == [1]


@pytest.fixture
def of_a_command(broker: Any, shared: Path) -> Ledger:
    """A running experiment whose trials a command trains, of which two are suggested."""
    made = Ledger.create(shared, of_command())
    tasks.advance(made.id)
    return made


def test_trials_of_a_command_wait_for_a_worker_that_may_run_it(
    broker: Any, of_a_command: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect()
    serve(client, 0)
    for trial in (0, 1):
        hints.hand_back(client, of_a_command.id, trial)

    tasks.advance(of_a_command.id)
    before = sent(broker, "gpu0")
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    heartbeats.beat(client, LiveWorker("rl-worker-1", ("gpu1",), "here", 1, fingerprints()))
    tasks.advance(of_a_command.id)

    assert before == [] and sent(broker, "gpu0") == []
    assert [trial for trial, _ in sent(broker, "gpu1")] == [0, 1]
    assert of_a_command.history().finish is None


def test_a_worker_that_may_not_run_a_command_makes_no_attempt_at_it(
    of_a_command: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python other.py")

    became = tasks.train_trial(of_a_command.id, 0)["became"]

    assert became == "is not allowed"
    assert of_a_command.attempts(0) == [] and of_a_command.history().fresh == {}
    assert "AMC_ALLOW_COMMANDS" in caplog.text


def test_a_ledger_that_was_edited_by_hand_runs_nothing_that_is_not_allowed(
    of_a_command: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    there = str(of_a_command.directory / "was-here")
    rewrite_command(of_a_command.paths.experiment, "touch", there)

    became = tasks.train_trial(of_a_command.id, 0)["became"]

    assert became == "is not allowed"
    assert not (of_a_command.directory / "was-here").exists()
    assert Ledger(of_a_command.directory).attempts(0) == []


def test_what_is_asked_of_an_experiment_that_has_ended_lets_it_go_on(ledger: Ledger) -> None:
    for _ in range(2):
        for segment in ledger.history().outstanding:
            ledger.write_report(report(segment.trial, 1.0))
        tasks.advance(ledger.id)
    ends = [ledger.state]
    ledger.ask(Request(0, "calls", calls=1))
    tasks.advance(ledger.id)
    ends.append(ledger.state)
    ledger.write_report(report(4, 2.0))
    tasks.advance(ledger.id)
    ends.append(ledger.state)

    assert ends == ["completed", "running", "completed"]
    assert sorted(path.name for path in ledger.paths.ends.iterdir()) == ["0000.json", "0001.json"]
    stored = json.loads(ledger.paths.best.read_text())
    assert (stored["number"], stored["mean_score"]) == (4, 2.0)


def test_a_driver_that_stalls_at_an_end_leaves_no_older_winner(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        for segment in ledger.history().outstanding:
            ledger.write_report(report(segment.trial, 1.0))
        if len(ledger.history().trials) < 4:
            tasks.advance(ledger.id)
    config_of = tasks.config_of

    def stall(*given: Any) -> ExperimentConfig:
        monkeypatch.setattr(tasks, "config_of", config_of)
        ledger.ask(Request(0, "calls", calls=1))
        tasks.advance(ledger.id)
        ledger.write_report(report(4, 2.0))
        tasks.advance(ledger.id)
        return config_of(*given)

    monkeypatch.setattr(tasks, "config_of", stall)
    tasks.advance(ledger.id)

    stored = json.loads(ledger.paths.best.read_text())
    assert (ledger.state, stored["number"], stored["mean_score"]) == ("completed", 4, 2.0)


def test_decisions_know_the_time_where_it_is_limited(
    broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]
) -> None:
    limited = make_config({"hyperparameter_optimizer.max_hours": 1.0})
    created = hints.now(connect()) - 3000.0
    ledger = Ledger.create(shared, limited, created=created)
    late = Ledger.create(shared, limited, created=created - 3600.0)

    tasks.advance(ledger.id)
    tasks.advance(late.id)

    decision = log.read(ledger.paths, 0)
    assert decision is not None and decision.now == pytest.approx(3000.0, abs=60.0)
    assert len(decision.trials) == 2
    assert (late.state, len(late.history().trials)) == ("failed", 0)
    assert "max_hours" in str(late.history().why)


def test_a_large_round_is_sent_in_several_chords_one_at_each_call(
    broker: Any,
    ledger: Ledger,
    make_config: Callable[..., ExperimentConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tasks._LARGEST_CHORD == 256
    monkeypatch.setattr(tasks, "_LARGEST_CHORD", 4)
    search = {"n_calls": 10, "trials_per_round": 10, "type": "random"}
    config = make_config(
        {f"hyperparameter_optimizer.{key}": value for key, value in search.items()}
    )
    large = Ledger.create(ledger.directory.parent, config)
    sizes = []

    for _ in range(4):
        serve(connect(), 0)
        tasks.advance(large.id)
        sizes.append(len(sent(broker, "gpu0")))

    found = sent(broker, "gpu0")
    assert sizes == [4, 8, 10, 10]
    assert sorted(trial for trial, _ in found) == list(range(10))
    assert sorted(Counter(group for _, group in found).values()) == [2, 4, 4]
    assert all(chord == ["amc.tasks.advance", "amc.tasks.advance"] for chord in awaited(broker))


def awaited(broker: Any) -> list[list[str]]:
    """Of each message in the first queue, the tasks that its chord ends with, well or not."""
    prefix = tasks.app.conf.broker_transport_options["global_keyprefix"]
    found = []
    for raw in broker.lrange(f"{prefix}gpu0", 0, -1):
        _, _, embedded = json.loads(base64.b64decode(json.loads(raw)["body"]))
        body = embedded["chord"]
        found.append([body["task"], *(one["task"] for one in body["options"]["link_error"])])
    return found


def test_the_agent_is_on_the_disk_before_the_end_is(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), sync(file))
    )
    paths = ledger.paths.trial(0)
    file = CheckpointFile.of(paths.segment(0).checkpoints, 256, 1)
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(b"weights")
    file.digest_path.write_text(f"{hashlib.sha256(b'weights').hexdigest()}  {file.path.name}\n")
    name = str(file.path.relative_to(paths.directory))

    ledger.write_report(report(0, 2.0, checkpoint=name))
    for _ in range(2):
        for segment in ledger.history().outstanding:
            ledger.write_report(report(segment.trial, 1.0))
        tasks.advance(ledger.id)

    agent, end = ledger.paths.best_agent(".pt"), ledger.paths.end(0)
    assert synced.index(agent.stat().st_ino) < synced.index(end.stat().st_ino)


def test_checkpoints_that_a_trial_has_gone_on_from_are_removed(ledger: Ledger) -> None:
    def end(trial: int, index: int, step: int) -> CheckpointFile:
        paths = ledger.paths.trial(trial)
        file = CheckpointFile.of(paths.segment(index).checkpoints, step, 1)
        file.path.parent.mkdir(parents=True)
        for path in (file.path, file.digest_path):
            path.write_text("x")
        name = str(file.path.relative_to(paths.directory))
        ledger.write_report(report(trial, 1.0, index=index, step=step, checkpoint=name))
        return file

    firsts = [end(trial, 0, 256) for trial in (0, 1)]
    tasks.advance(ledger.id)
    firsts += [end(trial, 0, 256) for trial in (2, 3)]
    tasks.advance(ledger.id)
    ledger.ask(Request(0, "steps", steps=512, trials=(1,)))
    tasks.advance(ledger.id)
    at_work = [file.path.is_file() for file in firsts]
    longer = end(1, 1, 512)
    tasks.advance(ledger.id)

    assert at_work == [True] * 4
    assert [file.path.is_file() for file in firsts] == [True, False, True, True]
    assert longer.path.is_file() and not firsts[1].digest_path.exists()
    assert ledger.state == "completed"


def ended(ledger: Ledger, trial: int, score: float, *, index: int = 0, step: int = 256) -> Path:
    """A segment that has ended with a checkpoint; its file."""
    paths = ledger.paths.trial(trial)
    file = CheckpointFile.of(paths.segment(index).checkpoints, step, 1)
    file.path.parent.mkdir(parents=True)
    weights = f"{trial}/{index}".encode()
    file.path.write_bytes(weights)
    file.digest_path.write_text(f"{hashlib.sha256(weights).hexdigest()}  {file.path.name}\n")
    name = str(file.path.relative_to(paths.directory))
    ledger.write_report(
        report(trial, score, index=index, step=step, checkpoint=name, digest=str(trial))
    )
    return file.path


@pytest.fixture
def thinned(broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]) -> Ledger:
    """An experiment that keeps the best alone, with two trials that nobody trains."""
    made = Ledger.create(shared, make_config({"keep_checkpoints": "best"}))
    tasks.advance(made.id)
    return made


def test_where_the_best_is_kept_losers_lose_theirs_once_it_is_known_that_they_are(
    thinned: Ledger,
) -> None:
    files = [ended(thinned, 0, 1.0), ended(thinned, 1, 2.0)]
    tasks.advance(thinned.id)
    after_a_round = [path.is_file() for path in files]
    files += [ended(thinned, 2, 3.0), ended(thinned, 3, 0.0)]
    tasks.advance(thinned.id)

    assert after_a_round == [False, True]
    assert [path.is_file() for path in files] == [False, False, True, False]
    assert thinned.state == "completed"
    assert thinned.paths.best_agent(".pt").read_bytes() == b"2/0"


def test_an_earlier_winner_s_agent_is_never_taken_for_another_s(thinned: Ledger) -> None:
    for trials in ((0, 1), (2, 3)):
        for trial in trials:
            ended(thinned, trial, 5.0 - trial)
        tasks.advance(thinned.id)
    agent = thinned.paths.best_agent(".pt")
    before = agent.read_bytes()

    thinned.ask(Request(0, "steps", steps=512, trials=(0,)))
    tasks.advance(thinned.id)
    longer = ended(thinned, 0, 1.0, index=1, step=512)
    tasks.advance(thinned.id)

    assert before == b"0/0"
    assert json.loads(thinned.paths.best.read_text())["number"] == 1
    assert not agent.exists()
    assert longer.is_file(), "who was given steps keeps what came of it"
