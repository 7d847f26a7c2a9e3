"""What every suite is made of: the thing that is given, allowed while a test runs, and sentences.

A test that does not hold raises an AssertionError with a sentence: what was wrong, with the value,
what is allowed, what to do. One that says nothing about the thing raises `unittest.SkipTest`, which
pytest shows as skipped. So nothing here needs pytest, and a test can be called by hand, between
`setup_method` and `teardown_method`.
"""

import inspect
import json
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.settings import ALLOW_VARIABLE, allowed_modules


class Suite:
    """The parent of the suites; it has no tests of its own."""

    _allowed_before: str | None = None

    def setup_method(self) -> None:
        """Allow the modules that the suite names; called by pytest before each test."""
        self._allowed_before = os.environ.get(ALLOW_VARIABLE)
        modules = {name.partition(":")[0] for name in self.names() if ":" in name}
        os.environ[ALLOW_VARIABLE] = ",".join(sorted(allowed_modules() | modules))

    def teardown_method(self) -> None:
        """Allow what was allowed before; called by pytest after each test."""
        if self._allowed_before is None:
            os.environ.pop(ALLOW_VARIABLE, None)
        else:
            os.environ[ALLOW_VARIABLE] = self._allowed_before

    def names(self) -> Iterable[str]:
        """What the suite's config names."""
        raise NotImplementedError

    def given(self, attribute: str) -> Any:
        """What a subclass gives: a name, or what a config writes in its place.

        A class or a function in it becomes the name that it has in a config, `module:Name`.
        """
        # A function must not become a method.
        value = inspect.getattr_static(self, attribute)
        value = value.__func__ if isinstance(value, staticmethod) else value
        require(
            value is not None,
            f"{type(self).__name__}.{attribute}: nothing is given. Write the name as a config has "
            f'it, for example {attribute} = "my_module:MyClass", or the class itself.',
        )
        if isinstance(value, Mapping):
            return {key: _written(item, attribute) for key, item in value.items()}
        return _written(value, attribute)


def require(holds: bool, sentence: str) -> None:
    """Fail with a sentence unless something holds."""
    __tracebackhide__ = True
    if not holds:
        raise AssertionError(sentence)


def as_entry(given: Any) -> dict[str, Any]:
    """The object that a config may write for an environment or a wrapper."""
    return dict(given) if isinstance(given, Mapping) else {"name": given}


def loaded(config: Mapping[str, Any]) -> ExperimentConfig:
    """A config as `amc validate` reads it.

    Raises:
        ConfigError: it is refused; every fault in a sentence of its own.
    """
    try:
        text = json.dumps(config, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AssertionError(
            f"{error}: a config is JSON. Give numbers, strings, booleans, null, lists and objects."
        ) from error
    return _loaded(text)


@cache  # what is installed is asked in a process of its own, which takes half a second
def _loaded(text: str) -> ExperimentConfig:
    return ConfigLoader().from_mapping(json.loads(text), source="suite")


def _written(value: Any, attribute: str) -> Any:
    if not callable(value):
        return value
    module, name = value.__module__, value.__qualname__
    require(
        getattr(sys.modules.get(module), name, None) is value,
        f"{attribute}: {value!r} is not found as {module}:{name}, which is how a config would "
        "name it. Give what stands at the top of a module.",
    )
    return f"{module}:{name}"
