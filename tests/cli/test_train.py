"""`amc train`: one config, trained once in this process."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from amc.cli import main
from amc.workers.threads import THREAD_VARIABLES

CONFIG = {
    "experiment_name": "small",
    "algorithm": "ppo",
    "algorithm_config": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2},
    "environment": {"name": "CartPole-v1", "max_episode_steps": 60},
    "training": {"total_timesteps": 256, "eval_freq": 128, "eval_episodes": 2},
}


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config file in an empty working directory; what a command leaves in this process goes."""
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, "1")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.json"
    path.write_text(json.dumps(CONFIG))
    logger = logging.getLogger("amc")
    before = logger.handlers[:], logger.propagate, logger.level
    yield path
    logger.handlers[:], logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def amc(*words):
    return CliRunner().invoke(main, ["train", *map(str, words)])


def result(words):
    ran = amc(*words, "--json")
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def test_the_result_is_printed_and_progress_is_kept_apart(config):
    ran = amc(config)

    printed = dict(line.split(maxsplit=1) for line in ran.stdout.splitlines())
    assert ran.exit_code == 0
    assert list(printed) == ["score", "steps", "seconds", "environment", "checkpoint", "digest"]
    assert printed["steps"] == "256"
    assert Path(printed["checkpoint"]).parent == Path("runs/small/checkpoints")
    assert re.match(r"step 128/256  score [\d.]+ ± [\d.]+\nstep 256/256", ran.stderr)


def test_the_result_is_recorded_beside_the_config(config):
    shown = result([config, "--out", "here"])

    recorded = json.loads(Path("here/result.json").read_text())
    assert recorded["state"] == "completed"
    assert {key: recorded[key] for key in ("score", "steps", "digest", "environment")} == {
        key: shown[key] for key in ("score", "steps", "digest", "environment")
    }
    assert Path("here", recorded["checkpoint"]) == Path(shown["checkpoint"])
    assert amc("here/config.json", "--out", "again").exit_code == 0


def test_options_change_what_is_trained(config):
    Path("overlay.json").write_text('{"algorithm_config": {"gamma": 0.9}}')

    plain = result([config, "--out", "a"])
    seeded = result([config, "--out", "b", "--seed", 1])
    shorter = result([config, "--out", "c", "--set", "training.total_timesteps=128"])
    result([config, "--out", "d", "--overlay", "overlay.json"])

    assert seeded["digest"] != plain["digest"]
    assert shorter["steps"] == 128
    assert json.loads(Path("b/config.json").read_text())["seed"] == 1
    assert json.loads(Path("d/config.json").read_text())["algorithm_config"]["gamma"] == 0.9


def test_a_config_of_many_seeds_trains_one_and_says_how_to_train_all(config):
    ran = amc(config, "--set", "seeds=5", "--set", "seed=8")

    assert ran.exit_code == 0
    assert "this trains one of 5, seed 8" in ran.stderr
    assert "add --seeds 5" in ran.stderr
    assert result([config, "--seed", 8, "--out", "one"])["digest"] in ran.stdout


@pytest.mark.parametrize("option", [["--out", "x"], ["--resume"]])
def test_several_seeds_are_an_experiment_and_have_no_directory_of_their_own(config, option):
    ran = amc(config, "--seeds", 3, *option)

    assert ran.exit_code == 2
    assert f"{option[0]}: with --seeds it is an experiment" in ran.stderr
    assert not Path("distributed_shared").exists()


def test_an_earlier_run_is_never_overwritten(config):
    Path("runs/small").mkdir(parents=True)
    Path("runs/small/precious").write_text("kept")

    refused = amc(config)

    assert refused.exit_code == 2
    assert "runs/small: not empty" in refused.stderr
    assert "--resume" in refused.stderr
    assert "--out" in refused.stderr
    assert [path.name for path in Path("runs/small").iterdir()] == ["precious"]


