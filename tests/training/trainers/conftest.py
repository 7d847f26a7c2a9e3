"""Trainers of the user's own, as scripts and functions that do what a test says."""

import os
import shlex
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.ledger import Trial
from amc.ledger.records import Segment
from amc.training.trial import TrialContext, TrialOutcome
from amc.workers.base import BaseWorker

Own = Callable[..., ExperimentConfig]
Run = Callable[..., TrialOutcome]

PACKAGES = Path(__file__).parents[3]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Own:
    """A factory of configs whose trials a script trains, or a shell; the command is allowed."""
    code = tmp_path / "code"
    code.mkdir()
    monkeypatch.setenv("AMC_ALLOW_SOURCES", str(tmp_path))

    def make(script: str, *, shell: bool = False, **more: Any) -> ExperimentConfig:
        path = code / ("train.sh" if shell else "train.py")
        path.write_text(textwrap.dedent(script))
        # A script of the user's own need not have amc, unless it imports it.
        command = ["sh", path.name] if shell else [sys.executable, "-S", path.name]
        config = {
            "experiment_name": "own",
            "command": [*command, *more.pop("arguments", [])],
            "source": str(code),
            "env": {"PYTHONPATH": str(PACKAGES)},
            "training": {"total_timesteps": 1000, "eval_freq": 100, "stall_timeout": 60},
            **more,
        }
        monkeypatch.setenv("AMC_ALLOW_COMMANDS", f"PYTHONPATH={PACKAGES} {shlex.join(command)}")
        return ConfigLoader().from_mapping(config, source="test")

    return make


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Own:
    """A factory of configs whose trials the function `train` of a module trains; it is allowed."""
    code = tmp_path / "code"
    code.mkdir(exist_ok=True)
    monkeypatch.setenv("AMC_ALLOW_SOURCES", str(tmp_path))

    def make(module: str, *, name: str = "train", **more: Any) -> ExperimentConfig:
        stem = f"own_{os.getpid()}_{abs(hash(str(tmp_path)))}"
        (code / f"{stem}.py").write_text(textwrap.dedent(module))
        monkeypatch.setenv("AMC_ALLOW_MODULES", stem)
        config = {
            "experiment_name": "own",
            "trainer": f"{stem}:{name}",
            "source": str(code),
            "training": {"total_timesteps": 1000, "eval_freq": 100},
            **more,
        }
        return ConfigLoader().from_mapping(config, source="test")

    return make


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A factory of the successive attempts at one trial, or at a segment of it."""
    made = 0

    def make(
        config: ExperimentConfig,
        *,
        segment: Segment | None = None,
        hyperparameters: dict[str, Any] | None = None,
        **hooks: Any,
    ) -> TrialOutcome:
        nonlocal made
        made += 1
        directory = tmp_path / "trial"
        context = TrialContext(
            trial=Trial(number=7, hyperparameters=hyperparameters or {}, seed=config.seed),
            attempt=made,
            directory=hooks.pop("directory", directory),
            tensorboard=tmp_path / "tensorboard",
            segment=segment,
            **hooks,
        )
        return BaseWorker(0, config, directory, trial=context).run()

    return make
