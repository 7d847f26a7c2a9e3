"""A few bytes that a trial process and its supervisor share."""

import mmap
import struct

# Without a further step of training only these are progress: an update, a step of an evaluation,
# whose episodes are bounded, and what a command prints, of which nothing more can be asked.
_WORK_BETWEEN_STEPS = frozenset({"update", "evaluation", "output"})


class Progress:
    """A few bytes shared with the trial process: what it did last, how far it is, whether it lives.

    A mark that brings no progress, such as a save at the step of the last one, is not counted.
    """

    _LAYOUT = struct.Struct("=QQ16s")

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)
        self._count = self._steps = 0

    def mark(self, what: str, steps: int) -> None:
        """Called by the trial process at every step, update, evaluation and save."""
        if steps > self._steps or what in _WORK_BETWEEN_STEPS:
            self._count += 1
            self._steps = steps
        self._LAYOUT.pack_into(self._memory, 0, self._count, steps, what.encode()[:16])

    def restart(self) -> None:
        """Called by a trial process that makes another attempt: its steps begin anew."""
        self._steps = 0
        self._LAYOUT.pack_into(self._memory, 0, self._count, 0, b"")

    def read(self) -> tuple[int, int, str]:
        """(how many marks that brought progress, environment steps, the last mark)."""
        count, steps, what = self._LAYOUT.unpack_from(self._memory, 0)
        return count, steps, what.rstrip(b"\0").decode()

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
