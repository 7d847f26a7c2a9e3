"""Everything that is looked at, in order; what takes long is begun first. Its door is `examine`."""

from collections.abc import Iterator
from pathlib import Path

from amc.doctor import computing, dispatching, drawing, software, storage
from amc.doctor.finding import Finding
from amc.doctor.probing import Probe


def examine(shared: Path) -> Iterator[Finding]:
    """Look at everything.

    Args:
        shared: the directory that holds every experiment; it need not be there.

    Yields:
        What was found, as soon as it is known.
    """
    numerical = Probe("numerical")
    drawings = drawing.begin()
    yield from software.versions()
    yield from software.extras()
    yield from storage.directory(shared)
    yield from dispatching.broker(shared)
    yield from dispatching.fleet(shared)
    yield from computing.processors(numerical)
    yield from computing.gpus(numerical)
    yield from drawing.findings(drawings)
    yield drawing.encoder()
