"""Fixtures of the config room: a small sound config, files, and plug-ins as if installed."""

import copy
import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BASE = {
    "experiment_name": "test",
    "algorithm": "ppo",
    "environment": {"name": "CartPole-v1"},
    "training": {"total_timesteps": 1000},
}
SEARCH = {"type": "random", "n_calls": 4, "search_space": {"learning_rate": [1e-4, 1e-2]}}


@pytest.fixture
def base() -> dict[str, Any]:
    """The least that a config must hold."""
    return copy.deepcopy(BASE)


@pytest.fixture
def searching(base: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """A factory: the base with a search over this space, and other changes at the top."""

    def make(space: Any, **changes: Any) -> dict[str, Any]:
        search = {**SEARCH, "search_space": space}
        return {**base, "hyperparameter_optimizer": search, **changes}

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A factory of files from text or bytes."""

    def make(content: str | bytes, name: str = "config.json") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a distribution: one module, and entry points by group."""

    def install(module: str, code: str, entry_points: dict[str, str]) -> None:
        site = tmp_path / "site"
        information = site / f"{module}-1.0.dist-info"
        information.mkdir(parents=True)
        (site / f"{module}.py").write_text(code)
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n"
        )
        lines = [f"[{group}]\n{line}\n" for group, line in entry_points.items()]
        (information / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


@pytest.fixture(scope="module")
def nothing_old_to_collect() -> Iterator[None]:
    """Keep what earlier tests left out of collections: they take a second, and count as ours."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
