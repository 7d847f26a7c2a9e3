"""Rows, files, data frames and journals say what the ledger says."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc.config.search.search_space import parse_dimension
from amc.experiment_view import Experiment
from amc.ledger import Trial
from amc.reports.export_rows import EVALUATION_COLUMNS, TRIAL_COLUMNS
from tests.experiments import open_round
from tests.reports.conftest import load, point, write_evaluation

Record = Callable[..., Experiment]
START = 1_790_000_000.0
DOCS = Path(__file__).parents[2] / "docs" / "export.md"


@pytest.fixture
def experiment(record: Record) -> Experiment:
    """A trial that was completed, one that failed, and one that has just begun."""
    found = record([3.0, None], end=None)
    ledger = found._ledger
    write_evaluation(ledger.paths.trial(0).directory, 1000, 1.0)
    open_round(ledger, Trial(2, point(2), 2, 1, 2))
    return found


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_there_is_a_row_per_trial(experiment: Experiment, tmp_path: Path):
    trials, _ = experiment.export_csv(tmp_path)

    first, second, third = read(trials)
    assert (first["state"], second["state"], third["state"]) == ("completed", "failed", "waiting")
    assert (first["score"], first["steps"], first["params_n_epochs"]) == ("3.0", "3000", "1")
    assert (float(first["started"]), float(first["ended"])) == (START, START + 10)
    assert first["digest"] == "ab" * 32
    assert "ValueError" in second["error"]
    assert (third["started"], third["score"], third["worker"]) == ("", "", "")
    assert (first["params_clip_range"], second["params_clip_range"]) != ("", "")
    assert second["params_clip_range"] == "", "its condition did not hold"


def test_there_is_a_row_per_evaluation_with_all_that_is_known_of_it(
    experiment: Experiment, tmp_path: Path
):
    _, evaluations = experiment.export_csv(tmp_path)

    rows = read(evaluations)
    assert [(row["trial"], row["step"], row["score"]) for row in rows] == [
        ("0", "1000", "1.0"),
        ("0", "2000", "2.0"),
        ("0", "3000", "3.0"),
    ]
    assert [row["length"] for row in rows] == ["99.0", "", ""], "of the others the file is gone"


def test_json_holds_the_same_and_the_config(experiment: Experiment):
    import json

    document = load(json.dumps(experiment.export_json()))

    assert document["experiment_id"] == experiment.id
    assert document["config"] == experiment.config.to_json()
    assert document["trials"][1]["params"] == point(1)
    assert [row["score"] for row in document["evaluations"]] == [1.0, 2.0, 3.0]


def test_columns_are_those_that_are_documented(experiment: Experiment, tmp_path: Path):
    trials, evaluations = experiment.export_csv(tmp_path)

    names = list(read(trials)[0])
    assert tuple(names[: len(TRIAL_COLUMNS)]) == TRIAL_COLUMNS
    assert all(name.startswith("params_") for name in names[len(TRIAL_COLUMNS) :])
    assert tuple(read(evaluations)[0]) == EVALUATION_COLUMNS
    text = DOCS.read_text()
    for name in {*TRIAL_COLUMNS, *EVALUATION_COLUMNS}:
        assert f"| `{name}`" in text or f", `{name}`" in text, f"{name} is not documented"


def test_lists_among_hyperparameters_are_json_between_commas(record: Record, tmp_path: Path):
    experiment = record([], end=None)
    open_round(experiment._ledger, Trial(0, {"layers": ["a", True]}, 0))

    trials, _ = experiment.export_csv(tmp_path)

    assert read(trials)[0]["params_layers"] == '["a", true]'


def test_data_frames_hold_the_same_rows_with_types(experiment: Experiment):
    pandas = pytest.importorskip("pandas")

    trials, curves = experiment.trials_dataframe(), experiment.curves()

    assert list(trials["state"]) == ["completed", "failed", "waiting"]
    assert trials["params_learning_rate"].dtype == float
    assert trials["started"][0] == pandas.Timestamp(START, unit="s", tz="UTC")
    assert trials["started"].isna().tolist() == [False, False, True]
    assert curves.groupby("trial")["score"].max().to_dict() == {0: 3.0}
    assert list(curves.columns) == list(EVALUATION_COLUMNS)


def test_data_frames_of_nothing_have_their_columns(record: Record):
    pytest.importorskip("pandas")
    experiment = record([], end=None)

    assert list(experiment.trials_dataframe().columns) == list(TRIAL_COLUMNS)
    assert experiment.curves().empty


def test_without_pandas_its_extra_is_named(experiment: Experiment, monkeypatch: pytest.MonkeyPatch):
    from amc.errors import UsageError

    monkeypatch.setitem(__import__("sys").modules, "pandas", None)

    with pytest.raises(UsageError, match=r"ai-mission-control\[dataframe\]"):
        experiment.curves()


# -- Optuna


@pytest.fixture
def study(experiment: Experiment, tmp_path: Path) -> Any:
    """The experiment as Optuna reads it."""
    optuna = pytest.importorskip("optuna")
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = tmp_path / "here" / "study.journal"
    experiment.export_optuna(path)
    experiment.export_optuna(path)  # a second one replaces it
    assert [one.name for one in path.parent.iterdir()] == ["study.journal"]
    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.load_study(study_name=experiment.id, storage=storage)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_journal_has_the_trials_under_their_numbers(study: Any):
    assert [(trial.number, trial.state.name, trial.value) for trial in study.trials] == [
        (0, "COMPLETE", 3.0),
        (1, "FAIL", None),
        (2, "WAITING", None),
    ]
    assert study.direction.name == "MAXIMIZE"
    first, second, _ = study.trials
    assert (first.params, second.params) == (point(0), point(1))
    assert first.intermediate_values == {1000: 1.0, 2000: 2.0, 3000: 3.0}
    assert first.datetime_start.timestamp() == START
    assert first.duration.total_seconds() == 10
    assert first.user_attrs["kind"] == "search"
    assert study.user_attrs["config"]["algorithm"] == "ppo"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ([0.1, 0.4], "FloatDistribution(high=0.4, log=False, low=0.1, step=None)"),
        ({"low": 1e-4, "high": 1e-1, "log": True}, "FloatDistribution(high=0.1, log=True, "),
        ({"low": 0.9, "high": 0.99, "reverse_log": True}, "FloatDistribution(high=0.99, log=F"),
        ({"low": 1, "high": 9, "type": "int"}, "IntDistribution(high=9, log=False, low=1"),
        ({"choices": [[64], [32, 32], None]}, "CategoricalDistribution(choices=('[64]', '[32, 32]"),
    ],
)
def test_a_dimension_is_the_distribution_that_optuna_has_for_it(form: Any, expected: str):
    pytest.importorskip("optuna")
    from amc.reports.optuna_journal import distribution

    assert str(distribution(parse_dimension(form))).startswith(expected)
