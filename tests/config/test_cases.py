"""Configs that people, and attackers, really write: the bad are refused, the good load."""

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from amc.cli import main
from amc.config.loader import ConfigLoader
from amc.errors import ConfigError

CASES = Path(__file__).parent / "cases"


def cases(file: str) -> list[Any]:
    lines = (CASES / file).read_text(encoding="utf-8").splitlines()
    return [pytest.param(case, id=case["name"]) for case in map(json.loads, lines)]


BAD, GOOD = cases("bad_configs.jsonl"), cases("good_configs.jsonl")
BASE_TEXT = next(case.values[0]["text"] for case in GOOD if case.id == "base")


def written(case: dict[str, Any], directory: Path) -> Path:
    """The case's file, whatever kind of file it is."""
    path = directory / "config.json"
    match case["name"]:
        case "file_missing":
            return directory / case["file"]
        case "file_fifo":
            os.mkfifo(path)
        case "file_proc_symlink":
            path.symlink_to("/proc/self/mem")
        case "file_huge_64MiB":
            path.write_text(BASE_TEXT)
            os.truncate(path, 64 * 2**20)  # sparse: as large for a reader, and quickly made
        case "file_directory":
            path.mkdir()
        case _ if "file" in case:
            path.write_text(case["file"].replace("\\n", "\n"))
        case _ if "text" in case:
            path.write_bytes(case["text"].encode("utf-8", "surrogatepass"))
        case _:
            path.write_bytes(base64.b64decode(case["base64"]))
    return path


@pytest.mark.parametrize("case", BAD)
def test_a_bad_config_is_refused_where_it_is_wrong(case: dict[str, Any], tmp_path: Path):
    path = written(case, tmp_path)
    began = time.perf_counter()

    result = CliRunner().invoke(main, ["validate", str(path)])

    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    for name in case["path"].split(";"):
        assert f"{name}: " in result.stderr or f"{name} " in result.stderr
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("case", GOOD)
def test_a_good_config_is_accepted(case: dict[str, Any], tmp_path: Path):
    path = written(case, tmp_path)

    result = CliRunner().invoke(main, ["validate", str(path)])

    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("case", GOOD)
def test_a_good_config_survives_the_ledger(case: dict[str, Any], tmp_path: Path):
    config = ConfigLoader().load_config(written(case, tmp_path))

    stored = json.loads(json.dumps(config.to_json(), allow_nan=False))

    assert ConfigLoader().from_mapping(stored, source="experiment.json") == config


def test_every_kind_of_file_is_tried():
    kinds = {case.id for case in BAD if "file" in case.values[0]}

    assert kinds == {
        "file_missing",
        "file_fifo",
        "file_proc_symlink",
        "file_huge_64MiB",
        "file_yaml",
    }


def test_validating_in_a_fresh_process_is_quick_and_loads_nothing_heavy(tmp_path: Path):
    path = tmp_path / "config.json"
    path.write_text(BASE_TEXT.replace("CartPole-v1", "CartPol-v1"))
    code = (
        "import sys\nfrom amc.cli import main\n"
        "try:\n    main(['validate', sys.argv[1]])\n"
        "finally:\n    print('LOADED', *sys.modules, file=sys.stderr)"
    )

    began = os.times()
    process = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True
    )
    spent_s = os.times().children_user - began.children_user

    assert process.returncode == 2
    loaded = set(process.stderr.partition("LOADED")[2].split())
    assert not loaded & {"torch", "gymnasium", "celery", "numpy", "bayes_opt"}
    assert spent_s < 1


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path):
    path = tmp_path / "config.json"
    path.write_text(
        '{"experiment_name": "..", "algorithm": "ddpg", "sed": 1,\n'
        ' "environment": {"name": "CartPole-v1", "wrappers": ["normalise"]},\n'
        ' "algorithm_config": {"tau": 2, "batch_size": 0, "gamma": NaN, "gamma": 1},\n'
        ' "hyperparameter_optimizer": {"n_calls": 0, "search_space": {"tau": [0.5, 0.1]}},\n'
        ' "training": {"total_timesteps": 1e999}}'
    )

    with pytest.raises(ConfigError) as caught:
        ConfigLoader().load_config(path)

    assert [(fault.line, fault.path) for fault in caught.value.faults] == [
        (1, "experiment_name"),
        (1, "sed"),
        (2, "environment.name"),
        (2, "environment.wrappers.0"),
        (3, "algorithm_config.tau"),
        (3, "algorithm_config.batch_size"),
        (3, "algorithm_config.gamma"),
        (4, "hyperparameter_optimizer.n_calls"),
        (4, "hyperparameter_optimizer.search_space.tau"),
        (5, "training.total_timesteps"),
    ]
