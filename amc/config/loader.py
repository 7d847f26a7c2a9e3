"""A config file, or a mapping, becomes an `ExperimentConfig`; all its faults are told at once.

Its door is `ConfigLoader`. What is wrong comes as one `ConfigError`; what is allowed and probably
not meant is in `ConfigLoader.warnings`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from amc.config.assembly import Assembly
from amc.config.document import Document, Text, in_order
from amc.config.reader import read
from amc.config.schema import ExperimentConfig
from amc.errors import ConfigError

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
        self, path: str | os.PathLike[str], overlays: Sequence[str | os.PathLike[str]] = ()
    ) -> ExperimentConfig:
        """Read a config file.

        Args:
            path: JSON; comments and trailing commas are accepted.
            overlays: files that hold only what differs, laid over it in this order.

        Raises:
            ConfigError: with every fault of the files.
        """
        document = read(path)
        for overlay in overlays:
            document = document.lay_over(read(overlay))
        return self._build(document)

    def from_mapping(
        self, mapping: Mapping[str, Any], source: str = "config", *, accepted: bool = False
    ) -> ExperimentConfig:
        """Check a config that is already in memory.

        Args:
            mapping: plain JSON values.
            source: what to call it in faults.
            accepted: whether it was checked before (a ledger's); then neither this machine's memory
                nor its allow-list counts.

        Raises:
            ConfigError: with every fault.
        """
        value = dict(mapping) if isinstance(mapping, Mapping) else mapping
        return self._build(Document(value, Text(source)), accepted=accepted)

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
            document = Document(config.to_json(), Text("config"))
        for key, value in overrides.items():
            source = f"--set {key}={json.dumps(value, default=repr)}"
            document = document.put(_path(key), value, source)
        return self._build(document)

    def _build(self, document: Document, accepted: bool = False) -> ExperimentConfig:
        assembly = Assembly(document.value, accepted=accepted)
        config = assembly.config()
        faults = [*document.faults, *map(document.fault, assembly.problems)]
        if config is None or faults:
            raise ConfigError(in_order(faults))
        self.warnings[:] = assembly.warnings
        self._latest = config, document
        return config


def _path(key: str) -> tuple[str, ...]:
    """A dotted key's parts; below the search space the rest is one key, which may hold dots."""
    parts = tuple(key.split("."))
    depth = len(_SEARCH_SPACE)
    if parts[:depth] == _SEARCH_SPACE and len(parts) > depth:
        return (*_SEARCH_SPACE, ".".join(parts[depth:]))
    return parts
