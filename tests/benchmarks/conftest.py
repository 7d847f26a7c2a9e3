"""Lets the tests import the benchmarks, which are programs beside the package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
