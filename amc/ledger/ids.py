"""Ids of experiments are given once: what was removed leaves its number behind.

A message that is still on its way names an experiment by its id alone, and so does a lease. Were
the id given again, it would meet an experiment that it is not about. A number is kept as an empty
file, `<shared_dir>/.removed/<experiment id>`; a higher one of the same name stands for those below.
Its doors are `highest_removed` and `retire`.
"""

from pathlib import Path

# Its name begins with a dot, so it is no experiment.
_REMOVED = ".removed"


def numbered(experiment_id: str) -> tuple[str, int]:
    """`("cartpole", 3)` of `cartpole-3`; 0 where no number is in it."""
    name, _, number = experiment_id.rpartition("-")
    is_number = number.isascii() and number.isdecimal() and len(number) < 10
    return (name, int(number)) if name and is_number else (experiment_id, 0)


def highest_removed(shared: Path, name: str) -> int:
    """The highest number of this name that was removed; 0 where none was."""
    return max(_removed(shared, name), default=0)


def retire(shared: Path, experiment_id: str) -> None:
    """Let an id never be given again; done before its experiment goes."""
    name, number = numbered(experiment_id)
    if not number:
        return
    directory = shared / _REMOVED
    directory.mkdir(exist_ok=True)
    (directory / experiment_id).touch()
    for lower in _removed(shared, name):
        # Others may retire one at the same time: the highest of all of them always stays.
        if lower < number:
            (directory / f"{name}-{lower}").unlink(missing_ok=True)


def _removed(shared: Path, name: str) -> list[int]:
    try:
        found = [numbered(entry.name) for entry in (shared / _REMOVED).iterdir()]
    except FileNotFoundError:
        return []
    return [number for other, number in found if other == name]
