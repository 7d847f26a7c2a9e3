"""Which settings can be searched, and under which keys: a short name, or section and name.

`learning_rate` and `optimizer.learning_rate` are the same setting. A short name that two sections
share must be written with its section. What an object of a section holds is a setting, too:
`net_arch` is `algorithm_config.policy_kwargs.net_arch`.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from amc.config.fields import MAY_CHANGE, StrictModel
from amc.config.text import foreign_words
from amc.config.text.faults import sentence
from amc.errors import UsageError
from amc.plugins import did_you_mean

Kind = Literal["int", "float", "other"]


class SearchField:
    """One setting that can be searched.

    Attributes:
        section: `algorithm_config` or `optimizer`.
        below: the objects in the section that it stands in, from the outermost one on.
        name: the setting's name there.
        kind: "int" or "float" for a number, "other" for what can only be chosen from a list.
    """

    def __init__(
        self, section: str, name: str, info: FieldInfo, below: tuple[str, ...] = ()
    ) -> None:
        self.section = section
        self.below = below
        self.name = name
        self.kind = _kind(info.annotation)
        self._info = info

    @property
    def may_change(self) -> bool:
        """Whether it may have another value from a segment of a training on."""
        return MAY_CHANGE in self._info.metadata

    def of(self, config: BaseModel) -> Any:
        """Its value in a config; None where what it stands in is null."""
        found: Any = getattr(config, self.section)
        for part in (*self.below, self.name):
            found = None if found is None else getattr(found, part)
        return found

    def within(self, section: Mapping[str, Any]) -> Any:
        """The same, of its section as plain values."""
        found: Any = section
        for part in (*self.below, self.name):
            found = None if found is None else found[part]
        return found

    def put(self, section: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """A section as plain values, with this one in its place."""
        parts = (*self.below, self.name)
        changed = whole = dict(section)
        for part in parts[:-1]:
            changed[part] = dict(changed.get(part) or {})
            changed = changed[part]
        changed[parts[-1]] = value
        return whole

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        annotation: Any = self._info.annotation
        if self._info.metadata:
            annotation = Annotated[annotation, *self._info.metadata]
        return TypeAdapter(annotation, config=StrictModel.model_config)

    @property
    def path(self) -> str:
        """Where it stands and its name, joined by dots."""
        return ".".join((self.section, *self.below, self.name))

    def check(self, value: Any) -> tuple[Any, list[str]]:
        """The value as plain JSON after validation, and what is wrong with it."""
        try:
            return self._adapter.dump_python(self._adapter.validate_python(value), mode="json"), []
        except ValidationError as error:
            return value, [sentence(detail) for detail in error.errors(include_url=False)]


class SearchKeys:
    """The searchable settings of a config.

    Args:
        sections: the model of each section whose settings can be searched.
    """

    def __init__(self, sections: Mapping[str, type[StrictModel]]) -> None:
        found = [field for name, model in sections.items() for field in _settings(name, model)]
        self._fields = {field.path: field for field in found}
        self._named: dict[str, list[SearchField]] = {}
        # What stands deeper leaves a short name to what does not.
        for field in sorted(found, key=lambda field: bool(field.below)):
            named = self._named.setdefault(field.name, [])
            if not (field.below and any(not other.below for other in named)):
                named.append(field)

    def field(self, key: str) -> SearchField:
        """The setting that a key names.

        Raises:
            UsageError: no setting, or more than one, has this name.
        """
        found = self.find(key)
        if found is None:
            raise UsageError(self.why_not(key))
        return found

    def find(self, key: str) -> SearchField | None:
        """The setting that a key names; None if that is none, or more than one."""
        if key in self._fields:
            return self._fields[key]
        named = self._named.get(key, ())
        return named[0] if len(named) == 1 else None

    def why_not(self, key: str) -> str:
        """The sentence for a key that names no setting."""
        if named := self._named.get(key):
            return f"ambiguous: write {' or '.join(field.path for field in named)}."
        return (
            f"nothing of this name can be searched. {self._meant(key)}"
            f"Searchable: {', '.join(self.names())}."
        )

    def _meant(self, key: str) -> str:
        if (meant := foreign_words.here(key, self._named)) in self._named:
            return f"Did you mean {meant!r}? "
        initials = {"".join(word[0] for word in name.split("_")): name for name in self.names()}
        return did_you_mean(initials.get(key, key), self.names())

    def paths(self) -> list[str]:
        """Section and name of every setting."""
        return sorted(self._fields)

    def names(self) -> list[str]:
        """The short name of every setting."""
        return sorted(self._named)


def _settings(
    section: str, model: type[BaseModel], below: tuple[str, ...] = ()
) -> Iterator[SearchField]:
    """The settings of a section; of an object in it those that it holds."""
    for name, info in model.model_fields.items():
        if (inner := _model(info.annotation)) is not None:
            yield from _settings(section, inner, (*below, name))
        else:
            yield SearchField(section, name, info, below)


def _model(annotation: Any) -> type[BaseModel] | None:
    for member in (annotation, *get_args(annotation)):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None


def _kind(annotation: Any) -> Kind:
    """Of what may be a number; a bool is none here. What is Any may be one."""
    if annotation is Any:
        return "float"
    is_union = get_origin(annotation) in (Union, UnionType)
    members = get_args(annotation) if is_union else (annotation,)
    bare = {
        get_args(member)[0] if get_origin(member) is Annotated else member for member in members
    }
    numbers = bare & {int, float}
    if numbers == {int}:
        return "int"
    return "float" if numbers else "other"
