"""What an experiment costs that has many trials: to decide, to read, to show, to keep on disk.

    OMP_NUM_THREADS=1 python benchmarks/ledger_cost.py decide --trials 100000
    OMP_NUM_THREADS=1 python benchmarks/ledger_cost.py ledger --trials 10000 --directory /dev/shm
    python benchmarks/ledger_cost.py files distributed_shared/my-experiment-1

`decide` gives the driver's own `plan` so many finished trials with made-up curves, in memory, and
times the decisions that follow: what is planned, what is folded, and the winner so far, the
optimizer's own time beside it. `ledger` makes so many through the real records on disk, without
checkpoints, then times a new process that reads them and the commands that show them. `files`
counts what a trained experiment keeps. Times are of the CPU.
"""

import argparse
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.config.search.rungs import rungs
from amc.driver import searching
from amc.driver.planning import plan
from amc.ledger import AttemptEnd, Decision, History, Ledger, Report, Segment, Trial
from amc.ledger.pruning import is_too_low
from amc.ledger.winner import winner

STEPS, EVERY = 1000, 100
MODES: dict[str, dict[str, str]] = {
    "rounds": {},
    "async": {"mode": "async"},
    "halving": {"pruner": "halving"},
    "asha": {"mode": "async", "pruner": "asha"},
    "median": {"mode": "async", "pruner": "median"},
}
TIMED = 200
COLD = """
import sys, time
from pathlib import Path
from amc.ledger import Ledger
began = time.process_time()
Ledger(Path(sys.argv[1])).history()
print(time.process_time() - began)
"""


def search_config(mode: str, n_calls: int) -> ExperimentConfig:
    """A search at random, so that nothing but the number of trials makes it slow."""
    space = {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}, "gamma": [0.9, 0.99]}
    search = {"type": "random", "n_calls": n_calls, "search_space": space, **MODES[mode]}
    return ConfigLoader().from_mapping(
        {
            "experiment_name": f"cost-{mode}",
            "algorithm": "ppo",
            "environment": {"name": "CartPole-v1"},
            "hyperparameter_optimizer": search,
            "training": {"total_timesteps": STEPS, "eval_freq": EVERY, "save_freq": EVERY},
        }
    )


def trained(past: History, segment: Segment) -> Report:
    """What a worker might have reported: a noisy curve towards how good the suggestion is."""
    trial = past.trials[segment.trial]
    draw = random.Random(trial.seed * 1_000_003 + segment.index)
    quality = -abs(math.log(trial.hyperparameters["learning_rate"] / 3e-3))
    curve: list[tuple[int, float]] = []
    state: Any = "completed"
    for step in range(segment.from_step + EVERY, segment.until + 1, EVERY):
        curve.append((step, quality * (2 - step / STEPS) + draw.gauss(0, 0.5)))
        is_low = bool(segment.stop_below) and not segment.is_spared
        if is_low and is_too_low([*past.curve(trial.number), *curve], segment.stop_below):
            state = "halted"
            break
    step, score = curve[-1]
    return Report(*segment.key, state, step=step, score=score, curve=tuple(curve), attempt=1)


@dataclass
class Clock:
    """CPU seconds of each decision: the driver's own, and the optimizer's."""

    own: list[float] = field(default_factory=list)
    optimizer: list[float] = field(default_factory=list)

    def timed(self, decide: Callable[[], Any]) -> Any:
        """Time a decision, if one is made; what is spent in the optimizer counts there."""
        suggest, spent = searching.next_suggestions, 0.0

        def spy(*arguments: Any) -> Any:
            nonlocal spent
            began = time.process_time()
            found = suggest(*arguments)
            spent += time.process_time() - began
            return found

        setattr(searching, "next_suggestions", spy)  # noqa: B010
        began = time.process_time()
        found = decide()
        if found is not None:
            self.own.append(time.process_time() - began - spent)
            self.optimizer.append(spent)
        setattr(searching, "next_suggestions", suggest)  # noqa: B010
        return found

    def __str__(self) -> str:
        own = sorted(second * 1e3 for second in self.own[-TIMED:])
        optimizer = statistics.median(self.optimizer[-TIMED:]) * 1e3
        share = own[int(len(own) * 0.99)]
        return f"{statistics.median(own):.2f} | {share:.2f} | {own[-1]:.2f} | {optimizer:.2f}"


