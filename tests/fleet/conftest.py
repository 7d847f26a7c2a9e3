"""A shared directory with a fleet of its own, taken down and swept up after the test."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amc import fleet
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.state import FleetState, living
from amc.settings import embedded_directory


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shared directory whose broker is an embedded one, on a machine without GPUs."""
    directory = tmp_path / "shared"
    monkeypatch.setenv("AMC_SHARED_DIR", str(directory))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("AMC_BROKER_URL", raising=False)
    yield directory
    fleet.down(at_once=True)
    shutil.rmtree(embedded_directory(directory), ignore_errors=True)


@pytest.fixture
def paths(shared: Path) -> FleetPaths:
    """The files of this machine's fleet in that directory."""
    return FleetPaths(shared)


@pytest.fixture
def state(paths: FleetPaths) -> Callable[[], FleetState]:
    """What the living supervisor says, now."""

    def read() -> FleetState:
        found = living(paths.state)
        assert found is not None, "no fleet is up"
        return found

    return read


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    """Wait for a condition; fails after 90 s."""

    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + 90
        while not condition():
            assert time.monotonic() < end, "it did not happen within 90 s"
            time.sleep(0.01)

    return wait
