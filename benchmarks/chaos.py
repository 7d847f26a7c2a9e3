"""Random faults into running experiments of all modes, and then the oracle over each of them.

    python benchmarks/chaos.py [--minutes 30] [--seed 0] [--workers 3]

A private fleet first runs each mode once, undisturbed. Then experiments are kept under way, and a
fault of `benchmarks/injection/faults.py` is done to them every other second. Each that ends is
checked: `amc.verify` finds nothing, and decisions, scores and digests are those of the undisturbed
one; where they depend on who was quicker, a segment is trained again in their place. In the end no
process may be left. What it prints is a table of faults, of experiments and of violations; it exits
with 1 if there is one. The seed decides every choice; what a fault meets is the machine's business.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

Outcome = dict[str, Any]

PAUSE_S = 1.5
UNDER_WAY = 4
# Without faults an experiment takes some 15 s on two cores.
ENDS_WITHIN_S = 600.0
CONFIG: dict[str, Any] = {
    "experiment_name": "chaos",
    "algorithm": "ppo",
    "algorithm_config": {"n_envs": 2, "n_steps": 64, "batch_size": 64, "n_epochs": 2},
    "environment": {"name": "CartPole-v1"},
    "training": {"total_timesteps": 5120, "eval_freq": 1024, "save_freq": 512, "eval_episodes": 2},
}
SEARCH: dict[str, Any] = {
    "type": "random",
    "n_calls": 9,
    "search_space": {"learning_rate": [1e-4, 1e-2], "gamma": [0.9, 0.999]},
}
AS_THEY_COME = "asha, as they come"
CANCELLED = "cancelled"
EXTENDED = "extended"
ALONE = (AS_THEY_COME, CANCELLED, EXTENDED)
MODES: dict[str, dict[str, Any]] = {
    "rounds": {"type": "bayesian", "n_initial_points": 4},
    "halving": {"pruner": "halving"},
    "async": {"mode": "async", "window": 4},
    "asha": {"mode": "async", "window": 4, "pruner": "asha"},
    "median": {"mode": "async", "window": 4, "pruner": "median"},
    "median in rounds": {"trials_per_round": 6, "pruner": "median"},
    "grid": {"type": "grid", "n_calls": 8},
    "pbt": {"type": "pbt", "n_calls": 6, "perturbation_interval": 1024},
    AS_THEY_COME: {"mode": "async", "window": 4, "pruner": "asha", "order": "as_they_come"},
    CANCELLED: {"n_calls": 40},
    EXTENDED: {"n_calls": 4, "mode": "async", "window": 4},
}


def config_of(mode: str) -> dict[str, Any]:
    """The config of a mode; the same at every call, so that every run of it must come out alike."""
    return {**CONFIG, "hyperparameter_optimizer": {**SEARCH, **MODES[mode]}}


class Chaos:
    """A run of this program: what is under way, what was done, and what was found."""

    def __init__(self, shared: Path, seed: int, n_workers: int) -> None:
        from injection.system import System

        from amc import fleet

        description = fleet.describe(fleet.read(None, workers=n_workers, gpus=None), {})
        self.random = random.Random(seed)
        self.system = System(shared, description, random.Random(self.random.random()))
        self.faults: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.violations: list[str] = []
        self._undisturbed: dict[str, Outcome] = {}
        self._under_way: dict[str, tuple[str, float]] = {}

    def learn_undisturbed(self) -> None:
        """Run each mode once without faults."""
        self.system.up()
        for mode in MODES:
            if mode not in ALONE:
                ledger = self._submit(mode)
                self._await(ledger)
                self._undisturbed[mode] = outcome(ledger)
                self.system.running.remove(ledger)
                say(f"{mode}: {len(ledger.history().segments)} segments, undisturbed")

    def rage(self, minutes: float) -> None:
        """Do faults for so long, and keep experiments under way."""
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            self._keep_under_way()
            self._do_a_fault()
            self.system.pass_time(PAUSE_S)
            self._look()

    def _keep_under_way(self) -> None:
        from amc.errors import AmcError

        while len(self.system.running) < UNDER_WAY:
            mode = self.random.choice(list(MODES))
            try:
                ledger = self._submit(mode)
            except (AmcError, *away()):
                self.system.up()  # nothing was written
            else:
                self._under_way[ledger.id] = mode, time.monotonic()

    def _submit(self, mode: str) -> Any:
        import amc
        from amc.ledger import Ledger

        ledger = Ledger(amc.submit(config_of(mode)).directory)
        self.system.running.append(ledger)
        return ledger

    def _do_a_fault(self) -> None:
        from injection.faults import FAULTS

        from amc.errors import AmcError

        name = self.random.choice(list(FAULTS))
        try:
            if FAULTS[name](self.system):
                self.faults[name] += 1
                say(f"{name}")
        except (AmcError, *away()) as error:
            # What it was to be done to was away.
            say(f"{name}: not done ({error})")

    def _look(self) -> None:
        from amc.ledger.records import Request

        for ledger in list(self.system.running):
            mode, began = self._under_way[ledger.id]
            if ledger.is_finished:
                self._check(ledger, mode)
            elif time.monotonic() - began > ENDS_WITHIN_S:
                self._violate(ledger, mode, f"has not ended after {ENDS_WITHIN_S:.0f} s")
            elif mode == CANCELLED and self.random.random() < 0.1:
                ledger.mark_cancelled()
            elif mode == EXTENDED and self.random.random() < 0.1:
                ledger.ask(Request(0, "calls", calls=2))

    def calm_down(self) -> None:
        """Let everything end, and see that no process is left."""
        from amc import fleet

        self.system.up()
        for ledger in self.system.running:
            if self._under_way[ledger.id][0] == CANCELLED:
                ledger.mark_cancelled()
        for ledger in list(self.system.running):
            self._await(ledger)
            mode, _ = self._under_way[ledger.id]
            if ledger.is_finished:
                self._check(ledger, mode)
            else:
                self._violate(ledger, mode, "does not end")
        for line in self._faults_of_ours():
            self.violations.append(f"in a log: {line}")
        fleet.down(shared=self.system.shared)
        for process in self.system.processes():
            self.violations.append(f"a process is left: {process}")

    def _await(self, ledger: Any) -> None:
        deadline = time.monotonic() + ENDS_WITHIN_S
        while not ledger.is_finished and time.monotonic() < deadline:
            time.sleep(0.1)

    def _faults_of_ours(self) -> list[str]:
        from amc.fleet.fleet_paths import log_files

        lines = (line for path in log_files(self.system.shared) for line in path.open())
        return [line.strip() for line in lines if "by a fault of ours" in line]

    def _check(self, ledger: Any, mode: str) -> None:
        from amc.verify import replay, verify

        self._mend(ledger)
        found = verify(ledger)
        if mode == AS_THEY_COME:
            found += [f"{one.key}: {fault}" for one, fault in replay(ledger, 1) if fault]
        elif mode not in ALONE and outcome(ledger) != self._undisturbed[mode]:
            found.append("came out otherwise than undisturbed")
        allowed = {"cancelled", "completed"} if mode == CANCELLED else {"completed"}
        if ledger.state not in allowed:
            found.append(f"{ledger.state}: {ledger.end}")
        for fault in found:
            self._violate(ledger, mode, fault)
        if not found:
            self._end(ledger, mode)

    def _mend(self, ledger: Any) -> None:
        """Put back what was damaged on purpose: the oracle is to find what else is wrong."""
        for path, content in self.system.torn.items():
            if path.is_relative_to(ledger.directory) and path.exists():
                path.write_bytes(content)

    def _violate(self, ledger: Any, mode: str, fault: str) -> None:
        self.violations.append(f"{ledger.id} ({mode}): {fault}")
        say(f"VIOLATION: {self.violations[-1]}")
        self._end(ledger, mode)

    def _end(self, ledger: Any, mode: str) -> None:
        if ledger in self.system.running:
            self.system.running.remove(ledger)
            self.ended[mode] += 1
            say(f"{ledger.id} ({mode}) ended: {ledger.state}")


def outcome(ledger: Any) -> Outcome:
    """What must not depend on who computed it, or how often it was tried."""
    history = ledger.history()
    reports = {
        key: (one.state, one.step, one.score, one.digest, one.start_digest, one.curve)
        for key, one in history.learned.items()
    }
    return {
        "trials": dict(history.trials),
        "segments": dict(history.segments),
        "learned in": dict(history.learned_in),
        "reports": reports,
    }


def away() -> tuple[type[Exception], ...]:
    """What is raised where somebody is not there, just then."""
    import psutil
    import redis
    from kombu.exceptions import OperationalError

    return redis.RedisError, OperationalError, psutil.NoSuchProcess


def say(line: str) -> None:
    """Tell how it goes, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def print_table(chaos: Chaos) -> None:
    """The faults by kind, the experiments by mode, and the violations."""
    for title, counts in (("fault", chaos.faults), ("experiments", chaos.ended)):
        print(f"| {title} | times |\n|---|---|")
        for name, count in sorted(counts.items()):
            print(f"| {name} | {count} |")
        print(f"| all | {counts.total()} |\n")
    print(f"{len(chaos.violations)} violations")
    for violation in chaos.violations:
        print(f"- {violation}")


def main() -> int:
    """Run it; 1 if anything was violated."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="leave the directory for a look")
    options = parser.parse_args()
    shared = Path(tempfile.mkdtemp(prefix="amc-chaos-"))
    # Said before anything of amc is imported: the app is made for this directory.
    os.environ["AMC_SHARED_DIR"] = str(shared)
    os.environ.pop("AMC_BROKER_URL", None)
    from amc import fleet

    chaos = Chaos(shared, options.seed, options.workers)
    try:
        chaos.learn_undisturbed()
        chaos.rage(options.minutes)
        chaos.calm_down()
    finally:
        fleet.down(shared=shared, at_once=True)
    print_table(chaos)
    if options.keep or chaos.violations:
        say(f"kept: {shared}")
    else:
        shutil.rmtree(shared)
    return 1 if chaos.violations else 0


if __name__ == "__main__":
    sys.exit(main())
