import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.permission import fingerprints, foreign_code, require_allowed
from tests.experiments import of_command

_TRAIN = ["python", "train.py", "--lr", "{learning_rate}"]


def config_of(**own: Any) -> ExperimentConfig:
    fixed = {"algorithm_config": {"learning_rate": 0.1}, "hyperparameter_optimizer": None}
    return of_command(**{**fixed, "command": None, **own})


def may(monkeypatch: pytest.MonkeyPatch, config: ExperimentConfig, allowed: str | None) -> bool:
    if allowed is not None:
        monkeypatch.setenv("AMC_ALLOW_COMMANDS", allowed)
    code = foreign_code(config)
    assert code is not None
    return code.is_allowed


@pytest.mark.parametrize(
    "allowed",
    [
        "python train.py",
        "python",
        "./run.sh, python   'train.py' --lr",
        "python train.py --lr {learning_rate}",
        "python train.py,'open quote",
    ],
)
def test_a_command_is_allowed_by_its_first_words(monkeypatch: pytest.MonkeyPatch, allowed: str):
    assert may(monkeypatch, config_of(command=_TRAIN), allowed)


@pytest.mark.parametrize(
    "allowed",
    [
        None,
        "",
        " , ,",
        "*",
        "python other.py",
        "python train",
        "python train.py --lr 0.1",
        "train.py",
        "Python",
        "'python train.py'",
        "x 'y, python train.py",  # the quote that is open takes the rest
        "python\\ train.py",
        "'x, python train.py, y'",
        "x\\,python train.py",
        "''",
        "{learning_rate}",
        "LD_PRELOAD=x.so python train.py",
    ],
)
def test_nothing_else_allows_it(monkeypatch: pytest.MonkeyPatch, allowed: str | None):
    config = config_of(command=_TRAIN)

    assert not may(monkeypatch, config, allowed)
    with pytest.raises(UsageError, match="AMC_ALLOW_COMMANDS"):
        require_allowed(config)


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "PYTHONPATH", "BASH_ENV"])
def test_variables_of_a_command_have_to_be_allowed_with_it(
    monkeypatch: pytest.MonkeyPatch, name: str
):
    config = config_of(command=_TRAIN, env={name: "/tmp/evil", "HOME": None})

    assert not may(monkeypatch, config, f"python train.py,{name}=/tmp python,{name}=/tmp/evil")
    assert may(monkeypatch, config, f"{name}=/tmp/evil python train.py")


def test_a_program_that_the_search_chooses_is_never_allowed(monkeypatch: pytest.MonkeyPatch):
    config = config_of(command=["{learning_rate}", "train.py"])

    assert not may(monkeypatch, config, "{learning_rate},{learning_rate} train.py,0.1 train.py")
    with pytest.raises(UsageError, match="first word"):
        require_allowed(config)


def test_a_program_that_looks_like_a_variable_is_never_allowed(monkeypatch: pytest.MonkeyPatch):
    config = config_of(command=["A=1", "python"])

    assert not may(monkeypatch, config, "A=1 python,A=1,'A=1' python")


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [("my_code", True), ("a,my_code", True), ("my_code:train", False), ("my_cod", False)],
)
def test_a_function_is_allowed_by_its_module(
    monkeypatch: pytest.MonkeyPatch, allowed: str, expected: bool
):
    monkeypatch.setenv("AMC_ALLOW_MODULES", allowed)
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "my_code,my_code:train")

    code = foreign_code(config_of(trainer="my_code:train"))

    assert code is not None and code.is_allowed == expected


@pytest.mark.parametrize(
    "command",
    [
        _TRAIN,
        ["./run.sh", "--lr", "{learning_rate}"],
        ["python", "-m", "my code", "a,b"],
        ["env", "it's", '"quoted"', "--x={learning_rate}"],
    ],
)
def test_what_the_sentence_says_allows_the_command(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "other thing")
    config = config_of(command=command, env={"CUDA_VISIBLE_DEVICES": "0,1"})

    with pytest.raises(UsageError) as refusal:
        require_allowed(config)

    words = shlex.split(str(refusal.value).partition("amc down && ")[2])
    name, _, text = words[0].partition("=")
    monkeypatch.setenv(name, text)
    require_allowed(config)
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", text.partition(",")[0])
    assert text.startswith("other thing,") and not may(monkeypatch, config, None)


