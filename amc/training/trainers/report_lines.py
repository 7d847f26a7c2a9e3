"""What a trainer of the user's own tells, a line of JSON each: read as it comes, and checked.

    {"step": 4096, "score": 211.5}                 how it stands; the last score is the trial's
    {"step": 4096, "loss": 0.07}                   further numbers, for TensorBoard
    {"step": 4096, "checkpoint": "model.zip"}      a file, or a directory, to go on from

The doors are `ReportLine` and `ReportFile`.
"""

import json
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from amc.config.fields import LARGEST_COUNT
from amc.errors import TrainerError

LARGEST_SCORE = 1e150
"""Of which squares and sums are still numbers."""

_LONGEST_BYTES = 1 << 20
_LONGEST_NAME = 1000
_SHOWN = 200
_CHUNK_BYTES = 1 << 20
_MOST_AT_ONCE_BYTES = 4 << 20
_REMEMBERED_BYTES = 256


@dataclass(frozen=True)
class ReportLine:
    """One line.

    Attributes:
        step: steps trained so far, in all.
        score: higher is better; None where the line has none.
        metrics: further numbers by name.
        checkpoint: what was saved, as it was written; None where nothing was.
    """

    step: int
    score: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    checkpoint: str | None = None

    @classmethod
    def of(cls, data: Any, where: str) -> Self:
        """What a line holds.

        Args:
            data: as it was read.
            where: to begin an error with.

        Raises:
            TrainerError: it holds something else.
        """
        if not isinstance(data, dict):
            raise TrainerError(
                f'{where}: must be an object such as {{"step": 4096, "score": 211.5}}, but got '
                f"{_shown(data)}."
            )
        rest = dict(data)
        step, checkpoint = _step(rest.pop("step", None), where), rest.pop("checkpoint", None)
        if checkpoint is not None and (not isinstance(checkpoint, str) or not checkpoint):
            raise TrainerError(f"{where}: checkpoint must be a path, but got {_shown(checkpoint)}.")
        numbers = {name: _number(value, f"{where}: {name}") for name, value in rest.items()}
        score = numbers.pop("score", None)
        if score is not None and abs(score) > LARGEST_SCORE:
            raise TrainerError(
                f"{where}: score is {score}, which is too large to be compared: {LARGEST_SCORE} is "
                "the most. Report a smaller one."
            )
        for name in numbers:
            _require_name(name, where)
        return cls(step, score, numbers, checkpoint)


def _step(value: Any, where: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and 0 <= value <= LARGEST_COUNT:
        return value
    raise TrainerError(
        f"{where}: step must be how many steps were trained so far, but got {_shown(value)}."
    )


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TrainerError(f"{where} must be a number, but got {_shown(value)}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise TrainerError(
            f"{where} is {number}, which compares with nothing. Report finite numbers; "
            "training has diverged, perhaps."
        )
    return number


def _require_name(name: str, where: str) -> None:
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise TrainerError(
            f"{where}: a number must have a printable name of at most {_LONGEST_NAME} characters, "
            f"but got {_shown(name)}."
        )


def _shown(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


class ReportFile:
    """A file to which a trainer appends lines.

    Args:
        path: it need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = self._lines = 0
        self._rest = self._remembered = b""

    def read(self, *, is_over: bool = False) -> Iterator[ReportLine]:
        """The lines that were added since, some megabytes of them at once.

        Args:
            is_over: whether nobody writes any more, so that a last line needs no end; then all.

        Raises:
            TrainerError: one is not what it should be.
        """
        for line in self._new_lines(is_over):
            self._lines += 1
            if line.strip():
                yield self._told(line)

    def _told(self, line: bytes) -> ReportLine:
        where = f"{self._path.name}, line {self._lines}"
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            text = line[:_SHOWN].decode(errors="replace")
            raise TrainerError(
                f"{where}: not JSON: {text!r}. Append whole lines such as "
                '{"step": 4096, "score": 211.5}.'
            ) from error
        return ReportLine.of(data, where)

    def _new_lines(self, is_over: bool) -> Iterator[bytes]:
        for chunk in self._chunks(is_over):
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            yield from whole
            if len(self._rest) > _LONGEST_BYTES:
                raise TrainerError(
                    f"{self._path.name}, line {self._lines + 1}: longer than {_LONGEST_BYTES:,} "
                    "bytes. Report numbers, and save the rest in a file."
                )
        if is_over and self._rest:
            last, self._rest = self._rest, b""
            yield last

    def _chunks(self, is_over: bool) -> Iterator[bytes]:
        try:
            # A pipe that somebody has put there would be waited for; a link leads elsewhere.
            handle = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            self._require_unchanged(self._remembered == b"")
            return  # nothing was told yet
        except OSError as error:
            raise self._no_file() from error
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            raise self._no_file()
        with open(handle, "rb") as file:
            file.seek(self._position - len(self._remembered))
            self._require_unchanged(file.read(len(self._remembered)) == self._remembered)
            # Who writes faster than this reads is not listened to for ever.
            end = found.st_size if is_over else self._position + _MOST_AT_ONCE_BYTES
            while chunk := file.read(max(0, min(_CHUNK_BYTES, end - self._position))):
                self._position += len(chunk)
                self._remembered = (self._remembered + chunk)[-_REMEMBERED_BYTES:]
                yield chunk

    def _require_unchanged(self, is_unchanged: bool) -> None:
        if not is_unchanged:
            raise TrainerError(
                f"{self._path.name}: lines that were read are not there any more. Append to the "
                'file (">>" in a shell, mode "a" in Python), and leave it where it is.'
            )

    def _no_file(self) -> TrainerError:
        return TrainerError(
            f"{self._path.name}: it is not a plain file any more. Append lines to it, and put "
            "nothing in its place."
        )
