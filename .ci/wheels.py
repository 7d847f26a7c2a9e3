"""Check that an install brings wheels only, of pinned versions, on every supported machine.

For each CPython and machine it asks the index what `make install` would bring there, with every
extra; nothing is downloaded but the wheels' metadata. Run by `make wheels`.
"""

import configparser
import itertools
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = {"x86_64": "Linux x86-64", "aarch64": "Linux ARM64"}
# torch says itself, by number, which of these it wants.
PINNED_BY_TORCH = re.compile(r"(cuda|nvidia)-|triton$")


def main() -> int:
    """Print a line for each machine; 1 if one of them lacks a wheel or gets a version unpinned."""
    pinned = {normal(line) for line in lines((ROOT / "constraints.txt").read_text())}
    failures = 0
    for (machine, name), python in itertools.product(MACHINES.items(), PYTHONS):
        found = resolve(python, machine)
        said = found.stderr.strip() or unpinned(found.stdout, pinned)
        failures += bool(said)
        print(f"CPython {python}, {name}: {said or f'{len(lines(found.stdout))} wheels'}")
    return min(failures, 1)


def resolve(python: str, machine: str) -> "subprocess.CompletedProcess[str]":
    """What pip would choose there; standard error says which wheel is missing."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"),
        *("--only-binary", ":all:", "--constraint", str(ROOT / "constraints.txt")),
        *("--python-version", python, "--python-platform", f"{machine}-manylinux_2_28", "-"),
    ]
    wanted = "\n".join(requirements())
    return subprocess.run(command, input=wanted, capture_output=True, text=True, check=False)


def requirements() -> list[str]:
    """Everything that setup.cfg asks for, with every extra."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    asked = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    own = setup["metadata"]["name"]
    return [line for text in asked for line in lines(text) if not line.startswith(f"{own}[")]


def unpinned(resolved: str, pinned: set[str]) -> str:
    """A sentence about what constraints.txt does not fix; empty if it fixes everything."""
    found = {normal(line) for line in lines(resolved)} - pinned
    found = {item for item in found if not PINNED_BY_TORCH.match(item.partition("==")[0])}
    return f"not in constraints.txt: {', '.join(sorted(found))}" if found else ""


def lines(text: str) -> list[str]:
    """The lines of a requirements file without comments and empty ones."""
    stripped = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in stripped if line]


def normal(requirement: str) -> str:
    """`Name_x == 1 ; marker` as `name-x==1`."""
    name, _, version = requirement.partition(";")[0].partition("==")
    return f"{re.sub(r'[-_.]+', '-', name.strip().lower())}=={version.strip()}"


if __name__ == "__main__":
    sys.exit(main())