@pytest.mark.parametrize(
    ("word", "entry"),
    [
        ("{source}/train.py", "python {source}/train.py"),
        ("{source}/{learning_rate}.py", "python"),
    ],
)
def test_where_the_source_stands_for_itself_the_sentence_names_the_script_too(
    monkeypatch: pytest.MonkeyPatch, word: str, entry: str
):
    monkeypatch.delenv("AMC_ALLOW_COMMANDS", raising=False)
    code = foreign_code(config_of(command=["python", word, "--lr", "{learning_rate}"]))

    assert code is not None
    (assigned,) = shlex.split(code.assignment)
    assert shlex.split(assigned.partition("=")[2]) == entry.split()


def test_what_is_permitted_once_is_that_command_and_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "something else")
    config, code = config_of(command=_TRAIN), foreign_code(config_of(command=_TRAIN))
    assert code is not None

    code.permit()

    require_allowed(config)
    for other in (["python", "train.py"], ["python", "train.py", "--lr"], ["something", "else"]):
        with pytest.raises(UsageError):
            require_allowed(config_of(command=other))


def test_what_amc_itself_trains_needs_no_permission(monkeypatch: pytest.MonkeyPatch):
    environment = {"name": "CartPole-v1"}

    config = config_of(algorithm="ppo", environment=environment, algorithm_config={})

    assert foreign_code(config) is None
    require_allowed(config)


def test_no_word_of_an_allow_list_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py --token secret")

    assert "secret" not in json.dumps(fingerprints()) and len(fingerprints()) == 2


def test_where_nothing_is_allowed_nothing_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AMC_ALLOW_COMMANDS", raising=False)
    monkeypatch.delenv("AMC_ALLOW_MODULES", raising=False)

    assert fingerprints() == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("project", True),
        ("project/deep/er", True),
        (".", False),
        ("project-2", False),
        ("project/../elsewhere", False),
        ("project/link", False),
    ],
)
@pytest.mark.parametrize("own", [{"command": _TRAIN}, {"trainer": "my_code:train"}])
def test_code_lies_where_the_worker_was_started_or_below(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own: dict[str, Any],
    source: str,
    expected: bool,
):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    monkeypatch.setenv("AMC_ALLOW_MODULES", "my_code")

    code = foreign_code(config_of(source=str(tmp_path / source), **own))

    assert code is not None and code.is_allowed == expected


def test_other_directories_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    monkeypatch.setenv("AMC_ALLOW_SOURCES", f"/nowhere:{tmp_path}")

    here = foreign_code(config_of(command=_TRAIN, source=str(tmp_path / "code")))
    started_in = foreign_code(config_of(command=_TRAIN, source="."))

    assert here is not None and here.is_allowed
    assert started_in is not None and not started_in.is_allowed


def test_what_lies_in_the_shared_directory_was_put_there_by_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shared = tmp_path / "distributed_shared"
    shared.mkdir()
    monkeypatch.setenv("AMC_SHARED_DIR", str(shared))
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    monkeypatch.chdir(tmp_path)

    evil = foreign_code(config_of(command=_TRAIN, source=str(shared / "evil")))

    assert evil is not None and not evil.is_allowed


def test_a_shared_directory_counts_where_it_is_named_and_not_for_being_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_SHARED_DIR", str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    monkeypatch.chdir(tmp_path)
    config = config_of(command=_TRAIN, source=str(tmp_path))

    started_in = foreign_code(config)
    assert started_in is not None and not started_in.is_allowed
    started_in.permit()

    require_allowed(config)


def test_the_sentence_names_a_directory_that_is_not_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    config = config_of(command=_TRAIN, source=str(tmp_path))

    with pytest.raises(UsageError, match=f"AMC_ALLOW_SOURCES={tmp_path} amc up"):
        require_allowed(config)


def test_the_entry_point_of_an_installed_package_needs_no_permission():
    require_allowed(config_of(trainer="installed"))
