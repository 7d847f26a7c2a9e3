import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from amc.cli import main


@pytest.fixture
def validate() -> Callable[..., Result]:
    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, ["validate", *map(str, arguments)])

    return invoke


@pytest.fixture
def good(searching: Any, write: Callable[..., Path]) -> Path:
    return write(json.dumps(searching({"learning_rate": [1e-4, 1e-2]})), "good.json")


def test_a_sound_config_is_summed_up_on_standard_output(validate: Any, good: Path):
    result = validate(good)

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{good}: ok, ppo on CartPole-v1, 1000 steps, random search, 4 trials",
        "  learning_rate: 0.0001 to 0.01, log scale",
    ]
    assert result.stderr == ""


def test_one_bad_file_among_good_ones_decides_the_exit_code(
    validate: Any, good: Path, write: Callable[..., Path]
):
    bad = write("{}", "bad.json")

    result = validate(bad, good)

    assert result.exit_code == 2
    assert f"{good}: ok" in result.stdout
    assert f"{bad}:1:1: training: required" in result.stderr
    assert "bad.json" not in result.stdout


def test_warnings_go_to_standard_error_and_do_not_refuse(
    validate: Any, base: dict[str, Any], write: Callable[..., Path]
):
    path = write(json.dumps({**base, "algorithm_config": {"tau": 0.1}}))

    result = validate(path)

    assert result.exit_code == 0
    assert "warning: algorithm_config.tau: `tau` belongs to ddpg" in result.stderr
    assert "one trial" in result.stdout


def test_json_holds_every_file_with_its_faults(
    validate: Any, good: Path, write: Callable[..., Path]
):
    bad = write('{"experiment_name": 1}', "bad.json")

    result = validate("--json", good, bad)

    reports = json.loads(result.stdout)
    assert result.exit_code == 2
    assert [report["valid"] for report in reports] == [True, False]
    assert {fault["path"]: fault["line"] for fault in reports[1]["faults"]} == {
        "experiment_name": 1,
        "algorithm": 1,
        "environment": 1,
        "training": 1,
    }


def test_an_overlay_is_laid_over_each_file(validate: Any, good: Path, write: Callable[..., Path]):
    overlay = write('{"training": {"total_timesteps": 7}}', "overlay.json")

    result = validate(good, "--overlay", overlay)

    assert ", 7 steps" in result.stdout


def test_without_a_file_the_usage_is_shown(validate: Any):
    result = validate()

    assert result.exit_code == 2
    assert "Usage:" in result.stderr