def finished(config: ExperimentConfig, n_trials: int) -> History:
    """So many trials that have come to the end of their first segment, in two decisions."""
    search = config.hyperparameter_optimizer
    is_pruned = search is not None and search.pruner in {"asha", "halving"}
    until = rungs(config.training)[0] if is_pruned else STEPS
    draw = random.Random(0)
    points = [
        {"learning_rate": 10 ** draw.uniform(-5, -2), "gamma": draw.uniform(0.9, 0.99)}
        for _ in range(n_trials)
    ]
    trials = tuple(Trial(n, point, n, n // 18, n) for n, point in enumerate(points))
    segments = tuple(Segment(n, 0, 0, until, STEPS) for n in range(n_trials))
    past = History().after(Decision(0, trials=trials, segments=segments))
    return past.after(Decision(1, tuple(trained(past, segment) for segment in segments)))


def decide(mode: str, n_trials: int) -> Clock:
    """Decide some more where so many trials have ended; the first decisions are not counted."""
    config, clock = search_config(mode, n_trials + 20 * TIMED), Clock()
    past = finished(config, n_trials)

    def once() -> History | None:
        decision = plan(config, past)
        if decision is None:
            return None
        after = past.after(decision)
        winner(config, after)
        return after

    while len(clock.own) < 2 * TIMED:
        after = clock.timed(once)
        if after is not None:
            past = after
        else:
            past = past.seen({one.key: trained(past, one) for one in past.outstanding})
    return clock


def record(ledger: Ledger, n_trials: int) -> Clock:
    """As `decide`, through the records of a ledger; writing them is timed too."""
    config, clock = ledger.config, Clock()

    def once() -> Decision | None:
        history = ledger.history()
        decision = plan(config, history)
        if decision is not None:
            winner(config, history)
            ledger.append(decision)
        return decision

    while len(ledger.history().learned) < n_trials:
        if clock.timed(once) is None:
            history = ledger.history()
            for segment in history.outstanding:
                report(ledger, history, segment)
    return clock


def report(ledger: Ledger, past: History, segment: Segment) -> None:
    """Write what a worker would."""
    attempt = ledger.claim_attempt(segment.trial, worker="rl-worker-0", queue="gpu0", host="here")
    ledger.write_report(trained(past, segment))
    ledger.end_attempt(segment.trial, attempt.number, AttemptEnd("result"))


def cpu(arguments: list[str], **environment: str) -> float:
    """CPU seconds of a whole program and all that it waited for."""
    before = os.times()
    # Without a fleet `amc status` ends with 3.
    env, quiet = {**os.environ, **environment}, subprocess.DEVNULL
    subprocess.run(arguments, check=False, env=env, stdout=quiet, stderr=quiet)
    after = os.times()
    return after.children_user + after.children_system - before[2] - before[3]


def cold(directory: Path) -> float:
    """CPU seconds in which a new process reads an experiment."""
    program = [sys.executable, "-c", COLD, str(directory)]
    return min(float(subprocess.check_output(program)) for _ in range(2))


def shown(ledger: Ledger) -> Iterator[str]:
    """A row for each command that shows an experiment."""
    for command in (["status"], ["ls"], ["show", ledger.id], ["best", ledger.id]):
        arguments = [sys.executable, "-m", "amc", *command]
        shared = {"AMC_SHARED_DIR": str(ledger.directory.parent)}
        seconds = min(cpu(arguments, **shared) for _ in range(3))
        yield f"| `amc {command[0]}` | {seconds:.2f} s |"


def count(directory: Path) -> Iterator[str]:
    """Files and bytes of an experiment, by what they are, for each of its trials."""
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for path in directory.rglob("*"):
        if path.is_file():
            kind = _kind(path.relative_to(directory))
            files[kind] += 1
            sizes[kind] += path.stat().st_size
    trials = len(list((directory / "trials").iterdir()))
    yield f"{directory.name}: {trials} trials\n\n| kind | files | bytes |\n|---|---|---|"
    for kind in sorted(files):
        yield f"| {kind} | {files[kind] / trials:.2f} | {sizes[kind] / trials:,.0f} |"
    yield f"| all | {sum(files.values()) / trials:.2f} | {sum(sizes.values()) / trials:,.0f} |"


def _kind(path: Path) -> str:
    if path.parts[0] in {"decisions", "rounds", "snapshots", "tensorboard", "best"}:
        return path.parts[0]
    if path.parts[0] != "trials":
        return "of the experiment"
    folder = path.parent.name
    return folder if folder in {"checkpoints", "metrics", "attempts"} else path.name


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("decide", "ledger"):
        command = commands.add_parser(name)
        command.add_argument("--trials", type=int, default=10_000)
        command.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
        command.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    commands.add_parser("files").add_argument("directory", type=Path)
    options = parser.parse_args()
    if options.command == "files":
        print(*count(options.directory), sep="\n")
        return
    print("| mode | CPU ms of a decision, median | 99 % | most | optimizer's own, median |")
    print("|---|---|---|---|---|")
    for mode in options.modes:
        if options.command == "decide":
            print(f"| {mode} | {decide(mode, options.trials)} |", flush=True)
        else:
            measure(mode, options.trials, options.directory)


def measure(mode: str, n_trials: int, directory: Path) -> None:
    """Make a ledger, time everything, and remove it."""
    shared = Path(tempfile.mkdtemp(prefix="amc-cost-", dir=directory))
    try:
        ledger = Ledger.create(shared, search_config(mode, n_trials + 8))
        print(f"| {mode} | {record(ledger, n_trials)} |", flush=True)
        print(*shown(ledger), sep="\n")
        with_pages = cold(ledger.directory)
        shutil.rmtree(ledger.paths.snapshot(0).parent, ignore_errors=True)
        print(f"| read by a new process | {with_pages:.2f} s |")
        print(f"| the same without snapshots | {cold(ledger.directory):.2f} s |", flush=True)
    finally:
        shutil.rmtree(shared)


if __name__ == "__main__":
    main()
