"""The scalars in TensorBoard event files that a trainer of the user's own writes, as they come.

The door is `EventFiles`.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from google.protobuf.message import DecodeError
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util import tensor_util

from amc.errors import TrainerError

_MARK = "tfevents"
# Of a file, before something else is looked at; what is written without end is heard no longer.
_MOST_EVENTS, _MOST_EVENTS_AT_THE_END = 10_000, 10_000_000


class Scalar(NamedTuple):
    """A point of a curve."""

    step: int
    tag: str
    value: float


class EventFiles:
    """Reads the event files below a directory.

    Args:
        directory: it need not be there. Files that are there already are an earlier attempt's.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._old = self._found()
        self._loaders: dict[Path, EventFileLoader] = {}

    def read(self, *, is_over: bool = False) -> Iterator[Scalar]:
        """The points that were written since, file by file.

        Args:
            is_over: whether nobody writes any more; then all that is left.

        Raises:
            TrainerError: a file holds something else.
        """
        most = _MOST_EVENTS_AT_THE_END if is_over else _MOST_EVENTS
        for path in sorted(self._found() - self._old):
            try:
                if path not in self._loaders:
                    self._loaders[path] = EventFileLoader(str(path))
                for event in islice(self._loaders[path].Load(), most):
                    yield from _scalars(event)
            except (DecodeError, TypeError, ValueError) as error:
                raise TrainerError(
                    f"score_from: {path} is named like an event file of TensorBoard and holds "
                    f"something else ({type(error).__name__}). Give it another name."
                ) from error

    def _found(self) -> set[Path]:
        # Not by `rglob`, which a directory that is just being removed brings down. And not what a
        # link leads to: that may be anybody's.
        walk = os.walk(self._directory)
        paths = (Path(place, name) for place, _, names in walk for name in names if _MARK in name)
        return {path for path in paths if path.is_file() and not path.is_symlink()}


def _scalars(event: Event) -> Iterator[Scalar]:
    for value in event.summary.value:
        # The loader turns every form of a scalar into a tensor of one number.
        if value.metadata.plugin_data.plugin_name == "scalars":
            number = float(tensor_util.make_ndarray(value.tensor).item())
            yield Scalar(event.step, value.tag, number)
