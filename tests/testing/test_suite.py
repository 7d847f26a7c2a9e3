"""What all suites have in common: what is given, what is allowed, and that pytest is not needed."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc import testing
from amc.testing import EnvironmentSuite, OptimizerSuite
from tests.testing import environments_at_fault, searches_at_fault

Run = Callable[..., str]
NAMED = "test_a_config_may_name_it"


def suite_for(environment: Any) -> type[EnvironmentSuite]:
    return type("Suite", (EnvironmentSuite,), {"environment": environment})


def test_no_suite_imports_pytest():
    modules = list(Path(testing.__file__).parent.glob("*.py"))

    importing = [
        path.name
        for path in modules
        if re.search(r"^\s*(import|from) _?pytest", path.read_text(encoding="utf-8"), re.M)
    ]

    assert len(modules) > 4
    assert importing == []


def test_a_suite_that_is_given_nothing_says_what_it_wants(said_by: Run):
    with pytest.raises(AssertionError, match="environment: nothing is given"):
        said_by(EnvironmentSuite, NAMED)


def test_what_no_config_could_name_is_refused(said_by: Run):
    class Within(environments_at_fault.Sound):
        pass

    with pytest.raises(AssertionError, match="Give what stands at the top of a module"):
        said_by(suite_for(Within), NAMED)


def make_sound(size: int = 4) -> environments_at_fault.Sound:
    return environments_at_fault.Sound(size)


@pytest.mark.parametrize(
    "given",
    [
        "tests.testing.environments_at_fault:Sound",
        environments_at_fault.Sound,
        make_sound,
        {"name": make_sound, "kwargs": {"size": 2}},
    ],
    ids=["name", "class", "function", "object"],
)
def test_a_name_a_class_a_function_or_an_object_may_be_given(given: Any, said_by: Run):
    assert said_by(suite_for(given), NAMED) == ""
    assert said_by(suite_for(given), "test_learners_understand_every_step") == ""


def test_a_function_that_makes_a_search_may_be_given(said_by: Run):
    suite = type("Suite", (OptimizerSuite,), {"optimizer": make_search})

    assert said_by(suite, NAMED) == ""


def make_search(search_space: dict[str, Any], seed: int = 0) -> searches_at_fault.Sound:
    return searches_at_fault.Sound(search_space, seed)


@pytest.mark.parametrize("before", [None, "another"])
def test_a_suite_allows_its_module_for_the_time_of_a_test_alone(
    before: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AMC_ALLOW_MODULES", raising=False)
    if before is not None:
        monkeypatch.setenv("AMC_ALLOW_MODULES", before)
    suite = suite_for("tests.strange:Twenty-v0")()

    suite.setup_method()
    during = os.environ["AMC_ALLOW_MODULES"]
    suite.teardown_method()

    assert set(during.split(",")) == {"tests.strange"} | {before} - {None}
    assert os.environ.get("AMC_ALLOW_MODULES") == before
