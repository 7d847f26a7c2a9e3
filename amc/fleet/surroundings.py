"""The environment and the interpreter that every process of a fleet is started with.

Its doors are `surroundings` and `python`. It loads nothing, so that who has to be quick can ask it.
"""

import os
import sys

FLOWER_AUTH_VARIABLE = "AMC_FLOWER_AUTH"
JUPYTER_TOKEN_VARIABLE = "AMC_JUPYTER_TOKEN"

# One trial per core beats several that fight for all of them.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# What Celery and Flower read from the environment, each option of their command lines included:
# left over from another project, or set by Kubernetes for a service that is called flower.
_FOREIGN_PREFIXES = ("CELERY_", "FLOWER_")
_FOREIGN_VARIABLES = {
    FLOWER_AUTH_VARIABLE,
    JUPYTER_TOKEN_VARIABLE,
    "BROKER_URL",
    "RESULT_BACKEND",
    "LOADER",
    "CONFIG_MODULE",
}


def surroundings() -> dict[str, str]:
    """The environment of this process, without what Celery and Flower would read in it."""
    return {
        name: text
        for name, text in os.environ.items()
        if name not in _FOREIGN_VARIABLES and not name.startswith(_FOREIGN_PREFIXES)
    }


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line that runs a module, whatever Python files are in the current directory."""
    # PYTHONPATH still counts: it is how plug-ins are found.
    return (sys.executable, "-P", "-m", module, *arguments)
