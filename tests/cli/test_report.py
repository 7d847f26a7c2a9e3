"""The commands that draw and write what was found: report, plot, export, dashboard."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result as Outcome

from amc.ledger import Ledger
from tests.agents import begun, end
from tests.experiments import learn

Amc = Callable[..., Outcome]
Make = Callable[..., Ledger]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def test_a_report_is_one_file_whose_path_is_printed(amc: Amc, make_experiment: Make, here: Path):
    make_experiment(1.0, 2.0, None)

    outcome = amc("report")

    assert (outcome.exit_code, outcome.stdout) == (0, "cartpole-1.html\n")
    assert [path.name for path in here.iterdir()] == ["cartpole-1.html"]
    assert "<h1>cartpole-1</h1>" in (here / "cartpole-1.html").read_text()


def test_a_report_goes_where_it_is_sent_with_the_film_that_it_is_given(
    amc: Amc, make_experiment: Make, here: Path
):
    make_experiment(1.0)
    (here / "best.mp4").write_bytes(b"\x00\x00film")

    outcome = amc("report", "latest", "--out", "far/away.html", "--film", "best.mp4")

    assert outcome.stdout == "far/away.html\n"
    assert "AABmaWxt" in (here / "far" / "away.html").read_text()


def test_a_large_film_is_remarked_on(amc: Amc, make_experiment: Make, here: Path):
    make_experiment(1.0)
    (here / "long.mp4").write_bytes(bytes(3_000_000))

    outcome = amc("report", "--film", "long.mp4")

    assert outcome.exit_code == 0
    assert "cartpole-1.html has 4.0 MB" in outcome.stderr


@pytest.mark.parametrize(
    ("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_a_figure_is_written_as_its_name_ends(
    amc: Amc, make_experiment: Make, here: Path, ending: str, begins: bytes
):
    make_experiment(1.0, 2.0)

    outcome = amc("plot", "latest", "history", "--out", f"figure.{ending}")

    assert (outcome.exit_code, outcome.stdout) == (0, f"figure.{ending}\n")
    assert (here / f"figure.{ending}").read_bytes().startswith(begins)


@pytest.mark.parametrize(
    "kind", ["history", "curves", "importance", "slice", "parallel", "timeline"]
)
def test_every_kind_of_figure_is_drawn(amc: Amc, make_experiment: Make, here: Path, kind: str):
    make_experiment(1.0, 2.0, None, end=None)

    assert amc("plot", "cartpole", kind).stdout == f"cartpole-1-{kind}.png\n"


def test_without_an_id_the_latest_is_drawn(amc: Amc, make_experiment: Make, here: Path):
    make_experiment(1.0)

    drawn, asked = amc("plot", "history"), amc("plot", "cartpole-1")

    assert drawn.stdout == "cartpole-1-history.png\n"
    assert asked.exit_code == 2
    assert "KIND is one of history, curves" in asked.stderr


def test_another_ending_is_refused(amc: Amc, make_experiment: Make, here: Path):
    make_experiment(1.0)

    outcome = amc("plot", "latest", "history", "--out", "figure.doc")

    assert outcome.exit_code == 2
    assert "'figure.doc' ends with none of .png, .svg, .pdf" in outcome.stderr
    assert list(here.iterdir()) == []


def test_csv_is_two_files(amc: Amc, make_experiment: Make, here: Path):
    make_experiment(1.0, None)

    outcome = amc("export", "--csv")

    assert outcome.stdout.splitlines() == [
        "cartpole-1-csv/trials.csv",
        "cartpole-1-csv/evaluations.csv",
    ]
    with (here / "cartpole-1-csv" / "trials.csv").open(newline="") as file:
        assert [row["trial"] for row in csv.DictReader(file)] == ["0", "1"]


def test_json_is_one_document_on_standard_output_or_in_a_file(
    amc: Amc, make_experiment: Make, here: Path
):
    make_experiment(1.0, None)

    printed, written = amc("export", "--json"), amc("export", "--json", "--out", "all.json")

    assert json.loads(printed.stdout) == json.loads((here / "all.json").read_text())
    assert written.stdout == "all.json\n"
    assert [row["score"] for row in json.loads(printed.stdout)["trials"]] == [1.0, None]


def test_optuna_gets_a_journal(amc: Amc, make_experiment: Make, here: Path):
    pytest.importorskip("optuna")
    make_experiment(1.0, None)

    assert amc("export", "--optuna").stdout == "cartpole-1.journal\n"
    assert [path.name for path in here.iterdir()] == ["cartpole-1.journal"]


def test_an_export_asks_as_what(amc: Amc, make_experiment: Make):
    make_experiment(1.0)

    outcome = amc("export")

    assert outcome.exit_code == 2
    assert "--csv, --json or --optuna" in outcome.stderr


@pytest.mark.parametrize(
    ("package", "arguments"),
    [("optuna", ["export", "--optuna"]), ("optuna_dashboard", ["dashboard"])],
)
def test_what_is_not_installed_is_named_with_its_extra(
    amc: Amc,
    make_experiment: Make,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    arguments: list[str],
):
    make_experiment(1.0)
    monkeypatch.delitem(sys.modules, "amc.reports.optuna_journal", raising=False)
    monkeypatch.setitem(sys.modules, package, None)

    outcome = amc(*arguments)

    assert outcome.exit_code == 2
    assert "pip install 'ai-mission-control[dashboard]'" in outcome.stderr


def test_csv_and_json_load_neither_pandas_nor_what_draws_or_learns(
    make_experiment: Make, shared: Path, here: Path
):
    make_experiment(1.0)
    code = (
        "import contextlib, sys\nfrom amc.cli import main\n"
        "for form in ('--csv', '--json'):\n"
        "    with contextlib.suppress(SystemExit):\n        main(['export', form])\n"
        "print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )

    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    loaded = set(outcome.stdout.partition("LOADED")[2].split())
    assert "csv" in loaded
    assert not loaded & {"pandas", "matplotlib", "torch", "gymnasium", "optuna", "sklearn"}


@pytest.fixture
def agent_of_its_own(shared: Path) -> Ledger:
    """An experiment with one trial that was really trained."""
    ledger = begun(shared)
    end(ledger, 0)
    return ledger


def test_an_episode_of_the_best_agent_is_filmed_into_it(amc, agent_of_its_own, tmp_path: Path):
    page = tmp_path / "page.html"

    written = amc("report", agent_of_its_own.id, "--out", page)

    assert written.exit_code == 0, written.output
    assert "Filming an episode of the best agent" in written.stderr
    assert "data:video/mp4;base64," in page.read_text()
    assert page.stat().st_size < 3_000_000


@pytest.mark.slow
def test_of_an_ended_experiment_the_film_is_kept_until_there_is_another_winner(
    amc, agent_of_its_own, tmp_path: Path
):
    ledger, page = agent_of_its_own, tmp_path / "page.html"
    learn(ledger)
    ledger.finish("completed", None)
    kept = ledger.paths.best_film
    kept.parent.mkdir(exist_ok=True)
    ledger.paths.best.write_text("{}")

    first, second = (amc("report", ledger.id, "--out", page) for _ in range(2))
    os.utime(kept, (0, 0))
    third = amc("report", ledger.id, "--out", page)

    filmed = ["Filming" in one.stderr for one in (first, second, third)]
    assert filmed == [True, False, True]
    assert kept.stat().st_size > 1000


def test_without_a_film_it_makes_none(amc, agent_of_its_own, tmp_path: Path):
    written = amc("report", agent_of_its_own.id, "--out", tmp_path / "page.html", "--no-film")

    assert "Filming" not in written.stderr
    assert "data:video" not in (tmp_path / "page.html").read_text()


def test_where_it_cannot_be_filmed_the_report_is_there_without(
    amc, agent_of_its_own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "absent"))

    written = amc("report", agent_of_its_own.id, "--out", tmp_path / "page.html")

    assert written.exit_code == 0
    assert "There is no film in it: film: ffmpeg cannot be started" in written.stderr
