"""Points that the user gives to a search: completed from the config, checked against the space.

They are tried first (`initial_points`), or known with their scores (`warm_start`).

What a point does not name keeps the value that it has in the config, so that `{}` is the config as
it stands; a dimension whose condition does not hold has no value. The door is `complete`.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from amc.config.fields import StrictModel
from amc.config.hyperparameters import Hyperparameters
from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.dimension import Dimension, identity, is_among, is_number
from amc.config.search.search_keys import SearchKeys
from amc.config.search.warm_start import WarmStart
from amc.config.text.document import Path, Problem, dotted
from amc.config.text.faults import listed, shown
from amc.errors import ConfigError, Fault
from amc.plugins import did_you_mean

_PATH = ("hyperparameter_optimizer", "initial_points")


def complete(
    search: HyperparameterOptimizerConfig,
    sections: Mapping[str, StrictModel | None],
    keys: SearchKeys,
) -> tuple[HyperparameterOptimizerConfig, list[Problem]]:
    """A search whose points name every dimension that counts.

    Args:
        search: with its points as written.
        sections: of the config, by name; None for one that is not sound, whose values are unknown.
        keys: what can be searched.

    Returns:
        The search, and everything that is wrong with its points.
    """
    points = [_Point(written, search.search_space) for written in search.initial_points]
    kept = _kept(search.search_space, sections, keys)
    problems = list(_whole(search))
    first: dict[Hashable, int] = {}
    for index, point in enumerate(points):
        point.settle(kept)
        found = [*point.problems, *_unfit(point, sections["algorithm_config"], keys)]
        if not found and (same := first.setdefault(point.identity, index)) != index:
            found = [Problem((), f"the same as initial_points.{same}. Remove one of them.")]
        problems += _below((*_PATH, index), found)
    changes: dict[str, Any] = {"initial_points": tuple(point.values for point in points)}
    if search.warm_start is not None and search.warm_start.points is not None:
        changes["warm_start"], found = _known(search.warm_start, search.search_space, kept)
        problems += found
    return search.model_copy(update=changes), problems


def own_point(config: ExperimentConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """A point of a search that the user gives, completed from the config.

    Raises:
        ConfigError: it is none; with every fault.
    """
    search, keys = config.hyperparameter_optimizer, config.search_keys()
    space = {} if search is None else search.search_space
    point = _Point(values, space)
    point.settle(_kept(space, _sections(config), keys))
    problems = [*point.problems, *_unfit(point, config.algorithm_config, keys)]
    if problems:
        paths = (dotted(problem.path) or "hyperparameters" for problem in problems)
        raise ConfigError(
            [Fault(path, one.sentence()) for path, one in zip(paths, problems, strict=True)]
        )
    return point.values


def point_of(
    config: ExperimentConfig, search_space: Mapping[str, Dimension]
) -> dict[str, Any] | None:
    """The point of a search space at which a config stands; None if it lies outside."""
    point = _Point({}, search_space)
    point.settle(_kept(search_space, _sections(config), config.search_keys()))
    return None if point.problems else point.values


def _sections(config: ExperimentConfig) -> dict[str, StrictModel | None]:
    return {"algorithm_config": config.algorithm_config, "optimizer": config.optimizer}


def _known(
    warm_start: WarmStart, space: Mapping[str, Dimension], kept: Mapping[str, Any]
) -> tuple[WarmStart, list[Problem]]:
    """Points whose scores are known, completed like those that are to be tried."""
    problems, known = [], []
    for index, given in enumerate(warm_start.points or ()):
        point = _Point(given.hyperparameters, space)
        point.settle(kept)
        path = (_PATH[0], "warm_start", "points", index, "hyperparameters")
        problems += _below(path, point.problems)
        known.append(given.model_copy(update={"hyperparameters": point.values}))
    return warm_start.model_copy(update={"points": tuple(known)}), problems


def _kept(
    space: Mapping[str, Dimension], sections: Mapping[str, StrictModel | None], keys: SearchKeys
) -> dict[str, Any]:
    """The value that each searched setting has in the config, as far as that is known."""
    fields = {key: keys.field(key) for key in space}
    known = {field.section: sections[field.section] for field in fields.values()}
    plain = {name: model.model_dump(mode="json") for name, model in known.items() if model}
    return {
        key: field.within(plain[field.section])
        for key, field in fields.items()
        if field.section in plain
    }


def _below(path: Path, problems: Iterable[Problem]) -> list[Problem]:
    return [
        Problem((*path, *problem.path), problem.message, problem.at_key) for problem in problems
    ]


class _Point:
    """One point being completed."""

    def __init__(self, written: Mapping[str, Any], space: Mapping[str, Dimension]) -> None:
        self.written = written
        self.space = space
        self.values: dict[str, Any] = {}
        self.problems: list[Problem] = [
            Problem((key,), partial(_not_searched, key, space), True)
            for key in written
            if key not in space
        ]

    @property
    def identity(self) -> Hashable:
        """Equal for equal points."""
        return tuple((key, identity(value)) for key, value in self.values.items())

    def settle(self, kept: Mapping[str, Any]) -> None:
        """Fill `values`, in the order of the space; what is not named is `kept`."""
        found: dict[str, Any] = {}
        # What others depend on depends on nothing itself.
        for key in sorted(self.space, key=lambda key: self.space[key].condition is not None):
            if self._counts(key, found):
                self._take(key, kept, found)
        self.values = {key: found[key] for key in self.space if key in found}

    def _counts(self, key: str, found: Mapping[str, Any]) -> bool:
        condition = self.space[key].condition or {}
        if any(parent not in found for parent in condition):
            return False  # which is wrong itself, and says so
        unmet = [parent for parent in condition if not is_among(found[parent], condition[parent])]
        if unmet and key in self.written:
            only = " and ".join(f"{name} is {listed(condition[name], ' or ')}" for name in unmet)
            message = f"has no effect here: it counts only if {only}. Remove it."
            self.problems.append(Problem((key,), message, at_key=True))
        return not unmet

    def _take(self, key: str, kept: Mapping[str, Any], found: dict[str, Any]) -> None:
        dimension = self.space[key]
        if key in self.written:
            value, wrong = _within(dimension, self.written[key])
            problem = Problem((key,), wrong)
        elif key not in kept:
            return  # the section is not sound, and says so
        else:
            value, wrong = _within(dimension, kept[key])
            what = f"{key!r} is missing, and the config's own value is not in the space: {wrong}"
            problem = Problem((), f"{what} Give a value for it.")
        if wrong:
            self.problems.append(problem)
        else:
            found[key] = value


def _within(dimension: Dimension, value: Any) -> tuple[Any, str]:
    """The value as the dimension has it, and what is wrong with it."""
    if dimension.choices is not None:
        for choice in dimension.choices:
            if identity(choice) == identity(value):
                return choice, ""
        return value, f"{shown(value)} is not one of {listed(dimension.choices)}."
    if not is_number(value) or not dimension.low <= value <= dimension.high:
        return value, f"{shown(value)} is not within {dimension.low} to {dimension.high}."
    if dimension.type == "float":
        return float(value), ""
    if value != int(value):
        return value, f"must be a whole number, but got {value}."
    return int(value), ""


def _whole(search: HyperparameterOptimizerConfig) -> Iterator[Problem]:
    count, most = len(search.initial_points), -(-search.n_calls // search.seeds_per_trial)
    if search.warm_start is not None and search.type == "grid":
        message = "a grid learns nothing. Remove it, or choose another type."
        yield Problem((_PATH[0], "warm_start"), message)
    if count and search.type == "grid":
        message = "a grid tries points of its own. Remove them, or choose another type."
        yield Problem(_PATH, message)
    if count > most:
        message = f"{count} points are more than the {most} suggestions of the search. "
        yield Problem(_PATH, f"{message}Remove some, or raise n_calls.")


def _unfit(point: _Point, section: StrictModel | None, keys: SearchKeys) -> Iterator[Problem]:
    """Hyperparameters of a sound point that do not fit together."""
    if point.problems or not isinstance(section, Hyperparameters):
        return
    fields = {key: keys.field(key) for key in point.values}
    own = {
        key: field
        for key, field in fields.items()
        if field.section == "algorithm_config" and not field.below
    }
    values = section.model_copy(update={own[key].name: point.values[key] for key in own})
    named = {field.name: key for key, field in own.items()}
    for name, message in values.problems():
        key = named.get(name, name)
        yield Problem((key,) if key in point.written else (), f"{key}: {message}")


def _not_searched(key: str, space: Mapping[str, Dimension]) -> str:
    meant = did_you_mean(key, space)
    return f"not searched, so it is the same in every trial. {meant}Searched: {', '.join(space)}."
