"""The scalars in TensorBoard event files that a trainer of the user's own writes, as they come.

The door is `EventFiles`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util import tensor_util

_PATTERN = "*tfevents*"


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
        self._old = set(directory.rglob(_PATTERN))
        self._loaders: dict[Path, EventFileLoader] = {}

    def read(self) -> Iterator[Scalar]:
        """The points that were written since, file by file."""
        for path in sorted(set(self._directory.rglob(_PATTERN)) - self._old):
            if path not in self._loaders:
                self._loaders[path] = EventFileLoader(str(path))
            for event in self._loaders[path].Load():
                for value in event.summary.value:
                    # The loader turns every form of a scalar into a tensor of one number.
                    if value.metadata.plugin_data.plugin_name == "scalars":
                        number = float(tensor_util.make_ndarray(value.tensor).item())
                        yield Scalar(event.step, value.tag, number)
