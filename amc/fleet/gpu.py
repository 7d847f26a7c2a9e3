"""Which GPUs this machine has, found without initialising CUDA. Its door is `devices`.

CUDA must not be touched by a process that forks, and counting devices through it takes a second;
the driver's own tool answers from outside.
"""

import os
import re
import subprocess
from itertools import takewhile
from pathlib import Path

VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"
CPU = ""
"""What that says for a worker without a GPU."""

_NVIDIA_SMI_TIMEOUT_S = 20.0  # without persistence mode the driver has to wake the cards first
_GPU_LINE = re.compile(r"^GPU (\d+): ")
_MIG_LINE = re.compile(r"^\s+MIG .*\(UUID: (MIG-[^)]+)\)")
_DEVICE_FILE = re.compile(r"nvidia(\d+)")


def devices() -> dict[int, str]:
    """The GPUs that this process may use, in order; empty where there are none.

    Returns:
        Number of the GPU, as in the queue `gpu<number>`, to what CUDA_VISIBLE_DEVICES must say for
        a process that shall see this GPU only. Numbers are those of nvidia-smi; where parts of a
        GPU (MIG) or UUIDs are in use they count from 0.
    """
    return _visible(_present(), os.environ.get(VISIBLE_VARIABLE))


def _visible(present: dict[int, str], wanted: str | None) -> dict[int, str]:
    """Of the GPUs present those that CUDA_VISIBLE_DEVICES leaves, read as CUDA reads it."""
    if wanted is None or not present:
        return present
    names = [name.strip() for name in wanted.split(",")]
    # CUDA reads up to the first name that is none: "-1" or "" hide every GPU.
    numbers = list(takewhile(set(present.values()).__contains__, names))
    if numbers:
        return {int(name) if name.isdigit() else i: name for i, name in enumerate(numbers)}
    return dict(enumerate(takewhile(lambda name: name.startswith(("GPU-", "MIG-")), names)))


def _present() -> dict[int, str]:
    try:
        said = subprocess.run(
            ["nvidia-smi", "-L"],
            capture_output=True,
            text=True,
            timeout=_NVIDIA_SMI_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return _device_files(Path("/dev"))
    return _listed(said.stdout)


def _listed(text: str) -> dict[int, str]:
    """Read what `nvidia-smi -L` prints; where GPUs are divided, their parts are the devices."""
    parts = [found[1] for line in text.splitlines() if (found := _MIG_LINE.match(line))]
    if parts:
        return dict(enumerate(parts))
    gpus = [found[1] for line in text.splitlines() if (found := _GPU_LINE.match(line))]
    return {int(number): number for number in gpus}


def _device_files(directory: Path) -> dict[int, str]:
    """GPUs by their device files, for images without nvidia-smi."""
    files = (_DEVICE_FILE.fullmatch(path.name) for path in directory.glob("nvidia*"))
    count = sum(found is not None for found in files)
    return {number: str(number) for number in range(count)}
