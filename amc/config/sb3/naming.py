"""What a config calls an algorithm of Stable-Baselines3: `sb3:` and the name of its class.

The doors are `is_sb3`, `unknown_name` and `lacking`; `word` and `title` are for names and prose.
"""

from collections.abc import Iterable
from importlib.util import find_spec

from amc.plugins import closest

PREFIX = "sb3:"
_LONGEST = 100
# Those of sb3-contrib; the others are of Stable-Baselines3 itself.
CONTRIB = frozenset({"sb3:TRPO", "sb3:RecurrentPPO", "sb3:QRDQN", "sb3:TQC", "sb3:CrossQ"})
_LEFT_OUT = {
    "maskableppo": "it asks an environment which actions are allowed, and none here says so",
    "ars": "it is no learner that steps its environment between updates",
}


def is_sb3(algorithm: str) -> bool:
    """Whether it is one of Stable-Baselines3's, by its name."""
    return algorithm.startswith(PREFIX)


def word(algorithm: str) -> str:
    """An algorithm's name as a part of other names: `sac` of `sb3:SAC`."""
    return algorithm.removeprefix(PREFIX).lower() if is_sb3(algorithm) else algorithm


def title(algorithm: str) -> str:
    """An algorithm's name in prose."""
    return (
        f"{algorithm.removeprefix(PREFIX)} of Stable-Baselines3"
        if is_sb3(algorithm)
        else (algorithm.upper())
    )


def distribution(algorithm: str) -> str:
    """The package that an algorithm comes from, as it is called where one installs it."""
    return "sb3_contrib" if algorithm in CONTRIB else "stable_baselines3"


def unknown_name(algorithm: str, known: Iterable[str]) -> str:
    """The sentence for an `sb3:` name that there is no model of."""
    names = sorted(name.removeprefix(PREFIX) for name in known if is_sb3(name))
    listed = f"Known: {', '.join(PREFIX + name for name in names)}."
    short = algorithm.removeprefix(PREFIX)
    if reason := _LEFT_OUT.get(short.lower()):
        return f"{algorithm!r} is left out: {reason}. {listed}"
    meant = closest(short, names)
    guess = f"Did you mean {PREFIX + meant!r}? " if meant else ""
    return f"unknown algorithm {algorithm[:_LONGEST]!r}. {guess}{listed}"


def lacking(algorithm: str) -> str | None:
    """The sentence for an algorithm whose package is not installed here; None if it is."""
    if not is_sb3(algorithm):
        return None
    package = distribution(algorithm)
    if find_spec(package) is not None:
        return None
    name = {"sb3_contrib": "sb3-contrib"}.get(package, "Stable-Baselines3")
    return (
        f"{algorithm!r} needs {name}, which is not installed here. "
        "Install it: pip install 'ai-mission-control[sb3]'."
    )
