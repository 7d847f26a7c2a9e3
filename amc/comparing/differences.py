"""What differs in the configs of what is compared. Its door is `differences`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from amc.comparing.entrants import Entrant

# These name an experiment, or say where and how its bits are computed rather than what is learned.
_ASIDE = {"$schema", "experiment_name", "description", "seed", "hyperparameter_optimizer"}
MISSING = "-"


def differences(entrants: Sequence[Entrant], task: str) -> list[tuple[str, list[Any]]]:
    """The dotted keys of which entrants have different values, and each one's value.

    Args:
        entrants: what is compared.
        task: in which environment.
    """
    flat = [dict(_flat(entrant.configs[task].to_json())) for entrant in entrants]
    keys = sorted({key for values in flat for key in values})
    rows = [(key, [values.get(key, MISSING) for values in flat]) for key in keys]
    return [(key, values) for key, values in rows if any(value != values[0] for value in values)]


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if not prefix and key in _ASIDE:
            continue
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item
