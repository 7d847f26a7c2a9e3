"""How busy a training's GPU is, for TensorBoard. Its door is `GpuUsage`.

Torch knows what memory it holds itself. For the whole card nvidia-smi is asked, which may take
seconds: it is started at one look, and its answer is fetched at a later one. A look never waits
and never fails; what cannot be measured is left out.
"""

import subprocess
import time
from contextlib import suppress

import torch

from amc.algorithms.base import Metrics

# Tag to the name that nvidia-smi has for it; memory is in MiB, utilisation in percent.
QUERIES = {"gpu/utilization": "utilization.gpu", "gpu/memory_used_mb": "memory.used"}

ASK_EVERY_S = 10.0
ANSWER_WITHIN_S = 20.0  # without persistence mode the driver has to wake the card first
_END_WITHIN_S = 1.0


class GpuUsage:
    """Memory and utilisation of the device that a training computes on, if that is a GPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._card = Card(uuid(device)) if device.type == "cuda" else None

    def look(self) -> Metrics:
        """What is known at this moment, tag to number; empty on a CPU."""
        if self._card is None:
            return {}
        return {
            "gpu/memory_allocated_mb": torch.cuda.memory_allocated(self._device) / 2**20,
            "gpu/memory_reserved_mb": torch.cuda.memory_reserved(self._device) / 2**20,
            **self._card.look(),
        }

    def close(self) -> None:
        """Leave no process behind."""
        if self._card is not None:
            self._card.close()


def uuid(device: torch.device) -> str:
    """What nvidia-smi calls a GPU, whatever CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER say."""
    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"


class Card:
    """A whole graphics card, other processes' use included, as nvidia-smi sees it.

    Args:
        name: a UUID, or nvidia-smi's number.
        ask_every_s: seconds between two questions, at least.
        answer_within_s: seconds after which a question is given up.
    """

    def __init__(
        self,
        name: str,
        *,
        ask_every_s: float = ASK_EVERY_S,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        queries = ",".join(QUERIES.values())
        self._command = ["nvidia-smi", f"--id={name}", f"--query-gpu={queries}"]
        self._command += ["--format=csv,noheader,nounits"]
        self._ask_every_s, self._answer_within_s = ask_every_s, answer_within_s
        self._asked_at = float("-inf")
        self._question: subprocess.Popen[str] | None = None

    def look(self) -> Metrics:
        """An answer that has come since the last look, if any; asks anew where it is time."""
        waited = time.monotonic() - self._asked_at
        answer = self._answer(waited)
        if self._question is None and waited >= self._ask_every_s:
            self._ask()
        return answer

    def close(self) -> None:
        """End a question that is still open."""
        if self._question is not None:
            self._question.kill()
            # A process that hangs in the driver does not die of it, and nobody waits for that.
            with suppress(subprocess.TimeoutExpired):
                self._question.communicate(timeout=_END_WITHIN_S)

    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        with suppress(OSError):
            self._question = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )

    def _answer(self, waited: float) -> Metrics:
        question = self._question
        if question is None:
            return {}
        if question.poll() is None:
            if waited > self._answer_within_s:
                question.kill()
            return {}
        self._question = None
        said, _ = question.communicate()
        return parse(said) if question.returncode == 0 else {}


def parse(said: str) -> Metrics:
    """Read nvidia-smi's line, such as "37, 1024"; what a card does not tell is "[N/A]"."""
    fields = said.partition("\n")[0].split(",")
    answers = zip(QUERIES, map(str.strip, fields), strict=False)
    return {tag: float(field) for tag, field in answers if field.isdecimal()}
