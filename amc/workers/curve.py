"""The evaluation curve of a trial: one JSON line per evaluation, one file per attempt.

Writers append through `Curve`; readers call `evaluation_curve`, which joins the attempts. Loads
neither torch nor gymnasium, so that reports and the client may read curves.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

METRICS_DIRECTORY = "metrics"


@dataclass(frozen=True)
class Evaluation:
    """The deterministic policy over some episodes, at one moment of training.

    Attributes:
        step: environment steps trained when it was made.
        score: mean return of the episodes, in the environment's own reward.
        std: standard deviation of the returns.
        episodes: how many episodes.
        length: mean length of the episodes, in steps.
        seconds: wall-clock seconds since the attempt began.
        cut: how many of the episodes were cut off at `training.eval_max_episode_steps`.
    """

    step: int
    score: float
    std: float
    episodes: int
    length: float
    seconds: float
    cut: int = 0

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild from a line of the curve; keys that this version does not know are left out."""
        known = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})


class Curve:
    """Appends evaluations to the file of one attempt."""

    def __init__(self, trial_directory: Path, attempt: int) -> None:
        self.path = trial_directory / METRICS_DIRECTORY / f"{attempt:04d}.jsonl"

    def append(self, evaluation: Evaluation) -> None:
        """Add a line in one write and wait until it is on the disk.

        A checkpoint that is saved later may say that this evaluation was made, so it must not
        survive a power cut that the line did not.
        """
        line = json.dumps(asdict(evaluation), allow_nan=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab", buffering=0) as file:
            file.write(line.encode())
            os.fsync(file.fileno())


def evaluation_curve(trial_directory: Path) -> list[Evaluation]:
    """The curve of a trial by step, its attempts joined; where two measured a step, the later wins.

    A last line that its writer was killed over is left out.
    """
    by_step: dict[int, Evaluation] = {}
    for path in metrics_files(trial_directory):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                evaluation = Evaluation.from_json(json.loads(line))
                by_step[evaluation.step] = evaluation
    return [by_step[step] for step in sorted(by_step)]


def solved_at(evaluations: Iterable[Evaluation], threshold: float | None) -> int | None:
    """The step of the first evaluation at or above the threshold; None if there is none."""
    if threshold is None:
        return None
    return min((one.step for one in evaluations if one.score >= threshold), default=None)


def metrics_files(trial_directory: Path) -> list[Path]:
    """The metrics files of a trial, the first attempt's first."""
    found = (trial_directory / METRICS_DIRECTORY).glob("*.jsonl")
    return sorted(
        (path for path in found if path.stem.isdecimal()), key=lambda path: int(path.stem)
    )