def test_resume_goes_on_where_there_is_a_run_and_starts_where_there_is_none(config):
    started = result([config, "--resume"])

    again = result([config, "--resume"])

    assert again["digest"] == started["digest"]
    assert sorted(path.name for path in Path("runs/small/metrics").iterdir()) == ["0001.jsonl"]


def test_a_run_that_is_done_goes_on_for_longer_and_says_what_that_means(config):
    result([config, "--timesteps", "128"])

    longer = amc(config, "--resume", "--json")

    assert json.loads(longer.stdout)["steps"] == 256
    assert "it ends at step 256: " in longer.stderr


def test_resuming_with_another_config_says_what_differs(config):
    result([config])

    refused = amc(config, "--resume", "--set", "algorithm_config.gamma=0.5")

    assert refused.exit_code == 2
    assert "algorithm_config.gamma is 0.99 there and 0.5 here" in refused.stderr


def test_an_absent_gpu_is_refused_before_anything_is_written(config):
    refused = amc(config, "--set", "training.device=cuda:99")

    assert refused.exit_code == 2
    assert (
        "training.device: 'cuda:99' does not exist here. This process sees: cpu" in refused.stderr
    )
    assert "or 'auto'." in refused.stderr
    assert [path.name for path in Path().iterdir()] == ["small.json"]


def test_the_libraries_are_told_how_many_threads_to_use(config):
    result([config, "--set", "training.threads=2", "--set", "training.total_timesteps=64"])

    assert {os.environ[name] for name in THREAD_VARIABLES} == {"2"}


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [
        pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
        pytest.param(signal.SIGINT, 130, id="SIGINT", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, id="SIGHUP", marks=pytest.mark.slow),
        pytest.param(signal.SIGQUIT, 131, id="SIGQUIT", marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_a_checkpoint_and_resuming_gives_the_same_bits(config, number, exit_code):
    # Slow enough to be caught between its first evaluation and its end.
    slow = ("total_timesteps=2048", "eval_freq=256", "kernel=reference")
    words = [config, "--set", "algorithm_config.n_epochs=8"]
    for change in slow:
        words += ["--set", f"training.{change}"]
    undisturbed = result([*words, "--out", "undisturbed"])

    command = [sys.executable, "-m", "amc", "train", *map(str, words), "--out", "stopped"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as victim:
        victim.stderr.readline()
        victim.send_signal(number)
        told = victim.stderr.read().splitlines()[-1]
    resumed = result([*words, "--out", "stopped", "--resume"])

    assert victim.returncode == exit_code
    assert re.match(r"amc: interrupted at step \d+, with a checkpoint. .* --resume", told)
    assert resumed["digest"] == undisturbed["digest"]
    assert resumed["score"] == undisturbed["score"]


@pytest.mark.engine
@pytest.mark.parametrize("resumable", [True, False])
def test_a_script_that_is_interrupted_is_said_to_go_on_or_to_begin_again(config, resumable):
    script = """
        step = trial.from_step + 100
        trial.report(step, 1)
        (trial.directory / "m").write_text("1")
        trial.save(trial.directory / "m") if SAVES else None
        os.kill(os.getppid(), signal.SIGINT)
        while step == 100 and not trial.should_stop(): time.sleep(0.01)
    """.replace("SAVES", str(resumable))
    lines = ["import os, signal, time", "from amc import trial", *script.strip().splitlines()]
    Path("train.py").write_text("\n".join(line.strip() for line in lines))
    own = {"command": [sys.executable, "train.py"], "resumable": resumable}
    training = {"total_timesteps": 200}
    config.write_text(json.dumps({"experiment_name": "own", **own, "training": training}))

    ran = amc(config, "--allow")

    assert ran.exit_code == 130, ran.output
    how = (
        "with a checkpoint. To go on"
        if resumable
        else "without a checkpoint to go on from. To begin again"
    )
    assert ran.stderr.splitlines()[-1].startswith(f"amc: interrupted at step 100, {how}, give")
