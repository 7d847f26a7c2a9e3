"""What a training script knows of its trial, and tells of it. One file, without dependencies.

    from amc import trial

    model = build(**trial.hyperparameters, seed=trial.seed)
    if trial.checkpoint:
        model.load(trial.checkpoint)
    while step < trial.until and not trial.should_stop():
        ...
        trial.report(step, score)
        trial.save("model.zip")

A script whose interpreter has no amc can take a copy of this file along, or do without: `AMC_TRIAL`
names a JSON file that says what is here attributes, and every line of JSON that is appended to the
file that `AMC_REPORT` names is a report. A function that is called with a trial gets the same
object. Without amc around, hyperparameters are empty, and what is reported is printed.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any


class Trial:
    """One trial, or a piece of it, as whoever trains it sees it.

    Attributes:
        number: of the trial in its experiment.
        attempt: 1-based; more than 1 after a process was killed, say.
        hyperparameters: by name.
        seed: where every random draw should come from; 0 to 2**31 - 1.
        directory: to write to; its own.
        checkpoint: what to go on from, as it was given to `save`; None to begin from nothing.
        from_step: where it goes on, 0 from nothing.
        until: train to this step, then end; None if nobody says.
        horizon: where the whole training is meant to end, for schedules; never less than `until`.
        threads: how many to compute with.
        device: cpu, cuda, cuda:N, or auto.
        eval_freq: steps between two scores that are compared with those of other trials.
        environment: that section of the config.
    """

    def __init__(self, facts: dict[str, Any] | None = None) -> None:
        told = facts or {}
        checkpoint = told.get("checkpoint")
        self.number: int = told.get("trial", 0)
        self.attempt: int = told.get("attempt", 1)
        self.hyperparameters: dict[str, Any] = told.get("hyperparameters", {})
        self.seed: int = told.get("seed", 0)
        self.directory = Path(told.get("directory", "."))
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.from_step: int = told.get("from_step", 0)
        self.until: int | None = told.get("until")
        self.horizon: int | None = told.get("horizon")
        self.threads: int = told.get("threads", 1)
        self.device: str = told.get("device", "auto")
        self.eval_freq: int | None = told.get("eval_freq")
        self.environment: dict[str, Any] = told.get("environment", {})
        self._latest = self.from_step
        self._saved = 0

    def report(self, step: int, score: float | None = None, **metrics: float) -> None:
        """Tell how training stands.

        Args:
            step: steps trained so far, in all; never less than before.
            score: higher is better; the last one is what the trial is worth.
            metrics: further numbers, which TensorBoard shows under their names.
        """
        line: dict[str, Any] = {"step": int(step)}
        if score is not None:
            line["score"] = float(score)
        line.update((name, float(value)) for name, value in metrics.items())
        self._latest = line["step"]
        self._tell(line)

    def save(self, path: str | os.PathLike[str], step: int | None = None) -> None:
        """Hand over a checkpoint: what is needed to go on from here.

        It is copied before this returns, so the next one may have the same name.

        Args:
            path: a file, or a directory with files.
            step: steps trained by then; those of the last report if None.
        """
        line = {"step": self._latest if step is None else int(step)}
        self._latest = line["step"]
        self._hand_over(Path(path), line)

    def should_stop(self) -> bool:
        """Whether to save a checkpoint and end; to be asked now and then."""
        return False

    def _hand_over(self, path: Path, line: dict[str, Any]) -> None:
        self._tell({**line, "checkpoint": str(path.resolve())})

    def _tell(self, line: dict[str, Any]) -> None:
        print(" ".join(f"{name} {value}" for name, value in line.items()), flush=True)


class _ToldByFile(Trial):
    """A trial of a process of its own."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(facts)
        self._reports = Path(facts["report"])
        self._stop = Path(facts["stop"])

    def should_stop(self) -> bool:
        return self._stop.exists()

    def _hand_over(self, path: Path, line: dict[str, Any]) -> None:
        self._saved += 1
        copies = self._reports.parent / "saved" / f"{os.getpid()}-{self._saved:06}"
        copies.mkdir(parents=True)
        copy = copies / path.resolve().name
        try:
            _copy(path, copy)
        except BaseException:
            shutil.rmtree(copies, ignore_errors=True)  # half of it may have filled the disk
            raise
        self._tell({**line, "checkpoint": str(copy)})

    def _tell(self, line: dict[str, Any]) -> None:
        # One write of a whole line: whoever reads it never sees two mixed.
        with open(self._reports, "ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")


def _copy(path: Path, copy: Path) -> None:
    if path.is_file():
        shutil.copyfile(path, copy)
        return
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is neither a file nor a directory. Save one of them.")
    for place, names, _ in os.walk(path):
        for name in names:
            if os.path.islink(link := os.path.join(place, name)):
                # It may lead to where it stands, and then there would be no end of it.
                raise ValueError(f"{link} is a link to a directory. Save what it leads to.")
    shutil.copytree(path, copy)


def current() -> Trial:
    """The trial that this process trains; the same object at every call."""
    global _current
    if _current is None:
        place = os.environ.get("AMC_TRIAL")
        if place is None:
            _current = Trial()
        else:
            with open(place, encoding="utf-8") as file:
                _current = _ToldByFile(json.load(file))
    return _current


_current: Trial | None = None


def report(step: int, score: float | None = None, **metrics: float) -> None:
    """See `Trial.report`."""
    current().report(step, score, **metrics)


def save(path: str | os.PathLike[str], step: int | None = None) -> None:
    """See `Trial.save`."""
    current().save(path, step)


def should_stop() -> bool:
    """See `Trial.should_stop`."""
    return current().should_stop()


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(current(), name)
