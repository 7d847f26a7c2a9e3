"""How many threads the numerical libraries of this process may start.

They read these variables once, when they are loaded, so the door, `limit_threads`, is for before
torch and numpy are imported, and this file must import neither. `BaseWorker.run` sets torch's own
count besides. Without a limit two trials side by side ran at 34 steps/s each instead of 1,700.
"""

import os
from collections.abc import MutableMapping

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def limit_threads(threads: int, environ: MutableMapping[str, str] | None = None) -> None:
    """Let OpenMP, MKL and OpenBLAS start `threads` threads; what was set before gives way.

    Args:
        threads: `training.threads` of the config, at least 1.
        environ: the variables to write; those of this process if None, or those of a process
            that is about to be started.
    """
    target = os.environ if environ is None else environ
    for name in THREAD_VARIABLES:
        target[name] = str(threads)
