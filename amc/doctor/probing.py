"""Asking a process of its own: it may load what takes long, or die of it. Its door is `Probe`."""

import json
import os
import subprocess
import sys
from functools import cached_property
from typing import Any

_PATIENCE_S = 60.0
_MODULE = "amc.doctor.probe"


class Probe:
    """A question that is answered meanwhile.

    Args:
        question: what, as `amc.doctor.probe` knows it.
        variables: that its process has besides.
    """

    def __init__(self, question: str, **variables: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", _MODULE, question],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    @cached_property
    def answer(self) -> dict[str, Any]:
        """What it found; `failed` says why it found nothing."""
        try:
            said, complaints = self._process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return {"failed": f"no answer within {_PATIENCE_S:g} s"}
        try:
            found = json.loads(said)
        except ValueError:
            last = complaints.strip().rpartition("\n")[2]
            return {"failed": last[:300] or f"it ended with {self._process.returncode}"}
        return found if isinstance(found, dict) else {"failed": said[:300]}
