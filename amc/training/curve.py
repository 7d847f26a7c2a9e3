"""The evaluation curve of a trial: one JSON line per evaluation, one file per attempt.

Writers append through `Curve`; readers call `evaluation_curve`, which joins the attempts. Loads
neither torch nor gymnasium, so that reports and the client may read curves.
"""

import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from amc import failpoints
from amc.errors import LedgerError
from amc.ledger import files
from amc.ledger.paths import SegmentPaths
from amc.ledger.records import Record


@dataclass(frozen=True)
class Evaluation(Record):
    """The deterministic policy over some episodes, at one moment of training.

    Attributes:
        step: environment steps trained when it was made.
        score: mean return of the episodes, in the environment's own reward.
        std: standard deviation of the returns.
        episodes: how many episodes; 0 where a trainer of the user's own tells a score alone.
        length: mean length of the episodes, in steps.
        seconds: wall-clock seconds since the attempt began; 0 where a checkpoint says the rest.
        cut: how many of the episodes were cut off at `training.eval_max_episode_steps`.
    """

    step: int
    score: float
    std: float
    episodes: int
    length: float
    seconds: float
    cut: int = 0


class Curve:
    """Appends evaluations to the file of one attempt.

    Args:
        trial_directory: the trial's, or the segment's.
        attempt: who appends.
        is_durable: whether a line is on the disk before it counts.
    """

    def __init__(self, trial_directory: Path, attempt: int, *, is_durable: bool = True) -> None:
        self.path = SegmentPaths(trial_directory).curve(attempt)
        self._is_durable = is_durable

    def append(self, evaluation: Evaluation) -> None:
        """Add a line, with a checksum as every record has, and wait until it is on the disk.

        A checkpoint that is saved later may say that this evaluation was made, so it must not
        survive a power cut that the line did not. Where the disk takes only a part of the line,
        that part is taken back, so that the next line stands alone.
        """
        line = json.dumps(files.sealed(asdict(evaluation)), allow_nan=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab", buffering=0) as file:
            before = os.fstat(file.fileno()).st_size
            try:
                with failpoints.around("evaluation"):
                    rest = line.encode()
                    while rest:
                        rest = rest[file.write(rest) :]
                    if self._is_durable:
                        os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise


def evaluation_curve(trial_directory: Path) -> list[Evaluation]:
    """The curve of a trial by step, its attempts joined; where two measured a step, the later wins.

    A last line that its writer was killed over is left out.

    Raises:
        LedgerError: a line is not what was written.
    """
    made = (one for path in SegmentPaths(trial_directory).curves() for one in _evaluations(path))
    return joined(made)


def forget_after(step: int, trial_directory: Path) -> None:
    """Remove what attempts measured beyond a step, where the next one need not come to the same."""
    for path in SegmentPaths(trial_directory).curves():
        made = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in made if _step_of(line) <= step]
        if len(kept) < len(made):
            files.replace(path, b"".join(kept).decode(), point="forgotten")


def _step_of(line: bytes) -> float:
    try:
        return float(files.unsealed(line)["step"])
    except ValueError:
        return math.inf  # its writer was killed over it


def joined(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Evaluations by step; where two measured a step, the later wins."""
    by_step = {evaluation.step: evaluation for evaluation in evaluations}
    return [by_step[step] for step in sorted(by_step)]


def _evaluations(path: Path) -> Iterator[Evaluation]:
    *lines, _unfinished = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            data = files.unsealed(line)
        except ValueError as error:
            raise LedgerError(
                f"{path}:{number}: not an evaluation as written ({error})."
            ) from error
        yield Evaluation.from_json(data, f"{path}:{number}")


def solved_at(evaluations: Iterable[Evaluation], threshold: float | None) -> int | None:
    """The step of the first evaluation at or above the threshold; None if there is none."""
    if threshold is None:
        return None
    return min((one.step for one in evaluations if one.score >= threshold), default=None)
