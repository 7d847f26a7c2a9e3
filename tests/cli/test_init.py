import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result as Outcome

from amc.config.json_schema import json_schema
from amc.config.loader import ConfigLoader

Amc = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def test_a_config_is_written_under_its_name_with_the_schema_that_it_names(amc: Amc, here: Path):
    outcome = amc("init", "CartPole-v1")

    assert (outcome.exit_code, outcome.stdout) == (0, "ppo_cartpole.json\n")
    assert ConfigLoader().load_config("ppo_cartpole.json").experiment_name == "ppo_cartpole"
    assert '"$schema": "./schema/experiment.json"' in Path("ppo_cartpole.json").read_text()
    assert json.loads(Path("schema/experiment.json").read_text()) == json_schema()


def test_a_schema_that_is_there_is_named_and_left_alone(amc: Amc, here: Path):
    place = here.parent / "schema"
    place.mkdir()
    (place / "experiment.json").write_text("{}")

    amc("init", "Pendulum-v1", "--algorithm", "ddpg", "--out", "mine.json")

    assert '"$schema": "../schema/experiment.json"' in Path("mine.json").read_text()
    assert (place / "experiment.json").read_text() == "{}"
    assert [path.name for path in here.iterdir()] == ["mine.json"]


def test_nothing_is_written_over(amc: Amc, here: Path):
    Path("ppo_cartpole.json").write_text("mine")

    outcome = amc("init", "CartPole-v1")

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "is there already" in outcome.stderr
    assert Path("ppo_cartpole.json").read_text() == "mine"


def test_an_environment_that_amc_has_no_table_for_is_asked_of_gymnasium(amc: Amc, here: Path):
    outcome = amc("init", "BipedalWalker-v3")
    other = amc("init", "numberlink:NumberLinkRGB-v0")
    of_a_package = amc("init", "NumberLinkRGB-v0")

    assert "no preset" in outcome.stderr
    assert other.exit_code == 2
    assert of_a_package.exit_code == 0, of_a_package.stderr
    name = of_a_package.stdout.strip()
    assert ConfigLoader().load_config(name).environment.name == "NumberLinkRGB-v0"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Nope-v1"], "unknown environment 'Nope-v1'"),
        (["CartPole"], "Did you mean 'CartPole-v1'?"),
        (["CartPole-v1", "--algorithm", "ddpg"], "ddpg needs continuous"),
        (["CartPole-v1", "--out", "nowhere/x.json"], "there is no directory nowhere"),
    ],
)
def test_what_cannot_be_exits_with_2_and_writes_nothing(
    words: list[str], told: str, amc: Amc, here: Path
):
    outcome = amc("init", *words)

    assert outcome.exit_code == 2
    assert told in outcome.stderr
    assert not list(here.iterdir())
