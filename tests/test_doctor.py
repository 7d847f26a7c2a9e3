"""What `amc doctor` finds, where something is wrong and where nothing is."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from amc.broker.keys import claim
from amc.cli import main
from amc.doctor import Finding, computing, dispatching, drawing, software, storage
from amc.doctor.probing import Probe
from amc.ledger import files


def states(findings: Iterator[Finding]) -> dict[str, str]:
    return {finding.check: finding.state for finding in findings}


# -- the shared directory


def test_a_directory_that_can_be_written_and_linked_in_is_well_and_stays_as_it_is(tmp_path: Path):
    found = states(storage.directory(tmp_path))

    assert found["shared"] == found["room"] == "ok"
    assert not list(tmp_path.iterdir())


def test_one_that_is_not_there_yet_is_looked_at_where_it_will_be(tmp_path: Path):
    first, *_ = storage.directory(tmp_path / "a" / "b")

    assert first.state == "ok"
    assert "not there yet" in first.told
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("number", "told"), [(errno.EPERM, "cannot be written"), (errno.EOPNOTSUPP, "hard links")]
)
def test_one_that_takes_no_links_is_a_fault(
    number: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)

    (only,) = storage.directory(tmp_path)

    assert only.state == "fault"
    assert told in only.told
    assert only.advice


def test_a_full_disk_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "LEAST_ROOM_BYTES", 2**62)
    monkeypatch.setattr(files.has_room, "__defaults__", (2**62,))

    assert states(storage.directory(tmp_path))["room"] == "fault"


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/x /mnt/nfs nfs4 rw,lookupcache=positive,actimeo=1 0 0
server:/y /mnt/nfs/slow nfs4 rw,lookupcache=all 0 0
//host/z /mnt/my\\040share cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/somewhere", "ext4"),
        ("/mnt/nfs/a", "nfs4"),
        ("/mnt/nfs/slow/a", "nfs4"),
        ("/mnt/my share/a", "cifs"),
        ("/mnt/nfsx", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_innermost_mount(place: str, kind: str, tmp_path: Path):
    (tmp_path / "mounts").write_text(MOUNTS)

    assert storage.mounted(Path(place), tmp_path / "mounts")[0] == kind


@pytest.mark.parametrize(("mount", "state"), [("slow", "warning"), ("a", "ok")])
def test_nfs_is_asked_for_the_options_that_several_machines_need(
    mount: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "mounts").write_text(MOUNTS)
    monkeypatch.setattr(storage, "_MOUNTS", tmp_path / "mounts")

    found = list(storage._file_system(Path("/mnt/nfs") / mount))

    assert [one.state for one in found] == [state]


# -- the broker


@pytest.mark.engine
def test_a_broker_that_answers_is_well_and_so_is_its_clock(broker: Any, shared: Path):
    claim(shared)

    found = list(dispatching.broker(shared))

    assert [(one.check, one.state) for one in found] == [("broker", "ok"), ("clock", "ok")]
    assert "append-only file" in found[0].told
    assert "ms" in found[0].told


@pytest.mark.engine
def test_a_broker_that_forgets_and_a_clock_that_is_off_are_told(
    broker: Any, shared: Path, monkeypatch: pytest.MonkeyPatch
):
    broker.config_set("maxmemory-policy", "allkeys-lru")
    monkeypatch.setattr(dispatching.time, "time", lambda: 1.0)

    found = states(dispatching.broker(shared))

    broker.config_set("maxmemory-policy", "noeviction")
    assert found["broker memory"] == found["clock"] == "warning"


def test_a_broker_that_was_named_and_is_not_there_is_a_fault_without_its_password(
    shared: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_BROKER_URL", "redis://:hunter22@127.0.0.1:1/0")

    (only,) = dispatching.broker(shared)

    assert only.state == "fault"
    assert "hunter22" not in only.told + only.advice


def test_without_a_fleet_its_broker_need_not_be_up(shared: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AMC_BROKER_URL")

    found = [*dispatching.broker(shared), *dispatching.fleet(shared)]

    assert [one.state for one in found] == ["ok", "ok"]
    assert "amc up" in found[0].told
    assert "amc up" in found[1].advice


# -- software, processors, GPUs


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(software, "_required", lambda: ["numpy", "no-such-package"])

    found = {one.check: one for one in software.versions()}

    assert found["packages"].state == "fault"
    assert found["packages"].told == "not installed: no-such-package"


def test_here_everything_is_installed():
    assert set(states(software.versions()).values()) == {"ok"}
    assert {"numpy", "torch", "redis", "click"} <= set(software._required())


@pytest.mark.parametrize(
    ("cuda", "gpus", "present", "state"),
    [
        (None, [], {}, "ok"),
        ("13.0", ["H100", "H100"], {0: "0", 1: "1"}, "ok"),
        (None, [], {0: "0"}, "warning"),
        ("13.0", [], {0: "0"}, "fault"),
    ],
)
def test_gpus_that_torch_does_not_reach_are_told(
    cuda: str | None,
    gpus: list[str],
    present: dict[int, str],
    state: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(computing, "devices", lambda: present)
    answer = {"libraries": {}, "torch": "2.13.0", "cuda": cuda, "gpus": gpus}

    (only,) = computing.gpus(SimpleNamespace(answer=answer))

    assert only.state == state
    assert bool(only.advice) == (state != "ok")
    assert ("2 x H100" in only.told) == (len(gpus) == 2)


# -- drawing


def test_a_picture_is_really_drawn():
    found = Probe("CartPole-v1", SDL_VIDEODRIVER="dummy").answer

    assert (found["width"], found["height"], found["is_blank"]) == (600, 400, False)


def test_what_cannot_be_drawn_says_why_and_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    failed = SimpleNamespace(answer={"failed": "AttributeError: no libOSMesa"})

    (only,) = drawing.findings({"Hopper-v5": ("osmesa", failed)})

    assert only.state == "warning"
    assert "no libOSMesa" in only.told
    assert "libosmesa6" in only.advice


def test_a_probe_that_dies_or_says_nothing_is_an_answer_too():
    assert "NameNotFound" in Probe("Nope-v1").answer["failed"]
    assert Probe("CartPole-v1", PYTHONHOME="/nowhere").answer["failed"]


# -- the command


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warning", 0), ("fault", 1)])
def test_a_fault_is_an_exit_code(state: Any, code: int, monkeypatch: pytest.MonkeyPatch):
    found = [Finding("broker", state, "it [bold]is[/] so", "mend it")]
    monkeypatch.setattr("amc.doctor.examine", lambda shared: iter(found))

    told = CliRunner().invoke(main, ["doctor"])
    document = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)

    assert told.exit_code == code
    assert state in told.stdout and "it [bold]is[/] so" in told.stdout
    assert "-> mend it" in told.stdout
    assert document["findings"][0]["state"] == state
    assert document["counts"][state] == 1


@pytest.mark.slow
def test_this_machine_is_looked_at_whole(shared: Path):
    process = subprocess.run(
        [sys.executable, "-m", "amc", "doctor", "--json"], capture_output=True, text=True
    )

    checks = [one["check"] for one in json.loads(process.stdout)["findings"]]
    assert {"software", "shared", "broker", "numerics", "gpu", "ffmpeg"} <= set(checks)
    assert {"film CartPole", "film LunarLander", "film Hopper"} <= set(checks)
