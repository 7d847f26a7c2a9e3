import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from amc.cli.options import config_options
from amc.cli.reading import read_config
from amc.errors import ConfigError


@click.command()
@config_options
def show_config(config_path, overrides, overlays):
    """Print the config that the options give."""
    click.echo(json.dumps(read_config(config_path, overrides, overlays).to_json()))


def run(*arguments: object) -> dict:
    outcome = CliRunner().invoke(show_config, list(map(str, arguments)), catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.stderr
    return json.loads(outcome.stdout)


def test_set_changes_one_value(config_path: Path):
    config = run(config_path, "--set", "training.total_timesteps=50000", "--set", "seed=7")

    assert config["training"]["total_timesteps"] == 50_000
    assert config["seed"] == 7


def test_a_value_that_is_no_json_is_a_string(config_path: Path):
    config = run(config_path, "--set", "optimizer.type=sgd", "--set", 'description="a b"')

    assert config["optimizer"]["type"] == "sgd"
    assert config["description"] == "a b"


def test_nan_is_no_number(config_path: Path):
    with pytest.raises(ConfigError, match="learning_rate"):
        run(config_path, "--set", "optimizer.learning_rate=NaN")


def test_a_value_may_hold_an_equals_sign(config_path: Path):
    config = run(config_path, "--set", "description=a=b")

    assert config["description"] == "a=b"


@pytest.mark.parametrize("assignment", ["seed", "=3", ""])
def test_what_is_not_key_and_value_is_refused(config_path: Path, assignment: str):
    outcome = CliRunner().invoke(show_config, [str(config_path), "--set", assignment])

    assert outcome.exit_code == 2
    assert "is not KEY=VALUE" in outcome.stderr


def test_later_overlays_lie_on_top_and_set_on_top_of_them(config_path: Path, tmp_path: Path):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text('{"seed": 1, "description": "first"}')
    second.write_text('{"seed": 2, "training": {"eval_freq": 512}}')

    config = run(config_path, "--overlay", first, "--overlay", second, "--set", "seed=3")

    assert config["seed"] == 3
    assert config["description"] == "first"
    assert config["training"]["eval_freq"] == 512
    assert config["training"]["total_timesteps"] == 2048


def test_warnings_go_to_standard_error(tmp_path: Path, config_path: Path):
    config = {**json.loads(config_path.read_text()), "algorithm_config": {"tau": 0.005}}
    config_path.write_text(json.dumps(config))

    outcome = CliRunner().invoke(show_config, [str(config_path)])

    assert outcome.exit_code == 0
    assert "warning: " in outcome.stderr
    assert "tau" in outcome.stderr
    json.loads(outcome.stdout)
