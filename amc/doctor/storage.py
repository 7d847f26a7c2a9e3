"""Whether the shared directory holds experiments well. Its door is `directory`."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from amc.doctor.finding import Finding
from amc.ledger import files

_SOME_ROOM = 2**30
_MOUNTS = Path("/proc/mounts")
# Over a network: NFS is what amc was tried on, the others keep their own counsel on links.
_NETWORK = ("nfs", "cifs", "smb", "9p", "fuse", "ceph", "lustre", "gluster", "beegfs")
_NFS_OPTIONS = ("lookupcache=positive", "actimeo=1")


def directory(shared: Path) -> Iterator[Finding]:
    """Whether it can be written and linked in, how much room it has, and on what it lies."""
    place = next(path for path in (shared, *shared.parents) if path.exists())
    name = f"{shared}" if place == shared else f"{shared}, which is not there yet"
    try:
        _link(place)
    except PermissionError:
        yield Finding(
            "shared", "fault", f"{name}: cannot be written", f"Own it: chown {os.getuid()} {place}"
        )
        return
    except OSError as error:
        yield Finding(
            "shared",
            "fault",
            f"{name}: hard links do not work ({error.strerror})",
            "Records are linked, so that the first writer wins. Name another: AMC_SHARED_DIR=DIR",
        )
        return
    yield Finding("shared", "ok", f"{name}: can be written, hard links work")
    yield _room(place)
    yield from _file_system(place)


def _link(place: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as made:
        first, second = Path(made, "a"), Path(made, "b")
        first.write_text("amc")
        os.link(first, second)


def _room(place: Path) -> Finding:
    usage = shutil.disk_usage(place)
    told = f"{usage.free / 1e9:,.1f} of {usage.total / 1e9:,.1f} GB free"
    if not files.has_room(place):
        return Finding("room", "fault", told, "Make room; trials wait for it: amc clean, amc rm ID")
    if usage.free < _SOME_ROOM:
        return Finding("room", "warning", told, "Make room: amc clean --checkpoints, amc rm ID")
    return Finding("room", "ok", told)


def _file_system(place: Path) -> Iterator[Finding]:
    kind, options = mounted(place, _MOUNTS)
    if not kind:
        return
    missing = [option for option in _NFS_OPTIONS if option.partition("=")[0] not in options]
    if kind.startswith("nfs") and missing:
        yield Finding(
            "file system",
            "warning",
            f"{kind}: others' records may be seen late",
            f"Where several machines share it, mount it with {','.join(missing)}",
        )
    elif kind.startswith(_NETWORK) and not kind.startswith("nfs"):
        told = f"{kind}: not known to keep what amc relies on (link, rename, fsync)"
        yield Finding("file system", "warning", told, "Prefer a local disk, or NFS.")
    else:
        yield Finding("file system", "ok", kind)


def mounted(place: Path, mounts: Path) -> tuple[str, str]:
    """The type and the options of the file system of a directory; empty where that is unknown.

    Args:
        place: the directory.
        mounts: the kernel's list.
    """
    try:
        lines = [line.split() for line in mounts.read_text(errors="replace").splitlines()]
    except OSError:
        return "", ""
    resolved = place.resolve()
    around = [line for line in lines if len(line) > 3 and resolved.is_relative_to(_path(line[1]))]
    if not around:
        return "", ""
    # Of several at one place the last one lies on top.
    _, _, kind, options, *_ = max(enumerate(around), key=lambda at: (len(at[1][1]), at[0]))[1]
    return kind, options


def _path(escaped: str) -> str:
    return escaped.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
