"""A disk that is full at every record in turn, or cannot be written for a while: a real tmpfs."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amc import tasks
from amc.celery import send_wake
from amc.ledger import Ledger
from amc.verify import verify
from amc.workers.attempts import supervise
from tests.faults.conftest import StartWorker, outcome

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(400)]

Wait = Callable[..., Any]
MAY_MOUNT = os.geteuid() == 0
PAGE = 4096
SEARCH = {"n_calls": 4, "test_seeds": 0}


@pytest.fixture
def small_disk(broker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shared directory on a disk of 64 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "amc-test", str(place)]
    if not MAY_MOUNT or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk of its own can be mounted by root alone, where mounting is allowed")
    monkeypatch.setenv("AMC_SHARED_DIR", str(place / "shared"))
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


class Filler:
    """A file that takes the room that a disk has left."""

    def __init__(self, disk: Path) -> None:
        self._disk, self._path = disk, disk / "filler"

    def fill(self, pages_left: int = 0) -> None:
        """Leave so many pages."""
        free = os.statvfs(self._disk).f_bavail * PAGE
        size = self._path.stat().st_size if self._path.exists() else 0
        with self._path.open("ab") as file:
            os.posix_fallocate(file.fileno(), size, max(PAGE, free - pages_left * PAGE))

    def free(self) -> None:
        """Give all of it back."""
        self._path.unlink(missing_ok=True)


def drive(ledger: Ledger) -> None:
    """Be driver and worker until it has ended."""
    while not ledger.is_finished:
        tasks.advance(ledger.id)
        for segment in ledger.history().outstanding:
            supervise(ledger, segment.trial, worker="rl-worker-0", queue="gpu0")


def wanted(make_experiment: Callable[..., Ledger]) -> list[Any]:
    """What comes out on a disk with room."""
    ledger = make_experiment(**SEARCH)
    drive(ledger)
    return outcome(ledger)


def test_a_disk_that_is_full_at_any_record_of_the_driver_s_costs_nothing_but_time(
    small_disk: Path, make_experiment: Callable[..., Ledger]
) -> None:
    expected, filler = wanted(make_experiment), Filler(small_disk)

    for pages in range(0, 26, 2):
        ledger = make_experiment(**SEARCH)
        while not ledger.is_finished:
            filler.fill(pages)
            tasks.advance(ledger.id)
            filler.free()
            tasks.advance(ledger.id)
            for segment in ledger.history().outstanding:
                supervise(ledger, segment.trial, worker="rl-worker-0", queue="gpu0")

        assert (ledger.state, outcome(ledger)) == ("completed", expected), pages
        assert verify(ledger) == [], pages
        assert not list(ledger.directory.rglob("*.tmp")), pages


def test_a_disk_that_is_full_every_other_moment_costs_no_trial_an_attempt(
    small_disk: Path,
    make_experiment: Callable[..., Ledger],
    start_worker: StartWorker,
    eventually: Wait,
) -> None:
    expected = wanted(make_experiment)
    filler, is_over = Filler(small_disk), threading.Event()
    ledger = make_experiment({"training.max_attempts": 1}, **SEARCH)
    start_worker()

    def fill_and_free() -> None:
        pages = 0
        while not is_over.wait(0.4):
            with contextlib.suppress(OSError):
                filler.fill(pages % 24)
            is_over.wait(0.4)
            filler.free()
            pages += 1

    harm = threading.Thread(target=fill_and_free)
    harm.start()
    send_wake(ledger.id)
    try:
        eventually(lambda: ledger.is_finished, 300)
    finally:
        is_over.set()
        harm.join()
        filler.free()

    assert ledger.state == "completed"
    assert outcome(ledger) == expected
    assert verify(ledger) == []


def test_a_directory_that_can_only_be_read_for_a_while_ends_nothing(
    small_disk: Path, make_experiment: Callable[..., Ledger]
) -> None:
    expected = wanted(make_experiment)
    ledger = make_experiment(**SEARCH)

    for _ in range(2):
        remount(small_disk, "ro")
        tasks.advance(ledger.id)
        said = ledger.state
        remount(small_disk, "rw")
        tasks.advance(ledger.id)
        for segment in ledger.history().outstanding:
            supervise(ledger, segment.trial, worker="rl-worker-0", queue="gpu0")
    drive(ledger)

    assert said == "running"
    assert (ledger.state, outcome(ledger)) == ("completed", expected)
    assert verify(ledger) == []


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)
