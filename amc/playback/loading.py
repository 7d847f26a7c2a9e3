"""Finding what was learned: by a path, or as a trial of an experiment.

The doors are `load` and `agent_of`.
"""

from pathlib import Path

from amc.errors import UsageError
from amc.ledger import Ledger
from amc.ledger.paths import ExperimentPaths, SegmentPaths
from amc.playback.agent import Agent
from amc.playback.learned import NO_AGENT, Learned, learned_by, newest
from amc.playback.packing import is_package, unpack

_MEANT = (
    "Name a checkpoint (.pt), the directory of a run, a trial or an ended experiment, or what "
    "`amc package` wrote."
)


def load(path: str | Path) -> Agent:
    """The agent at a path.

    Args:
        path: a checkpoint; or a directory: of `amc train`, of a trial, of an experiment that has
            ended, or one that `amc package` wrote.

    Raises:
        UsageError: there is nothing of the kind.
        CheckpointError: what is there is damaged.
        EnvironmentFault: the environment that it was trained in cannot be made here.
    """
    found = Path(path)
    if found.is_dir():
        return Agent(_in_directory(found))
    if not found.exists():
        raise UsageError(f"{path}: there is no such file or directory. {_MEANT}")
    return Agent(learned_by(found))


def _in_directory(directory: Path) -> Learned:
    if is_package(directory):
        return unpack(directory)
    learned = newest(SegmentPaths(directory).checkpoints)
    best = sorted(ExperimentPaths(directory).best_files.glob("*.pt"))
    if learned is None and best:
        learned = learned_by(best[0])
    if learned is None:
        raise UsageError(f"{directory}: no agent is there. {_MEANT}")
    return learned


def agent_of(ledger: Ledger, trial: int) -> Agent:
    """What a trial of an experiment has learned so far.

    Raises:
        UsageError: there is no such trial, it has no checkpoint yet, or a trainer of the user's
            own trains.
        CheckpointError: its checkpoint is damaged.
    """
    history = ledger.history()
    if trial not in history.trials:
        raise UsageError(
            f"trial {trial}: {ledger.id} has none of that number. "
            f"It has {len(history.trials)}: amc show {ledger.id}"
        )
    if ledger.config.has_own_trainer:
        raise UsageError(f"trial {trial} of {ledger.id}: {NO_AGENT}")
    paths, result = ledger.paths.trial(trial), history.result(trial)
    if result is not None and result.checkpoint:
        return Agent(learned_by(paths.directory / result.checkpoint))
    segments = (paths.segment(index) for index in range(history.newest(trial).index, -1, -1))
    learned = next(filter(None, (newest(segment.checkpoints) for segment in segments)), None)
    if learned is None:
        raise UsageError(
            f"trial {trial} of {ledger.id}: it has no checkpoint. "
            "Wait for its first one, or take another trial: --trial N."
        )
    return Agent(learned)
