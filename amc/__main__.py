"""`python -m amc` is `amc`."""

from amc.cli import main

main(prog_name="amc")
