"""Threads are limited before anything that would start them is loaded."""

import subprocess
import sys

from amc.workers.threads import THREAD_VARIABLES, limit_threads


def test_every_library_is_told_and_earlier_settings_give_way():
    environ = {"OMP_NUM_THREADS": "64", "HOME": "/root"}

    limit_threads(2, environ)

    assert environ == {"HOME": "/root", **dict.fromkeys(THREAD_VARIABLES, "2")}


def test_limiting_loads_neither_torch_nor_numpy():
    code = (
        "import sys; from amc.workers.threads import limit_threads; limit_threads(1);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'gymnasium')))"
    )

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
