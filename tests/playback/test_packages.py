"""A package acts as the agent did, holds numbers and text alone, and says when it is damaged."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from amc.config.loader import ConfigLoader
from amc.errors import CheckpointError, UsageError
from amc.playback import load, packages, packing
from amc.playback.model_card import Claim
from amc.playback.packages import package
from tests.playback.test_agent import EVERY, QUICK

CLAIM = Claim(431.5, 80.25, 5, "seeds", (300.0, 500.0))


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [pytest.param(*one, marks=[] if one in QUICK else pytest.mark.slow) for one in EVERY],
)
def test_it_acts_and_scores_as_the_agent_did(trained, tmp_path: Path, algorithm, name):
    agent = trained(algorithm, name).agent()

    package(agent, tmp_path / "out", CLAIM, {}, has_film=False)

    again = load(tmp_path / "out")
    assert again.evaluate() == agent.evaluate()
    assert again.evaluate().mean == again.score
    assert again.config == agent.config
    observations = (
        np.random.default_rng(0).normal(size=(9, *agent.observation_space.shape)).astype(np.float32)
    )
    np.testing.assert_array_equal(again.predict(observations), agent.predict(observations))


def test_it_is_laid_out_as_the_hub_wants_it(trained, tmp_path: Path):
    agent = trained().agent()

    lacking = package(agent, tmp_path / "out", CLAIM, {"experiment": "cartpole-1"})

    assert lacking is None
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
        "normalizer.safetensors",
        "replay.mp4",
        "results.json",
    }
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["experiment"] == "cartpole-1"
    assert results["claim"]["mean"] == 431.5
    config = ConfigLoader().load_config(tmp_path / "out" / "config.json")
    assert config == agent.config


def test_its_card_has_the_metadata_that_leaderboards_read(trained, tmp_path: Path):
    package(trained().agent(), tmp_path / "out", CLAIM, {}, has_film=False)

    _, metadata, text = (tmp_path / "out" / "README.md").read_text().split("---\n", 2)

    card = yaml.safe_load(metadata)
    (model,) = card["model-index"]
    (result,) = model["results"]
    assert card["pipeline_tag"] == "reinforcement-learning"
    assert result["dataset"] == {"name": "CartPole-v1", "type": "CartPole-v1"}
    assert result["metrics"][0]["value"] == "431.50 +/- 80.25"
    assert "431.50 +/- 80.25 over 5 seeds, 95 % interval of the mean 300.00 to 500.00" in text
    assert "replay" not in text


def test_what_it_holds_runs_no_code(trained, tmp_path: Path):
    package(trained().agent(), tmp_path / "out", CLAIM, {}, has_film=False)

    for path in (tmp_path / "out").iterdir():
        assert path.suffix in {".json", ".md", ".safetensors"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b"\x08\0\0\0\0\0\0\0{}      "),
        ("normalizer.safetensors", b""),
        ("results.json", b"{}"),
        ("results.json", b"[]"),
        ("config.json", b"{"),
        ("config.json", None),
        ("results.json", None),
    ],
)
def test_a_damaged_one_is_refused(trained, tmp_path: Path, name, content):
    package(trained().agent(), tmp_path / "out", CLAIM, {}, has_film=False)
    damaged = tmp_path / "out" / name
    damaged.unlink() if content is None else damaged.write_bytes(content)

    with pytest.raises(CheckpointError, match="not a package as `amc package` writes it"):
        load(tmp_path / "out")


def test_weights_of_another_network_are_refused(trained, tmp_path: Path):
    package(trained().agent(), tmp_path / "out", CLAIM, {}, has_film=False)
    path = tmp_path / "out" / "config.json"
    config = json.loads(path.read_text())
    config["algorithm_config"]["hidden_sizes"] = [8]
    path.write_text(json.dumps(config))

    with pytest.raises(CheckpointError, match="its tensors are not those of ppo"):
        load(tmp_path / "out")


def test_an_earlier_package_gives_way_and_nothing_else_does(trained, tmp_path: Path):
    agent = trained().agent()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    package(agent, tmp_path / "out", CLAIM, {}, has_film=False)
    (tmp_path / "out" / "README.md").write_text("of the one before")

    package(agent, tmp_path / "out", CLAIM, {}, has_film=False)

    assert "431.50" in (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(UsageError, match="something else in it"):
        package(agent, tmp_path / "mine", CLAIM, {}, has_film=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]


def test_where_no_film_can_be_made_it_is_whole_without(trained, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "absent"))

    lacking = package(trained().agent(), tmp_path / "out", CLAIM, {})

    assert lacking is not None and "ffmpeg cannot be started" in lacking
    assert not (tmp_path / "out" / packages.FILM).exists()
    assert load(tmp_path / "out").evaluate().mean == trained().outcome.score


def test_a_write_that_fails_leaves_the_one_before(trained, tmp_path: Path, monkeypatch):
    agent = trained().agent()
    package(agent, tmp_path / "out", CLAIM, {}, has_film=False)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packages, "model_card", full)
    with pytest.raises(OSError, match="No space left"):
        package(agent, tmp_path / "out", CLAIM, {}, has_film=False)

    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_wrappers_know_comes_through_as_it_was():
    kept: dict[str, torch.Tensor] = {}
    state = [[{"mean": torch.arange(3.0), "count": 7, 2: ["a", None]}], []]

    plain = json.loads(json.dumps(packing._without_tensors(state, "wrappers", kept)))

    again = packing._with_tensors(plain, kept)
    assert torch.equal(again[0][0].pop("mean"), state[0][0].pop("mean"))
    assert again == state


def test_a_folder_that_was_moved_acts(trained, tmp_path: Path):
    package(trained().agent(), tmp_path / "out", CLAIM, {}, has_film=False)

    shutil.move(tmp_path / "out", tmp_path / "elsewhere")

    assert load(tmp_path / "elsewhere").evaluate().mean == trained().outcome.score
