"""What a bug report needs, in one file, without secrets: `gather` it, `write` it.

Records, curves and logs are text and go through `amc.redaction`; checkpoints and event files do not
come along.
"""

import json
import os
import platform
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from amc.doctor import examine
from amc.fleet.fleet_paths import log_files, secret_files
from amc.ledger.paths import ExperimentPaths
from amc.redaction import SHOWN, Redaction, is_secret
from amc.version import VERSION

_LOG_TAIL_BYTES = 256 * 1024
# So much of an experiment's records, and no more: who has 100,000 of them hands on the first ones.
_MOST_RECORD_BYTES = 64 * 2**20
_RECORDS = {".json", ".jsonl", ".txt"}
_VARIABLES = (
    *("AMC_", "CUDA_", "OMP_", "MKL_", "OPENBLAS_", "NUMBA_", "MUJOCO_", "SDL_", "PYTHON"),
    *("LANG", "LC_", "PATH", "SHELL", "TERM", "VIRTUAL_ENV"),
)


@dataclass(frozen=True)
class Part:
    """A file of the bundle.

    Attributes:
        name: in the bundle.
        text: what is in it, without secrets.
    """

    name: str
    text: str


def gather(shared: Path, experiment: Path | None) -> Iterator[Part]:
    """What a bug report needs.

    Args:
        shared: the directory that holds every experiment.
        experiment: the directory of the one that the report is about, if any.
    """
    redact = Redaction(os.environ, _secrets(shared))
    for part in _all(shared, experiment):
        yield Part(part.name, redact(part.text))


def _all(shared: Path, experiment: Path | None) -> Iterator[Part]:
    findings = [finding.to_json() for finding in examine(shared)]
    yield Part("doctor.json", json.dumps(findings, indent=1))
    yield Part("environment.json", json.dumps(_environment(), indent=1))
    installed = {f"{one.name}=={one.version}" for one in distributions()}
    yield Part("packages.txt", "\n".join(sorted(installed, key=str.lower)))
    for path in filter(_is_own_file, log_files(shared)):
        host = path.parent.parent.name
        yield Part(f"logs/{host}/{path.name}", _tail(path))
    if experiment is not None:
        yield from _records(experiment)


def _environment() -> dict[str, object]:
    known = {name: text for name, text in os.environ.items() if name.startswith(_VARIABLES)}
    return {
        "amc": VERSION,
        "python": sys.version,
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "variables": {
            name: SHOWN if is_secret(name) else text for name, text in sorted(known.items())
        },
    }


def _secrets(shared: Path) -> Iterator[str]:
    """What the fleets keep for their dashboards: no text may repeat it."""
    for path in secret_files(shared):
        text = path.read_text(encoding="utf-8", errors="replace").strip()
        yield from (text, text.partition(":")[2])  # user:password, or a token


def _is_own_file(path: Path) -> bool:
    """Whether this is a file, and no link: what a link leads to may be anybody's."""
    return path.is_file() and not path.is_symlink()


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
        return file.read().decode(errors="replace")


def _records(directory: Path) -> Iterator[Part]:
    """The experiment's records and curves, the experiment's own before those of its trials."""
    left, skipped = _MOST_RECORD_BYTES, 0
    for path in _texts(directory):
        text = path.read_text(encoding="utf-8", errors="replace")
        left -= len(text)
        if left < 0:
            skipped += 1
            continue
        yield Part(f"{directory.name}/{path.relative_to(directory)}", text)
    if skipped:
        yield Part(f"{directory.name}/LEFT_OUT.txt", f"{skipped} further records, for their size")


def _texts(directory: Path) -> Iterator[Path]:
    tensorboard = ExperimentPaths(directory).tensorboard
    found = []
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if Path(folder, name) != tensorboard)
        found += [Path(folder, name) for name in sorted(names)]
    texts = (path for path in found if path.suffix in _RECORDS and _is_own_file(path))
    return iter(sorted(texts, key=lambda path: len(path.relative_to(directory).parts)))


def write(parts: Iterator[Part], out: Path) -> dict[str, tuple[int, int]]:
    """Pack them.

    Args:
        parts: what is to be in it.
        out: a file that is not there yet.

    Returns:
        How many files of each folder are in it, and their bytes.

    Raises:
        FileExistsError: it is there.
    """
    counts: dict[str, tuple[int, int]] = {}
    with out.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for part in parts:
            bundle.writestr(part.name, part.text)
            folder = part.name.partition("/")[0]
            number, size = counts.get(folder, (0, 0))
            counts[folder] = number + 1, size + len(part.text)
    return counts
