"""What a trainer of the user's own prints, in a file that never grows beyond a bound.

The door is `Printed`.
"""

import time
from pathlib import Path
from typing import BinaryIO, Self

MOST_BYTES = 1 << 20
_KEPT_BYTES = MOST_BYTES // 4
_LONGEST_LINE_BYTES = 8 << 10
_LAST_LINES = 20


class Printed:
    """A log of lines with their times; the middle is left out once it is long.

    Args:
        path: of the file, which is made; its directory is there.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("w+b", buffering=0)
        self._rest = self._head = b""
        self._size = self._printed = 0

    def write(self, data: bytes) -> None:
        """Add what was printed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        if lines:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ ", time.gmtime()).encode()
            self._append(b"".join(now + _shortened(line) + b"\n" for line in lines))

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._size += len(data)
        self._printed += len(data)
        if self._size > MOST_BYTES:
            self._leave_out_the_middle()

    def _leave_out_the_middle(self) -> None:
        self._file.seek(0)
        if not self._head:
            self._head = self._file.read(_KEPT_BYTES).rpartition(b"\n")[0] + b"\n"
        self._file.seek(-_KEPT_BYTES, 2)
        tail = self._file.read().partition(b"\n")[2]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ ", time.gmtime())
        left_out = self._printed - len(self._head) - len(tail)
        mark = f"{now}... {left_out:,} bytes left out ...\n".encode()
        self._file.seek(0)
        self._file.truncate()
        self._file.write(self._head + mark + tail)
        self._size = len(self._head) + len(mark) + len(tail)

    def last_lines(self) -> str:
        """The end of it, without times."""
        self._end_line()
        self._file.seek(max(0, self._size - _KEPT_BYTES))
        *lines, _ = self._file.read().decode(errors="replace").split("\n")
        return "\n".join(_seen(line.partition(" ")[2]) for line in lines[-_LAST_LINES:])

    def close(self) -> None:
        """Write what has no end of its line, and close the file."""
        self._end_line()
        self._file.close()

    def _end_line(self) -> None:
        if self._rest:
            self.write(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _seen(line: str) -> str:
    """What a terminal shows of it: a bar of progress is written over and over again."""
    return line.rpartition("\r")[2]


def _shortened(line: bytes) -> bytes:
    line = line.rstrip(b"\r")
    return line if len(line) <= _LONGEST_LINE_BYTES else line[:_LONGEST_LINE_BYTES] + b"..."
