"""The evaluations of running trials, read again only where a file has grown.

Its door is `RunningCurves`: whoever follows an experiment looks some times a second.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from amc.errors import LedgerError
from amc.ledger.paths import ExperimentPaths, SegmentPaths, TrialPaths

if TYPE_CHECKING:
    from amc.training.curve import Evaluation

_Sizes = tuple[tuple[Path, int], ...]


class RunningCurves:
    """The curves of an experiment's trials so far.

    Args:
        directory: the experiment's.
    """

    def __init__(self, directory: Path) -> None:
        self._paths = ExperimentPaths(directory)
        self._known: dict[int, tuple[_Sizes, tuple[Evaluation, ...]]] = {}

    def of(self, trial: int) -> tuple["Evaluation", ...]:
        """By step; empty where nothing was evaluated yet, or a line cannot be read."""
        segments = _segments(self._paths.trial(trial))
        try:
            sizes = tuple((path, path.stat().st_size) for one in segments for path in one.curves())
            known, curve = self._known.get(trial, ((), ()))
            if sizes != known:
                curve = _read([one.directory for one in segments])
                self._known[trial] = sizes, curve
        except (OSError, LedgerError):
            return ()  # the trial itself says so, where that matters
        return curve


def _read(segments: Sequence[Path]) -> tuple["Evaluation", ...]:
    from amc.training.curve import evaluation_curve, joined

    return tuple(joined(one for directory in segments for one in evaluation_curve(directory)))


def _segments(trial: TrialPaths) -> list[SegmentPaths]:
    found = [trial.segment(0)]
    while (following := trial.segment(len(found))).directory.exists():
        found.append(following)
    return found
