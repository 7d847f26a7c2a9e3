"""Commands that train: what they are told, what is heard of them, and how they end."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from amc.errors import CheckpointError, TrainerError, TrainerKilledError, UsageError
from amc.ledger import files
from amc.ledger.records import Segment
from amc.training.curve import evaluation_curve
from amc.training.tensorboard import TensorBoard
from amc.training.trainers import account, payload
from amc.training.trainers.event_files import EventFiles

CLIMBS = """
    from amc import trial
    step = trial.from_step
    while step < trial.until and not trial.should_stop():
        step += 100
        trial.report(step, step / 10, loss=1 / step)
"""


def a_segment(until: int = 500, **own) -> Segment:
    return Segment(7, 0, from_step=0, until=until, horizon=1000, **own)


def scores(outcome):
    return [(one.step, one.score) for one in outcome.evaluations]


def wait_until(is_so, seconds=20):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def test_a_script_s_last_score_is_the_trial_s(own, run, tmp_path):
    outcome = run(own(CLIMBS))

    assert (outcome.state, outcome.score, outcome.steps) == ("completed", 100.0, 1000)
    assert scores(outcome) == [(step, step / 10) for step in range(100, 1001, 100)]
    assert evaluation_curve(tmp_path / "trial") == list(outcome.evaluations)
    assert (outcome.digest, outcome.checkpoint, outcome.kernel) == (None, None, "own")


def test_a_shell_script_needs_no_python(own, run):
    config = own(
        """
        lr=$1; step=0
        while [ $step -lt 300 ]; do
            step=$((step + 100))
            echo "{\\"step\\": $step, \\"score\\": $lr}" >> "$AMC_REPORT"
        done
        """,
        shell=True,
        arguments=["{learning_rate}"],
        algorithm_config={"learning_rate": 0.5},
    )

    outcome = run(config)

    assert scores(outcome) == [(100, 0.5), (200, 0.5), (300, 0.5)]


def test_a_script_is_told_all_that_belongs_to_its_trial(own, run, tmp_path):
    config = own(
        """
        import json, os, sys
        told = json.load(open(os.environ["AMC_TRIAL"]))
        (out := open(told["directory"] + "/told.json", "w")).write(json.dumps([told, sys.argv[1:]]))
        out.close()
        print(json.dumps({"step": 1, "score": 0}), file=open(os.environ["AMC_REPORT"], "a"))
        """,
        arguments=["--lr={lr}", "{layers}", "{seed}", "{trial}", "{none}", '{"a": 1}', "{until}"],
        algorithm_config={"lr": 1, "layers": [64, 64], "none": None, "name": "x"},
        environment={"name": "MyGame", "kwargs": {"level": 3}},
        seed=12,
    )

    run(config, hyperparameters={"lr": 0.25}, segment=a_segment())

    (directory,) = tmp_path.glob("trial/files")
    told, arguments = json.loads((directory / "told.json").read_text())
    assert arguments == ["--lr=0.25", "[64, 64]", str(told["seed"]), "7", "", '{"a": 1}', "500"]
    assert told["hyperparameters"] == {"lr": 0.25, "layers": [64, 64], "none": None, "name": "x"}
    assert (told["trial"], told["attempt"], told["checkpoint"]) == (7, 1, None)
    assert (told["from_step"], told["until"], told["horizon"]) == (0, 500, 1000)
    assert told["environment"]["kwargs"] == {"level": 3}
    assert 0 <= told["seed"] < 2**31


def test_a_script_gets_its_worker_s_gpu_the_threads_and_variables_that_are_named_and_no_secrets(
    own, run, tmp_path, monkeypatch
):
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", "hidden")
    monkeypatch.setenv("HUB_TOKEN", "wanted")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("AMC_BROKER_URL", "redis://:password@host")
    config = own(
        """
        import json, os
        from amc import trial
        (trial.directory / "env.json").write_text(json.dumps(dict(os.environ)))
        trial.report(1, 0)
        """
    )
    config = config.model_copy(
        update={
            "env": {**config.env, "LEVEL": "3", "HUB_TOKEN": None},
            "training": config.training.model_copy(update={"threads": 2}),
        }
    )
    words = os.environ["AMC_ALLOW_COMMANDS"]
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", f"LEVEL=3 {words}")

    run(config)

    environment = json.loads((tmp_path / "trial" / "files" / "env.json").read_text())
    assert (environment["LEVEL"], environment["HUB_TOKEN"]) == ("3", "wanted")
    assert environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "2"
    assert environment["PYTHONUNBUFFERED"] == "1", "what it prints is heard at once"
    assert not {"PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE"} & environment.keys()
    assert not {"WANDB_API_KEY", "AMC_BROKER_URL"} & environment.keys()
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))


def test_a_variable_that_the_worker_lacks_is_asked_for_before_anything_runs(own, run):
    config = own(CLIMBS)
    config = config.model_copy(update={"env": {**config.env, "NO_SUCH_VARIABLE": None}})

    with pytest.raises(UsageError, match=r"env\.NO_SUCH_VARIABLE: it is null"):
        run(config)


def test_scores_come_from_event_files_of_a_script_that_knows_nothing_of_amc(own, run, tmp_path):
    # The events are prepared, so that the script needs no library of its own.
    with TensorBoard(tmp_path / "made", attempt=1) as board:
        for step in (100, 200, 300):
            board.scalars(step, {"rollout/ep_rew_mean": float(step), "train/loss": 1.0})
    config = own(
        f"""
        import os, shutil
        os.makedirs("runs")
        for path in os.listdir({str(tmp_path / "made")!r}):
            shutil.copy(os.path.join({str(tmp_path / "made")!r}, path), "runs/" + path)
        """,
        score_from={"tensorboard": "rollout/ep_rew_mean"},
        working_directory="trial",
    )
    code = Path(config.source or "")
    command = [*config.command[:-1], str(code / "train.py")]
    os.environ["AMC_ALLOW_COMMANDS"] = " ".join(
        [f"PYTHONPATH={config.env['PYTHONPATH']}", *command]
    )

    outcome = run(config.model_copy(update={"command": tuple(command)}))

    assert scores(outcome) == [(100, 100.0), (200, 200.0), (300, 300.0)]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            "import sys; print('bad luck'); sys.exit(3)",
            "exit code 3. The last that it printed:\nbad luck",
        ),
        ("raise ValueError('lr is wrong')", "ValueError: lr is wrong"),
        ("import sys; sys.exit(3)", "exit code 3. It printed nothing."),
        ("pass", "ended without a score"),
        ("from amc import trial; trial.report(5)", "ended without a score"),
        ("from amc import trial; trial.report(5, float('nan'))", "score is nan"),
        ("from amc import trial; trial.report(5, 1); trial.report(4, 1)", "step 4 after step 5"),
        ("import os; open(os.environ['AMC_REPORT'], 'a').write('score 3\\n')", "line 1: not JSON"),
    ],
)
def test_what_a_script_does_wrong_is_one_sentence(own, run, script, told):
    with pytest.raises(TrainerError) as caught:
        run(own(script))

    assert told in str(caught.value)


def test_a_script_that_a_signal_ends_is_told_by_it(own, run):
    with pytest.raises(TrainerKilledError, match="SIGSEGV") as caught:
        run(own("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))

    assert caught.value.number == signal.SIGSEGV


def test_a_program_that_is_not_there_is_told_with_where_it_was_looked_for(own, run, monkeypatch):
    config = own(CLIMBS).model_copy(update={"command": ("no-such-program",), "env": {}})
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "no-such-program")

    with pytest.raises(
        UsageError, match="'no-such-program' cannot be run: there is no such program"
    ):
        run(config)


def test_a_directory_that_is_not_there_is_told(own, run, tmp_path):
    config = own(CLIMBS).model_copy(update={"source": str(tmp_path / "elsewhere")})

    with pytest.raises(UsageError, match="elsewhere is no directory on this machine"):
        run(config)


def test_a_command_that_is_not_allowed_is_not_run(own, run, tmp_path, monkeypatch):
    config = own("open('was-run', 'w')")
    monkeypatch.delenv("AMC_ALLOW_COMMANDS")

    with pytest.raises(UsageError, match="is not allowed here"):
        run(config)

    assert not list(tmp_path.rglob("was-run"))


def test_a_low_score_halts_a_script_that_asks_nobody(own, run):
    config = own(
        """
        import time
        from amc import trial
        for step in range(100, 1001, 100):
            trial.report(step, -1)
            time.sleep(0.2 if step >= 300 else 0)
        """
    )

    outcome = run(config, segment=a_segment(until=1000, stop_below=((300, 5.0),)))

    assert (outcome.state, outcome.score) == ("halted", -1.0)
    assert 300 <= outcome.steps < 1000


def test_a_script_that_cannot_resume_is_ended_at_once_when_it_is_to_stop(own, run, tmp_path):
    config = own(
        """
        import subprocess, sys, time
        from amc import trial
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (trial.directory / "child").write_text(str(child.pid))
        trial.report(100, 1)
        time.sleep(600)
        """
    )
    told = tmp_path / "trial" / "metrics" / "0001.jsonl"

    outcome = run(config, should_stop=told.exists)

    assert outcome.state == "interrupted"
    child = int((tmp_path / "trial" / "files" / "child").read_text())
    wait_until(lambda: not psutil.pid_exists(child) or _is_zombie(child))


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_script_that_resumes_saves_before_it_ends(own, run, tmp_path):
    config = own(
        """
        import time
        from amc import trial
        step = int(trial.checkpoint.read_text()) if trial.checkpoint else 0
        while step < trial.until and not trial.should_stop():
            step += 100
            trial.report(step, step)
            time.sleep(0.02)
        (trial.directory / "m").write_text(str(step))
        trial.save(trial.directory / "m")
        """,
        resumable=True,
    )
    told = tmp_path / "trial" / "metrics" / "0001.jsonl"

    first = run(config, should_stop=told.exists)
    second = run(config)

    assert first.state == "interrupted" and 100 <= first.steps < 1000
    assert (second.state, second.steps) == ("completed", 1000)
    assert scores(second) == [(step, float(step)) for step in range(100, 1001, 100)]
    assert second.checkpoint.exists()


@pytest.mark.slow
def test_a_script_that_does_not_save_in_time_is_ended(own, run, tmp_path, monkeypatch):
    config = own(
        """
        import signal, time
        from amc import trial
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        trial.report(100, 1)
        time.sleep(600)
        """,
        resumable=True,
    )
    monkeypatch.setattr(account, "GRACE_S", 0.2)
    told = tmp_path / "trial" / "metrics" / "0001.jsonl"

    began = time.monotonic()
    outcome = run(config, should_stop=told.exists)

    assert outcome.state == "interrupted"
    assert time.monotonic() - began < 20


def test_a_script_that_cannot_resume_begins_again_from_nothing(own, run, tmp_path):
    config = own(
        """
        import os
        from amc import trial
        assert not os.listdir(trial.directory) and trial.from_step == 0
        (trial.directory / "left").write_text("")
        for step in (100, 200) if trial.attempt == 1 else (100, 1000):
            trial.report(step, trial.attempt)
        os.kill(os.getpid(), 9) if trial.attempt == 1 else None
        """
    )

    with pytest.raises(TrainerKilledError):
        run(config)
    outcome = run(config)

    assert scores(outcome) == [(100, 2.0), (1000, 2.0)]
    assert [one.step for one in evaluation_curve(tmp_path / "trial")] == [100, 1000]


def test_what_a_script_saves_that_cannot_resume_is_of_its_last_attempt_alone(own, run, tmp_path):
    config = own(
        """
        from amc import trial
        (trial.directory / "model").write_text(str(trial.attempt))
        for step in (100, 200, 300) if trial.attempt == 1 else (1000,):
            trial.report(step, trial.attempt)
            trial.save(trial.directory / "model")
        raise SystemExit(trial.attempt == 1)
        """
    )

    with pytest.raises(TrainerError):
        run(config)
    outcome = run(config)

    kept = sorted(path.name for path in (tmp_path / "trial" / "checkpoints").glob("*.pt"))
    assert kept == ["000000001000-0002.pt"] == [outcome.checkpoint.name]


def test_a_score_at_every_step_makes_no_endless_curve(own, run):
    config = own(
        """
        import json, os
        with open(os.environ["AMC_REPORT"], "a") as file:
            for step in range(1, 20_001):
                file.write(json.dumps({"step": step, "score": step}) + "\\n")
        """,
        training={"total_timesteps": 20_000, "eval_freq": 1000},
    )

    outcome = run(config)

    assert (outcome.score, outcome.steps) == (20_000.0, 20_000)
    assert account.MOST_POINTS <= len(outcome.evaluations) <= account.MOST_POINTS + 2
    assert outcome.evaluations[-1].score == 20_000.0


def test_further_numbers_stand_in_tensorboard(own, run, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(own(CLIMBS))

    seen = EventAccumulator(str(tmp_path / "tensorboard"))
    seen.Reload()
    assert {"loss", "eval/mean_reward"} <= set(seen.Tags()["scalars"])
    assert "eval/mean_ep_length" not in seen.Tags()["scalars"]


def test_reaching_the_threshold_ends_a_script_early(own, run):
    config = own(
        """
        import time
        from amc import trial
        for step in range(100, 1001, 100):
            trial.report(step, step)
            if trial.should_stop(): break
            time.sleep(0.15)
        """,
        environment={"name": "MyGame", "reward_threshold": 300.0},
        training={"total_timesteps": 1000, "eval_freq": 100, "stop_at_reward_threshold": True},
    )

    outcome = run(config)

    assert outcome.state == "completed"
    assert outcome.solved_at == 300
    assert 300 <= outcome.steps < 1000


@pytest.mark.timeout(30)
def test_what_a_script_leaves_printing_without_end_is_not_waited_for(own, run):
    config = own(
        """
        import subprocess
        from amc import trial
        left = subprocess.Popen(["timeout", "20", "yes"], start_new_session=True)
        (trial.directory / "left").write_text(str(left.pid))
        trial.report(1000, 1)
        """
    )

    outcome = run(config)

    assert (outcome.state, outcome.score) == ("completed", 1.0)


def test_reports_are_heard_while_a_script_prints_as_fast_as_it_can(own, run):
    config = own(
        """
        import os
        from amc import trial
        trial.report(100, -1)
        while True:
            os.write(1, b"#" * 65536)
        """
    )

    outcome = run(config, segment=a_segment(until=1000, stop_below=((100, 5.0),)))

    assert outcome.state == "halted"


def test_a_signal_without_a_name_is_told_by_its_number(own, run):
    with pytest.raises(TrainerKilledError, match=f"ended by signal {signal.SIGRTMIN + 3}"):
        run(own("import os, signal; os.kill(os.getpid(), signal.SIGRTMIN + 3)"))


def test_a_script_that_removes_what_it_is_told_by_is_told_so(own, run):
    config = own(
        """
        import os, shutil, time
        shutil.rmtree(os.path.dirname(os.environ["AMC_TRIAL"]))
        time.sleep(600)
        """
    )

    with pytest.raises(TrainerError, match=r"has removed .*, by which it is told to stop"):
        run(config, should_stop=lambda: True)


def test_the_source_of_a_config_that_names_none_is_where_it_is_run(own, run, tmp_path, monkeypatch):
    config = own(
        """
        import json, os, sys
        from amc import trial
        told = json.load(open(os.environ["AMC_TRIAL"]))["source"]
        assert told == sys.argv[1] == os.getcwd(), (told, sys.argv)
        trial.report(1000, 1)
        """,
        arguments=["{source}"],
    )
    monkeypatch.chdir(tmp_path / "code")

    outcome = run(config.model_copy(update={"source": None}))

    assert outcome.state == "completed"


def test_a_scalar_that_never_came_is_told_with_those_that_did(own, run, tmp_path):
    with TensorBoard(tmp_path / "made", attempt=1) as board:
        board.scalars(100, {"rollout/ep_rew_mean": 1.0, "train/loss": 1.0})
    made, script = (
        tmp_path / "made",
        "import shutil; from amc import trial; shutil.copytree({!r}, {})",
    )
    wanted = {"tensorboard": "rollout/ep_rew_man"}

    with pytest.raises(TrainerError) as misnamed:
        run(own(script.format(str(made), 'trial.directory / "runs"'), score_from=wanted))
    with pytest.raises(TrainerError) as elsewhere:
        run(own(script.format(str(made), '"runs"'), score_from=wanted))

    assert "Did you mean 'rollout/ep_rew_mean'? There: rollout/ep_rew_mean, train/loss." in str(
        misnamed.value
    )
    assert "no event file of TensorBoard with 'rollout/ep_rew_man' came up below" in str(
        elsewhere.value
    )


@pytest.mark.slow
def test_a_script_that_trains_far_beyond_the_horizon_has_a_short_curve_and_an_end(own, run):
    config = own(
        """
        from itertools import count
        from amc import trial
        for step in count(100, 100):
            trial.report(step, step)
        """
    )

    outcome = run(config)

    assert outcome.state == "completed"
    assert outcome.steps >= account.TOO_FAR * 1000
    assert len(outcome.evaluations) < 300


SAVES = """
    import json, os, time
    from pathlib import Path
    from amc import trial
    def tell(**line):
        print(json.dumps({"step": 1000, **line}), file=open(os.environ["AMC_REPORT"], "a"))
    place = Path(os.environ["AMC_REPORT"]).parent
    tell(score=1)
