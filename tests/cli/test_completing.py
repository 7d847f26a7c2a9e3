import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result as Outcome

from amc.cli import COMMANDS, completing, imported
from amc.config.hyperparameters import SB3

AMC = Path(sys.executable).with_name("amc")


def offered(words: str, *, shell: str = "bash", loaded: bool = False) -> list[str]:
    """What a shell is offered behind words; a blank at the end begins a new one."""
    begun = words.split(" ")
    last = begun[-1] if shell == "fish" else str(len(begun) - 1)
    variables = {"COMP_WORDS": words, "COMP_CWORD": last, "_AMC_COMPLETE": f"{shell}_complete"}
    command = [str(AMC)]
    if loaded:
        code = (
            "import atexit, sys; from amc.cli import main; "
            "atexit.register(lambda: print(*sys.modules)); main(prog_name='amc')"
        )
        command = [sys.executable, "-c", code]
    process = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    if loaded:
        return process.stdout.splitlines()[-1].split()
    lines = process.stdout.strip().splitlines()
    return [line.partition("," if shell != "zsh" else "\n")[2] or line for line in lines]


def test_ids_are_offered_by_their_directories_and_nothing_heavy_is_loaded(make_experiment, shared):
    for name in ("cartpole", "cartpole", "lander"):
        make_experiment(1.0, name=name)
    (shared / ".fleet").mkdir()

    modules = set(offered("amc show cart", loaded=True))

    assert offered("amc show cart") == ["cartpole-1", "cartpole-2"]
    assert offered("amc rm cartpole-1 l") == ["lander-1", "latest"]
    assert offered("amc show cart", shell="fish")[0].startswith("cartpole-1")
    assert not modules & {"redis", "pydantic", "numpy", "torch", "rich"}


def test_without_a_shared_directory_nothing_is_offered(shared):
    assert offered("amc watch ") == []


def test_keys_of_a_config_are_offered_and_behind_them_their_values():
    keys = offered("amc submit --set training.t")

    assert keys == ["training.threads=", "training.total_timesteps="]
    assert offered("amc run --set optimizer.type=s", shell="fish") == ["optimizer.type=sgd"]
    assert offered("amc add-trial x-1 --set clip_range_") == ["clip_range_vf="]


def test_files_are_offered_for_a_config_and_options_by_the_command_itself():
    assert offered("amc submit conf") == ["conf"]
    assert offered("amc init --a") == ["--algorithm"]
    assert offered("amc init CartPole-v1 --algorithm ") == ["ppo", "ddpg", *SB3]
    assert offered("amc init CartPole-v1 --algorithm sb3:D") == ["sb3:DQN", "sb3:DDPG"]


def test_every_command_that_takes_an_id_or_a_config_has_a_stand_in(monkeypatch):
    nobody = completing.stand_in("show", [])
    monkeypatch.setenv("COMP_WORDS", "")
    takers = set()
    for name in COMMANDS:
        arguments = [one for one in imported(name).params if one.param_type_name == "argument"]
        said = " ".join(one.metavar or "" for one in arguments)
        if any(word in said for word in ("ID", "CONFIG", "FILE...")):
            takers.add(name)

    assert nobody is None
    assert {name for name in COMMANDS if completing.stand_in(name, [])} == takers


def test_an_agent_is_an_experiment_s_or_a_file(shared):
    (shared / "cart-1").mkdir(parents=True)
    context, parameter = click.Context(click.Command("enjoy")), click.Option(["--x"])

    ids = completing.experiments_or_files(context, parameter, "car")
    (path,) = completing.experiments_or_files(context, parameter, "runs/c")

    assert ids == ["cart-1"]
    assert (path.type, path.value) == ("file", "runs/c")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_printed_with_how_to_install_it(
    shell: str, amc: Callable[..., Outcome]
):
    outcome = amc("completion", shell)

    assert outcome.exit_code == 0
    assert f"amc completion {shell}" in outcome.stdout.splitlines()[0]
    assert f"{shell}_complete" in outcome.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_an_id_and_a_key_without_a_blank(make_experiment, shared):
    make_experiment(1.0)
    script = f"""
        PATH={AMC.parent}:$PATH
        eval "$(amc completion bash)"
        compopt() {{ echo "compopt $1 $2"; }}
        complete_words() {{
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _amc_completion amc; echo "${{COMPREPLY[@]}}"
        }}
        complete_words amc best cart
        complete_words amc run --set seeds
    """

    process = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert process.stdout.splitlines() == ["cartpole-1", "compopt -o nospace", "seeds="]
