"""`amc compare`: experiments side by side, from the shell."""

import json
from pathlib import Path

import pytest

from amc.config.loader import ConfigLoader
from amc.ledger import Ledger
from tests.experiments import go_on


@pytest.fixture
def two(shared: Path) -> tuple[str, str]:
    """Two experiments on five seeds each, the second one far better."""
    ids = []
    for name, least, gamma in (("weak", 100.0, 0.9), ("strong", 400.0, 0.99)):
        config = ConfigLoader().from_mapping(
            {
                "experiment_name": name,
                "algorithm": "ppo",
                "algorithm_config": {"gamma": gamma},
                "environment": {"name": "CartPole-v1"},
                "training": {"total_timesteps": 2048},
                "seeds": 5,
            }
        )
        ledger = Ledger.create(shared, config)
        go_on(ledger, lambda trial, least=least: least + 10.0 * trial.number)
        ids.append(ledger.id)
    return ids[0], ids[1]


def test_tables_and_a_verdict_are_printed(amc, two):
    compared = amc("compare", *two)

    assert compared.exit_code == 0, compared.output
    assert "weak-1" in compared.stdout and "120" in compared.stdout
    assert "algorithm_config.gamma" in compared.stdout
    assert compared.stdout.endswith(
        "strong-1 scores higher than weak-1: by 300, more than chance.\n"
    )


def test_as_json_everything_is_there(amc, two):
    document = json.loads(amc("compare", "mine=weak", "strong", "--json").stdout)

    assert [one["name"] for one in document["entrants"]] == ["mine", "strong-1"]
    assert document["scores"]["mine"] == {"CartPole-v1": [100.0, 110.0, 120.0, 130.0, 140.0]}
    assert document["pairs"][0]["improvement"]["value"] == 0.0
    assert document["differences"]["CartPole-v1"] == [
        {"key": "algorithm_config.gamma", "values": [0.9, 0.99]}
    ]


def test_a_page_and_a_paper_are_written(amc, two, tmp_path: Path):
    page, paper = tmp_path / "compared.html", tmp_path / "paper"

    compared = amc("compare", *two, "--report", page, "--paper", paper)

    assert compared.exit_code == 0, compared.output
    assert page.read_text().startswith("<!doctype html>")
    assert (paper / "curves.pdf").exists()
    assert f"report: {page}" in compared.stderr


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["weak"], "one experiment was named. Name another"),
        (["weak", "absent"], "not found"),
        (["weak", "weak"], "the same name"),
        (["a=weak,strong", "b=weak"], "two of its experiments are in CartPole-v1"),
    ],
)
def test_what_cannot_be_compared_is_refused(amc, two, names, said):
    compared = amc("compare", *names)

    assert compared.exit_code == 2
    assert said in compared.stderr