"""


def test_a_checkpoint_s_path_has_nothing_removed_that_is_no_copy_of_ours(own, run, tmp_path):
    config = own(
        f"""{SAVES}
    (place / "saved" / "x").mkdir(parents=True)
    (trial.directory / "model").write_text("1")
    tell(checkpoint=str(place / "saved" / "x" / ".." / ".." / ".." / ".." / "files" / "model"))
    tell(checkpoint=str(place / "saved" / ".." / "trial.json"))
    """,
        resumable=True,
    )

    outcome = run(config)

    assert outcome.state == "completed"
    assert (tmp_path / "trial" / "files" / "model").exists()
    assert (tmp_path / "trial" / "exchange" / "0001" / "trial.json").exists()


def test_a_checkpoint_that_no_disk_could_hold_is_refused_before_it_is_written(own, run, tmp_path):
    holds = shutil.disk_usage(tmp_path).total
    config = own(
        f"""{SAVES}
    with open(trial.directory / "model", "wb") as file:
        file.truncate({holds + 4096})
    tell(checkpoint=str(trial.directory / "model"))
    time.sleep(1)
    """,
        resumable=True,
    )

    with pytest.raises(TrainerError, match=r"in all\. Save what is needed|unable to mmap"):
        run(config)

    assert not list((tmp_path / "trial").glob("checkpoints/*"))


def test_copies_of_checkpoints_do_not_outlive_their_attempt(own, run, tmp_path):
    config = own(
        """
        import os
        from amc import trial
        if trial.attempt == 1:
            copy = trial.directory.parent / "exchange" / "0001" / "saved" / "half"
            copy.mkdir(parents=True)
            (copy / "model").write_text("1")
            os.kill(os.getpid(), 9)
        trial.report(1000, 1)
        """
    )

    with pytest.raises(TrainerKilledError):
        run(config)
    left = list(tmp_path.glob("trial/exchange/*/saved"))
    (tmp_path / "trial" / "exchange" / "0001" / "saved").mkdir()  # whoever was killed with it
    run(config)

    assert left == []
    assert list(tmp_path.glob("trial/exchange/*/saved")) == []


def test_a_script_ends_with_whoever_listens_to_it_however_that_ends(own, run, tmp_path):
    config = own(
        """
        import os, time
        from amc import trial
        (trial.directory / "half").write_text(str(os.getpid()))
        os.rename(trial.directory / "half", trial.directory / "pid")
        time.sleep(60)
        """
    )
    pid = tmp_path / "trial" / "files" / "pid"
    if (listener := os.fork()) == 0:
        try:
            run(config)
        finally:
            os._exit(1)

    wait_until(pid.exists)
    os.kill(listener, signal.SIGKILL)
    os.waitpid(listener, 0)

    script = int(pid.read_text())
    wait_until(lambda: not psutil.pid_exists(script) or _is_zombie(script))


def test_what_a_script_leaves_in_its_process_group_ends_with_it(own, run, tmp_path):
    config = own(
        """
        import subprocess
        from amc import trial
        left = subprocess.Popen(["sleep", "60"])
        (trial.directory / "left").write_text(str(left.pid))
        trial.report(1000, 1)
        """
    )

    run(config)

    left = int((tmp_path / "trial" / "files" / "left").read_text())
    wait_until(lambda: not psutil.pid_exists(left) or _is_zombie(left))


@pytest.mark.timeout(20)
def test_a_script_that_asks_its_terminal_is_answered_with_the_end(own, run):
    config = own(
        """
        import sys
        from amc import trial
        trial.report(1000, len(sys.stdin.read()))
        """
    )
    before, (ours, theirs) = os.dup(0), os.pipe()
    os.dup2(ours, 0)  # nothing ever comes there

    outcome = run(config)

    os.dup2(before, 0)
    for one in (before, ours, theirs):
        os.close(one)
    assert outcome.score == 0.0


def test_a_last_report_needs_no_end_of_its_line(own, run):
    config = own(
        """
        import os
        with open(os.environ["AMC_REPORT"], "a") as file:
            file.write('{"step": 1000, "score": 7}')
        """
    )

    assert run(config).score == 7.0


def test_a_second_event_file_that_begins_anew_adds_what_is_beyond_the_first(own, run, tmp_path):
    for name, steps in (("1", (100, 200)), ("2", (100, 200, 300))):
        with TensorBoard(tmp_path / "made" / name, attempt=1) as board:
            for step in steps:
                board.scalars(step, {"return": float(step)})
    script = f"""
        import shutil
        from amc import trial
        shutil.copytree({str(tmp_path / "made")!r}, trial.directory / "runs")
        """

    outcome = run(own(script, score_from={"tensorboard": "return"}))

    assert scores(outcome) == [(100, 100.0), (200, 200.0), (300, 300.0)]


def test_a_number_in_an_event_file_that_is_none_is_left_out(own, run, tmp_path):
    with TensorBoard(tmp_path / "made", attempt=1) as board:
        board.scalars(100, {"return": 1.0, "loss": float("nan")})
        board.scalars(200, {"return": 2.0, "loss": 0.5})
    script = f"""
        import shutil
        from amc import trial
        shutil.copytree({str(tmp_path / "made")!r}, trial.directory / "runs")
        """

    shown = EventFiles(tmp_path / "later")
    (tmp_path / "later").mkdir()

    run(own(script, score_from={"tensorboard": "return"}))

    (tmp_path / "tensorboard").rename(tmp_path / "later" / "tensorboard")
    assert [(one.step, one.value) for one in shown.read() if one.tag == "loss"] == [(200, 0.5)]


def test_a_script_that_has_saved_the_end_of_its_piece_ends_by_itself(own, run, tmp_path):
    config = own(
        """
        import time
        from amc import trial
        (trial.directory / "m").write_text("1")
        trial.report(1000, 1)
        trial.save(trial.directory / "m")
        time.sleep(0.5)
        (trial.directory / "done").write_text("1")
        """,
        resumable=True,
    )

    outcome = run(config)

    assert outcome.state == "completed"
    assert (tmp_path / "trial" / "files" / "done").exists()


SAVES_ONCE = f"""{SAVES}
    (trial.directory / "model").write_text("1")
    tell(checkpoint=str(trial.directory / "model"))
    time.sleep(5)
    """


def test_a_checkpoint_that_changes_while_it_is_read_is_not_kept(own, run, tmp_path, monkeypatch):
    looks = iter(range(10))
    monkeypatch.setattr(payload, "marks", lambda _: frozenset({("", 0, 1, next(looks))}))

    with pytest.raises(TrainerError, match="was written to while it was read"):
        run(own(SAVES_ONCE, resumable=True))

    assert not list((tmp_path / "trial" / "checkpoints").glob("*.pt"))


def test_a_checkpoint_for_which_there_is_no_room_now_is_a_full_disk(own, run, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    with pytest.raises(CheckpointError, match="and its disk 0 free") as caught:
        run(own(SAVES_ONCE, resumable=True))

    assert files.is_full_disk(caught.value)
