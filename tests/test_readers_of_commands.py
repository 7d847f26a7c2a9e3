"""An experiment whose trials a command trained: whoever reads it says what holds, and no more."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

import amc
from amc import tasks, verify
from amc.cli import main
from amc.comparing.entrants import entrant
from amc.config.kernel import OWN
from amc.config.schema import ExperimentConfig
from amc.driver.wanted import released
from amc.errors import UsageError
from amc.experiment_view import Experiment
from amc.ledger import Ledger, Report, files
from amc.training import checkpoint
from amc.training.snapshot import FORMAT
from amc.verify import excuse
from tests.experiments import of_command, rewrite_command

pytestmark = pytest.mark.engine
SEARCH = {
    "type": "random",
    "n_calls": 4,
    "trials_per_round": 2,
    "search_space": {"learning_rate": [1e-4, 1e-2]},
    "finalists": 1,
    "finalist_seeds": 2,
    "test_seeds": 2,
}


def trained(shared: Path, config: ExperimentConfig, **told: Any) -> Ledger:
    """An experiment that has ended: trial n scored n, but trial 1 has failed."""
    ledger = Ledger.create(shared, config)
    while not ledger.is_finished:
        tasks.advance(ledger.id)
        for segment in ledger.history().outstanding:
            ledger.claim_attempt(
                segment.trial, worker="rl-worker-0", queue="gpu0", host="h/1", step=0, segment=0
            )
            number = segment.trial
            curve = tuple((step, float(number)) for step in (50, segment.until))
            own = {"score": float(number), "curve": curve, "kernel": OWN, **told}
            state: Any = "failed" if number == 1 else "completed"
            own = {"error": "exit: code 3"} if number == 1 else own
            ledger.write_report(
                Report(*segment.key, state, step=segment.until, attempt=1, seconds=2.0, **own)
            )
    return ledger


@pytest.fixture
def ended(broker: Any, shared: Path) -> Ledger:
    """Of a command that saves nothing, in an environment that Gymnasium knows."""
    environment = {"name": "CartPole-v1"}
    return trained(shared, of_command(hyperparameter_optimizer=SEARCH, environment=environment))


@pytest.fixture
def run(shared: Path) -> Callable[..., Outcome]:
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def test_it_is_sound_and_a_remark_says_that_its_bits_are_not_checked(
    ended: Ledger, run: Callable[..., Outcome]
):
    again = run("verify", ended.id, "--replay", 3)

    assert verify.verify(ended) == []
    assert again.exit_code == 0, again.output
    assert "sound: " in again.stdout and "trained again" not in again.stdout
    assert "7 segments are left out: a trainer of your own trained them." in again.stderr
    assert "7 of 8 trials were trained by a trainer of your own" in again.stderr


def test_a_change_of_its_records_is_told_all_the_same(ended: Ledger):
    path = ended.paths.trial(0).segment(0).report
    data = files.required(path)
    path.write_text(json.dumps(files.sealed({**data, "score": 99.0})))

    assert any("is not the one learned" in fault for fault in verify.verify(ended))


def test_a_report_that_claims_another_kernel_has_nothing_run(
    broker: Any, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "touch")
    command = ["touch", str(tmp_path / "was-here")]
    config = of_command(command=command, hyperparameter_optimizer=None)
    ledger = trained(shared, config, digest="ab" * 32, kernel="fast@1")

    assert list(verify.replay(ledger, 5)) == []
    assert not (tmp_path / "was-here").exists()


def test_a_start_that_was_trained_again_is_a_remark_and_another_fault_none(
    broker: Any, shared: Path
):
    ledger = trained(
        shared, of_command(hyperparameter_optimizer={**SEARCH, "n_calls": 1}), digest="a"
    )
    past = ledger.history()
    first = past.learned[0, 0]
    segment = replace(past.segments[0, 0], index=1, start=(0, 0), from_step=100, until=200)
    went_on = replace(first, index=1, digest="c", start_digest="b")

    def told(report: Report) -> list[tuple[str, bool]]:
        segments, learned = {**past.segments, (0, 1): segment}, {(0, 0): first, (0, 1): report}
        return list(verify._other_starts(replace(past, segments=segments, learned=learned)))

    ((sentence, is_own),) = told(went_on)
    assert "started from b, but the one before came to a" in sentence and is_own
    assert [own for _, own in told(replace(went_on, kernel="fast@1"))] == [False]
    assert [own for _, own in told(replace(went_on, start_digest=None))] == [False]
    assert told(replace(went_on, start_digest="a")) == []
    from_nothing = replace(past, learned={(0, 0): replace(first, start_digest="b")})
    assert [own for _, own in verify._other_starts(from_nothing)] == [False]


def test_its_winner_s_record_is_there_and_no_agent_and_nothing_is_called_damaged(
    ended: Ledger, caplog: pytest.LogCaptureFixture
):
    earlier = ended.paths.best_agent(".pt")
    earlier.write_bytes(b"of an earlier winner")

    tasks._store_best(ended)

    assert files.required(ended.paths.best)["chosen_by"]["n_seeds"] == 3
    assert not earlier.exists()
    assert "damaged" not in caplog.text


def test_it_has_no_agent_no_film_and_no_onnx(ended: Ledger, run: Callable[..., Outcome]):
    with pytest.raises(UsageError, match="a trainer of your own saved it"):
        Experiment(ended).agent()
    report = run("report", ended.id, "--out", ended.directory / "page.html")

    assert run("enjoy", ended.id).exit_code == UsageError.exit_code
    assert report.exit_code == 0 and "ilm" not in report.stderr
    assert "python train.py --lr" in (ended.directory / "page.html").read_text()


def test_a_file_that_its_trainer_saved_is_no_agent(tmp_path: Path):
    state = {"format": FORMAT, "trainer": {"weights": "x"}, "progress": {}}

    path = checkpoint.save(tmp_path, state, step=100, attempt=1)

    with pytest.raises(UsageError, match="amc package ID DIR"):
        amc.load(path)


def test_the_methods_section_promises_no_bits(ended: Ledger):
    text = Experiment(ended).methods()

    assert "trained by python train.py --lr {learning_rate} on CartPole-v1" in text
    assert "what a trial came to from its seed is the trainer's own" in text
    assert "bit" not in text.replace("arbitrary", "")


def test_its_scores_need_not_be_returns(ended: Ledger):
    found = entrant("x", [ended])

    assert found.thresholds == {"CartPole-v1": None}, "that of the environment is 475"
    assert found.runs["CartPole-v1"]


@pytest.mark.parametrize("verb", ["show", "ls", "best", "methods", "watch", "export"])
def test_every_view_of_it_comes_out(ended: Ledger, run: Callable[..., Outcome], verb: str):
    words = {"ls": [], "watch": [ended.id], "export": [ended.id, "--json"]}.get(verb, [ended.id])

    outcome = run(verb, *words)

    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.strip()


def test_the_best_config_is_a_config_without_what_has_no_effect(
    ended: Ledger, run: Callable[..., Outcome], tmp_path: Path
):
    path = tmp_path / "tuned.json"
    path.write_text(run("best", ended.id, "--as-config").stdout)

    outcome = run("validate", path)

    assert outcome.exit_code == 0 and outcome.stderr == ""
    assert "optimizer" not in json.loads(path.read_text())


def test_a_config_of_its_winner_that_names_another_command_runs_nothing(
    ended: Ledger, run: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    config = files.required(ended.paths.best_config)
    config["command"] = ["touch", str(tmp_path / "was-here")]
    ended.paths.best_config.write_text(json.dumps(config))

    trained = run("train", ended.paths.best_config, "--out", tmp_path / "out")

    assert trained.exit_code == UsageError.exit_code
    assert "was not allowed to run here" in trained.stderr
    assert not (tmp_path / "was-here").exists()


def test_a_ledger_that_names_another_command_is_not_reproduced(
    ended: Ledger, run: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    rewrite_command(ended.paths.experiment, "touch", str(tmp_path / "was-here"))

    outcome = run("reproduce", ended.id)

    assert outcome.exit_code == UsageError.exit_code
    assert "was not allowed to run here" in outcome.stderr
    assert not (tmp_path / "was-here").exists()


def test_other_scores_of_the_same_seed_are_excused(ended: Ledger):
    segment = ended.history().segments[0, 0]

    assert "bits are its own" in str(excuse(ended, segment))


def test_a_dry_run_runs_nothing_and_estimates_nothing(
    ended: Ledger, run: Callable[..., Outcome], tmp_path: Path
):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(of_command(hyperparameter_optimizer=SEARCH).to_json()))

    said, document = (run("submit", path, "--dry-run", *more) for more in ((), ("--json",)))

    assert said.exit_code == 0, said.output
    assert "estimate         none: a trainer of your own is not run for it" in said.stdout
    assert json.loads(document.stdout)["estimate"] is None


def test_where_the_best_is_kept_alone_what_has_lost_is_let_go(broker: Any, shared: Path):
    config = of_command(hyperparameter_optimizer=SEARCH, keep_checkpoints="best")

    ledger = trained(shared, config, checkpoint="segments/00/checkpoints/step_100.pt")
    past = ledger.history()

    gone = {trial for trial, _ in released(ledger.config, past, list(past.learned.values()))}
    assert 0 in gone and Experiment(ledger).best.number not in gone  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("resumable", "told"), [(True, "save and stop"), (False, "begins them again from nothing")]
)
def test_who_pauses_is_told_what_that_costs(
    broker: Any, shared: Path, run: Callable[..., Outcome], resumable: bool, told: str
):
    ledger = Ledger.create(shared, of_command(resumable=resumable))

    assert told in run("pause", ledger.id).stderr


def test_the_best_of_what_saves_nothing_is_no_agent(ended: Ledger, run: Callable[..., Outcome]):
    shown = run("best", ended.id)

    assert shown.exit_code == 0 and "its best " in shown.stdout
    assert "its agent" not in shown.stdout
