"""What compiling costs, where its result is kept, and that the result is the same everywhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from amc import compilation
from amc.algorithms.kernels import elementwise

LOAD = """
import time, torch, amc.algorithms.ppo_learner, amc.algorithms.ddpg_learner, amc.environments
began = time.process_time()
import amc.algorithms.kernels.ppo, amc.algorithms.kernels.ddpg
print(time.process_time() - began)
"""

UPDATE = """
import hashlib
import numpy as np, torch
from amc.algorithms.base import ignore
from amc.algorithms.kernels.ppo import FastPPOLearner
from amc.algorithms.networks import ActorCritic
from amc.algorithms.rollout import Rollout
from amc.config.hyperparameters import PPOHyperparameters
from amc.config.schema import OptimizerConfig

settings = PPOHyperparameters()
network = ActorCritic(17, 6, discrete=False, hidden_sizes=(64, 64), activation="tanh")
network.initialize(torch.Generator().manual_seed(0), orthogonal=True)
optimizer = OptimizerConfig(type="adam", learning_rate=1e-3)
learner = FastPPOLearner(
    network, optimizer, settings=settings, device=torch.device("cpu"), mark=ignore
)
draw = np.random.default_rng(0)
shapes = (999, 17), (999, 6), 999, 999, 999
parts = [draw.standard_normal(shape).astype(np.float32) for shape in shapes]
order = draw.permuted(np.tile(np.arange(999), (4, 1)), axis=1)
learner.update(Rollout(*parts), order, 1e-3)
actions = learner.act(parts[0], parts[1])
print(hashlib.sha256(learner.parameters.numpy().tobytes() + actions.tobytes()).hexdigest())
"""


def run(code: str, **environment: str) -> str:
    """What a process of its own prints."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return process.stdout.strip()


@pytest.mark.slow
def test_machine_code_on_disk_loads_within_a_second():
    seconds = min(float(run(LOAD)) for _ in range(2))

    assert seconds < 1


@pytest.mark.slow
def test_compiling_takes_less_than_half_a_minute(tmp_path: Path):
    seconds = float(run(LOAD, NUMBA_CACHE_DIR=str(tmp_path)))

    assert 1 < seconds < 30


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_of_processes_that_start_side_by_side_one_compiles(tmp_path: Path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", LOAD]

    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    seconds = [float(process.communicate()[0]) for process in started]

    alone = float(run(LOAD, NUMBA_CACHE_DIR=str(tmp_path / "other")))
    assert sum(seconds) < 1.5 * alone + 2


@pytest.mark.slow
def test_another_process_with_more_threads_gives_the_same_bits():
    digests = {run(UPDATE, OPENBLAS_NUM_THREADS=threads) for threads in ("1", "2")}

    assert len(digests) == 1


def test_a_changed_source_has_a_cache_of_its_own(tmp_path: Path):
    room = tmp_path / "room"
    shutil.copytree(Path(elementwise.__file__).parent, room)
    before = compilation.source_digest(room)
    with (room / "descent.py").open("a") as file:
        file.write("# changed\n")

    after = compilation.source_digest(room)

    assert before == compilation.source_digest(Path(elementwise.__file__).parent)
    assert after != before


def test_the_user_decides_where_machine_code_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(compilation._config, "CACHE_DIR", str(tmp_path))

    directory = compilation.cache_directory()

    assert directory is not None
    assert directory.parent == tmp_path
    assert directory.is_dir()


def test_without_a_place_for_machine_code_there_is_a_warning_and_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(compilation._config, "CACHE_DIR", str(file))
    monkeypatch.setattr(compilation, "_PACKAGE", file)
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))

    directory = compilation.cache_directory()

    assert directory is None
    assert "NUMBA_CACHE_DIR" in caplog.text


def test_the_hyperbolic_tangent_is_right_to_the_last_digits():
    tanh = elementwise.tanh

    @njit
    def apply(values):
        return np.array([tanh(value) for value in values], np.float32)

    x = np.concatenate([np.linspace(-12, 12, 20_001), np.logspace(-30, 1, 20_000)])
    x = x.astype(np.float32)
    found, wanted = apply(x), np.tanh(x.astype(np.float64))

    np.testing.assert_allclose(found, wanted, rtol=5e-7)
    assert np.abs(found).max() <= 1
    assert np.isnan(apply(np.array([np.nan], np.float32)))
    np.testing.assert_allclose(apply(np.array([-np.inf, np.inf], np.float32)), [-1, 1], rtol=1e-7)
