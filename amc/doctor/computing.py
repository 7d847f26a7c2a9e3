"""What computes: cores, threads, numerical libraries, GPUs. Its doors are the functions."""

import os
from collections.abc import Iterator
from typing import Any

from amc.doctor.finding import Finding
from amc.doctor.probing import Probe
from amc.fleet.gpu import VISIBLE_VARIABLE, devices

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def processors(probe: Probe) -> Iterator[Finding]:
    """Cores and load, and which libraries multiply matrices with how many threads."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    told = f"{cores} cores, load {load:.1f}"
    if load > 1.5 * (cores or 1):
        yield Finding("processors", "warning", told, "Others work here too: trials take longer.")
    else:
        yield Finding("processors", "ok", told)
    found = probe.answer
    if "failed" in found:
        yield Finding(
            "numerics", "fault", f"torch cannot be loaded: {found['failed']}", "Install it anew."
        )
        return
    libraries = ", ".join(
        f"{name} ({threads} thread{'s' * (threads > 1)})"
        for name, threads in found["libraries"].items()
    )
    said = [f"{name}={os.environ[name]}" for name in _THREAD_VARIABLES if name in os.environ]
    # Workers set these themselves, by `training.threads`.
    variables = f"; {', '.join(said)}" if said else ""
    yield Finding("numerics", "ok", f"{libraries or 'no library found'}{variables}")


def gpus(probe: Probe) -> Iterator[Finding]:
    """Whether torch reaches the GPUs that there are."""
    found, present = probe.answer, devices()
    if "failed" in found:
        return
    build = f"torch {found['torch']}"
    build += f", for CUDA {found['cuda']}" if found["cuda"] else ", without CUDA"
    if not present:
        hidden = os.environ.get(VISIBLE_VARIABLE)
        why = "" if hidden is None else f" ({VISIBLE_VARIABLE} is {hidden!r})"
        yield Finding("gpu", "ok", f"none here{why}: trials train on the CPU; {build}")
    elif found["gpus"]:
        yield Finding("gpu", "ok", f"{_counted(found['gpus'])}; {build}")
    elif not found["cuda"]:
        yield Finding(
            "gpu",
            "warning",
            f"{len(present)} here, but {build}: trials train on the CPU",
            "Install a build of torch for CUDA: https://pytorch.org/get-started/locally",
        )
    else:
        yield Finding(
            "gpu",
            "fault",
            f"{len(present)} here, but torch reaches none; {build}",
            "Compare the driver's CUDA (nvidia-smi) with torch's, and update the older one.",
        )


def _counted(names: list[Any]) -> str:
    kinds = dict.fromkeys(names)
    return ", ".join(f"{names.count(name)} x {name}" for name in kinds)
