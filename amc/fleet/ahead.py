"""A supervisor that is started before it is known what it shall run. Its door is `Ahead`.

What takes longest is the import of what workers need: it goes on while a command line is still
reading its config. Nothing is loaded here, so that this can be a command's first act.
"""

import json
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.surroundings import python
from amc.settings import shared_dir

_LONGEST_START_S = 90.0


class Ahead:
    """A supervisor, and by then a fork server, that wait to be told what to run.

    A context manager: who leaves it without having asked leaves nothing behind.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            python("amc.fleet"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for this process alone; the supervisor notices that nobody listens to it.
            start_new_session=True,
        )

    @classmethod
    def unless_up(cls) -> "Ahead | None":
        """One for the shared directory, if no fleet is known to be up in it."""
        return None if FleetPaths(shared_dir()).state.exists() else cls()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        self._process.wait()

    def ask(self, request: Mapping[str, Any]) -> str:
        """Tell it what to run, and wait until all of it is started; to be called once.

        Args:
            request: as `python -m amc.fleet` reads it.

        Returns:
            Its answer, one JSON document; empty if it gave none.
        """
        try:
            answer, _ = self._process.communicate(json.dumps(request), timeout=_LONGEST_START_S)
        except subprocess.TimeoutExpired:
            return ""
        return answer
