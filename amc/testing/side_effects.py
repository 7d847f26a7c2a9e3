"""What code does to the process that runs it: output, processes left behind, global generators."""

import io
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout

import numpy as np
import psutil
import torch

_PATIENCE_S = 5.0


@contextmanager
def standard_output() -> Iterator[Callable[[], str]]:
    """Catch what is written to standard output, by Python or past it; yields what says it."""
    python = io.StringIO()
    sys.stdout.flush()
    with tempfile.TemporaryFile() as below:
        kept = os.dup(1)
        os.dup2(below.fileno(), 1)

        def said() -> str:
            below.seek(0)
            return python.getvalue() + below.read().decode(errors="replace")

        try:
            with redirect_stdout(python):
                yield said
        finally:
            os.dup2(kept, 1)
            os.close(kept)


@contextmanager
def children() -> Iterator[Callable[[], list[str]]]:
    """Watch for processes that are started; yields what names those that live on a while later."""
    me = psutil.Process()
    before = set(me.children(recursive=True))

    def left() -> list[str]:
        new = [child for child in me.children(recursive=True) if child not in before]
        _, alive = psutil.wait_procs(new, timeout=_PATIENCE_S)
        return [child.name() for child in alive if child.is_running()]

    yield left


@contextmanager
def global_generators(seed: int) -> Iterator[None]:
    """Seed the generators that everybody shares, for a while."""
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.set_rng_state(kept[2])
