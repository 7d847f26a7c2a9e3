"""Tuning a script that people have: by amc, and by Optuna with a journal file.

    python benchmarks/own_trainer.py [--rounds 5] [--parts speed kills] [--forms function command]
        [--threads one unset] [--trials 16]

speed: 16 trials of `rivals/sb3_script.py` (PPO of Stable-Baselines3 in CartPole, 24,576 steps),
two at a time, from Enter to prompt; called as a function, and started as a command; with the
environment's variables that allow one thread each, and with none of these set. Both search the
same grid of learning rates with one seed, since a worse agent is judged sooner. The contenders
take turns within each round; ratios are taken within a round.
kills: the same job, and three `kill -9` on what trains, one every few seconds; whoever was killed
is started again where its system does not do it. How many trials were completed, how many
suggestions never got a score, and how many were made on top of the 16.
Needs the extras: pip install -c constraints.txt -e '.[bench]'.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import optuna
import psutil
from end_to_end import ENVIRONMENT, WORKERS, watched, with_range

RIVALS = Path(__file__).parent / "rivals"
TRIALS, KILLS, FIRST_KILL_S, KILL_EVERY_S = 16, 3, 12.0, 6.0
COMMAND = [sys.executable, "sb3_script.py", "{learning_rate}"]
FORMS: dict[str, dict[str, Any]] = {
    "function": {"trainer": "sb3_script:train"},
    "command": {"command": COMMAND},
}


def rates(trials: int) -> list[float]:
    """Learning rates, spread evenly on a log scale."""
    return [1e-4 * 30 ** (number / (trials - 1)) for number in range(trials)]


def amc_command(form: str, place: Path, *, seed: int = 0, trials: int = TRIALS) -> list[str]:
    """`amc run`, as a user would; the seed says in which order the grid is tried."""
    config = {
        "experiment_name": "job",
        "seed": seed,
        **FORMS[form],
        "source": str(RIVALS),
        "hyperparameter_optimizer": {
            "type": "grid",
            "n_calls": trials,
            "trials_per_round": WORKERS,
            "mode": "async",
            "finalists": 0,
            "test_seeds": 0,
            "search_space": {"learning_rate": {"choices": rates(trials)}},
        },
        "training": {"total_timesteps": 24_576, "eval_freq": 12_288},
    }
    path = place / "config.json"
    path.write_text(json.dumps(config))
    return [sys.executable, "-m", "amc", "run", str(path), "--workers", str(WORKERS), "--allow"]


def optuna_command(form: str, place: Path, *total: str, trials: int = TRIALS) -> list[str]:
    how = "inside" if form == "function" else "beside"
    return [
        *(sys.executable, str(RIVALS / "optuna_script.py"), how, str(place / "journal.log")),
        *(json.dumps(rates(trials)), str(trials // WORKERS), *total),
    ]


def speed(rounds: int, forms: list[str], threads: list[str], trials: int) -> None:
    """Print a row for each contender."""
    taken: dict[tuple[str, str, str], list[float]] = {}
    for number in range(rounds):
        for form, given in product(forms, threads):
            for name in ("amc", "Optuna"):
                with tempfile.TemporaryDirectory(prefix="amc-own-trainer-") as path:
                    place = Path(path)
                    if name == "amc":
                        commands = [amc_command(form, place, seed=number, trials=trials)]
                    else:
                        commands = [optuna_command(form, place, trials=trials)] * WORKERS
                    environment = ENVIRONMENT if given == "one" else {}
                    end = watched(commands, place, environment=environment, has_memory=False)
                    taken.setdefault((form, given, name), []).append(end.seconds)
                    print(f"{form}, {given}, {name}: {end.seconds:.1f} s", file=sys.stderr)
    print("| the script as a | threads | contender | seconds | amc / it |\n|---|---|---|---|---|")
    for (form, given, name), seconds in taken.items():
        ours = taken[form, given, "amc"]
        ratios = [one / other for one, other in zip(ours, seconds, strict=True)]
        cells = [form, given, name, with_range(seconds, ".1f"), with_range(ratios, ".2f")]
        print(f"| {' | '.join(cells)} |", flush=True)


def kills() -> None:
    """Print what became of the trials of each contender."""
    print("| contender | complete | suggestions without a score | made on top | seconds |")
    print("|---|---|---|---|---|")
    for name, run in (("amc", amc_killed), ("Optuna", optuna_killed)):
        with tempfile.TemporaryDirectory(prefix="amc-own-trainer-") as place:
            began = time.perf_counter()
            complete, open_ = run(Path(place))
            on_top = complete + open_ - TRIALS
            seconds = time.perf_counter() - began
        print(f"| {name} | {complete} | {open_} | {on_top} | {seconds:.0f} |", flush=True)


def started(command: list[str], place: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        cwd=place,
        env={**os.environ, **ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def amc_killed(place: Path) -> tuple[int, int]:
    """Kill a Celery worker with all that it has started, three times; nobody helps."""
    process = started(amc_command("function", place), place)
    for number in range(KILLS):
        time.sleep(KILL_EVERY_S if number else FIRST_KILL_S)
        for one in psutil.process_iter(["cmdline"]):
            is_meant = f"rl-worker-{number % WORKERS}@" in " ".join(one.info["cmdline"] or [])
            if is_meant and works_in(one, place):
                for process_of_it in [*one.children(recursive=True), one]:
                    process_of_it.kill()
                break
    process.wait()
    states = [json.loads(path.read_text())["state"] for path in place.rglob("trials/*/report.json")]
    trials = len(list(place.rglob("trials/*/trial.json")))
    return states.count("completed"), trials - states.count("completed")


def works_in(process: psutil.Process, place: Path) -> bool:
    try:
        return Path(process.cwd()) == place
    except psutil.Error:
        return False


def optuna_killed(place: Path) -> tuple[int, int]:
    """Kill one of the processes three times, and start it again as its user would."""
    command = optuna_command("function", place, str(TRIALS))
    running = [started(command, place) for _ in range(WORKERS)]
    for number in range(KILLS):
        time.sleep(KILL_EVERY_S if number else FIRST_KILL_S)
        index = number % WORKERS
        running[index].kill()
        running[index].wait()
        running[index] = started(command, place)
    for process in running:
        process.wait()
    backend = optuna.storages.journal.JournalFileBackend(str(place / "journal.log"))
    storage = optuna.storages.journal.JournalStorage(backend)
    trials = optuna.load_study(study_name="study", storage=storage).trials
    complete = sum(one.state == optuna.trial.TrialState.COMPLETE for one in trials)
    return complete, len(trials) - complete


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--parts", nargs="*", choices=["speed", "kills"], default=["speed", "kills"]
    )
    parser.add_argument("--forms", nargs="*", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--threads", nargs="*", choices=["one", "unset"], default=["one"])
    parser.add_argument("--trials", type=int, default=TRIALS)
    options = parser.parse_args()
    for name in ENVIRONMENT:
        os.environ.pop(name, None)
    if "speed" in options.parts:
        speed(options.rounds, options.forms, options.threads, options.trials)
    if "kills" in options.parts:
        kills()


if __name__ == "__main__":
    main()
