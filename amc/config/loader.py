"""A config file, or a mapping, becomes an `ExperimentConfig`; all its faults are told at once.

Its door is `ConfigLoader`. What is wrong comes as one `ConfigError`; what is allowed and probably
not meant is in `ConfigLoader.warnings`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from amc.config.assembly import Assembly
from amc.config.schema import ExperimentConfig
from amc.config.text.document import Document, Problem, shortened
from amc.config.text.plain import plain
from amc.config.text.reader import DEPTH_LIMIT, read
from amc.errors import ConfigError, Fault

_SHOWN = 200
_SEARCH_SPACE = ("hyperparameter_optimizer", "search_space")


class ConfigLoader:
    """Loads, checks and overrides configs.

    Attributes:
        warnings: sentences on the config that was loaded or overridden last.
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._latest: tuple[ExperimentConfig, Document] | None = None

    def load_config(
        self,
        path: str | os.PathLike[str],
        overlays: Sequence[str | os.PathLike[str]] = (),
        overrides: Mapping[str, Any] | None = None,
    ) -> ExperimentConfig:
        """Read a config file.

        Args:
            path: JSON; comments and trailing commas are accepted.
            overlays: files that hold only what differs, laid over it in this order.
            overrides: single values that go before all files, as `apply_overrides` takes them.

        Raises:
            ConfigError: with the faults of the files and the overrides, all at once.
        """
        document = _overridden(_laid_over([path, *overlays]), overrides or {})
        return self._build(document)

    def from_mapping(
        self, mapping: Mapping[str, Any], source: str = "config", *, accepted: bool = False
    ) -> ExperimentConfig:
        """Check a config that is already in memory.

        Args:
            mapping: plain JSON values.
            source: what to call it in faults.
            accepted: whether it was checked before (a ledger's); then neither this machine's memory
                nor its allow-list counts, nor what is installed here.

        Raises:
            ConfigError: with every fault.
        """
        value = dict(mapping) if isinstance(mapping, Mapping) else mapping
        return self._build(Document.of(value, source), accepted=accepted)

    def apply_overrides(
        self, config: ExperimentConfig, overrides: Mapping[str, Any]
    ) -> ExperimentConfig:
        """Replace single values of a config, named by their dotted path.

        Args:
            config: as loaded; faults keep their place in the file if this loader loaded it last.
            overrides: for example `{"training.total_timesteps": 50000}`.

        Raises:
            ConfigError: with every fault; those of an override name it as `--set key=value`.
        """
        if self._latest is not None and self._latest[0] is config:
            document = self._latest[1]
        else:
            document = Document.of(config.to_json(), "config")
        return self._build(_overridden(document, overrides))

    def _build(self, document: Document, accepted: bool = False) -> ExperimentConfig:
        value, problems = plain(document.value)
        assembly = Assembly(value, accepted=accepted)
        config = assembly.config()
        problems += assembly.problems
        if config is None or problems or document.notes:
            raise document.error(problems)
        self.warnings[:] = assembly.warnings
        self._latest = config, document
        return config


def _laid_over(paths: Sequence[str | os.PathLike[str]]) -> Document:
    """The files, later ones on top. Raises one ConfigError for all that cannot be read."""
    documents: list[Document] = []
    faults: list[Fault] = []
    more = 0
    for path in paths:
        try:
            documents.append(read(path))
        except ConfigError as error:
            faults += error.faults
            more += error.more
    if faults:
        raise ConfigError(faults, more)
    return reduce(Document.lay_over, documents)


def _overridden(document: Document, overrides: Mapping[str, Any]) -> Document:
    for key, value in overrides.items():
        parts = _path(key)
        text = json.dumps(plain(value)[0], default=repr)
        source = f"--set {shortened(key, _SHOWN)}={shortened(text, _SHOWN)}"
        if len(parts) > DEPTH_LIMIT:
            problem = Problem((key,), f"{len(parts)} keys deep; no config is.")
            raise Document.of(None, source).error([problem])
        document = document.put(parts, value, source)
    return document


def _path(key: str) -> tuple[str, ...]:
    """A dotted key's parts; below the search space the rest is one key, which may hold dots."""
    parts = tuple(key.split("."))
    depth = len(_SEARCH_SPACE)
    if parts[:depth] == _SEARCH_SPACE and len(parts) > depth:
        return (*_SEARCH_SPACE, ".".join(parts[depth:]))
    return parts
