"""The embedded Redis as one of the fleet's processes. Its door is `BrokerChild`."""

import logging
import subprocess
from functools import partial
from pathlib import Path

from amc.broker import embedded
from amc.errors import BrokerError
from amc.fleet.child import Child

NAME = "redis"

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 10.0
_REFUSES_FILE = 1
"""Exit code of a server that cannot load its append-only file."""


class BrokerChild(Child):
    """A redis-server that starts anew with an empty memory where its file is beyond repair.

    That loses nothing: the ledger holds what counts, and the clock sends again what was waiting.

    Args:
        directory: of the embedded server.
        log: what its lines are appended to.
    """

    def __init__(self, directory: Path, log: Path) -> None:
        super().__init__(NAME, partial(embedded.start, directory, log=log), _PATIENCE_S)
        self._directory = directory
        self._log = log
        self._watch = embedded.SocketWatch(directory)

    def start_and_wait(self, deadline_s: float) -> None:
        """Start it and wait until it answers.

        Raises:
            BrokerError: it cannot be started, or does not answer in time.
        """
        try:
            self._try(deadline_s)
        except BrokerError:
            if self.exit_code != _REFUSES_FILE:
                raise
            self._set_aside()
            self._try(deadline_s)

    def reap_if_ended(self) -> bool:
        """As for any child; a file that was refused twice is set aside.

        One whose socket was removed is ended first.
        """
        if self._watch.is_lost():
            _LOG.warning("%s: its socket was removed", self._directory)
            self.terminate()
        has_ended = super().reap_if_ended()
        if has_ended and self.exit_code == _REFUSES_FILE and self.failures > 1:
            self._set_aside()
        return has_ended

    def _try(self, deadline_s: float) -> None:
        self.start()
        server = self.process
        assert isinstance(server, subprocess.Popen)
        try:
            embedded.wait_ready(self._directory, deadline_s, process=server)
        except BrokerError as error:
            self.kill()
            raise BrokerError(f"{error} Its log: {self._log}") from error
        self._watch.is_lost()  # the first look: it is there

    def _set_aside(self) -> None:
        for path in embedded.set_aside(self._directory):
            _LOG.warning("%s: Redis cannot load it; kept as %s", self._directory, path.name)
