"""How a test of a suite is run by hand, without pytest collecting it."""

from collections.abc import Callable
from unittest import SkipTest

import pytest

from amc.errors import AmcError
from amc.testing.suite import Suite


@pytest.fixture
def said_by() -> Callable[[type[Suite], str], str]:
    """The sentence with which a suite's test fails; empty where it holds or says nothing."""

    def run(suite: type[Suite], test: str) -> str:
        one = suite()
        one.setup_method()
        try:
            getattr(one, test)()
        except SkipTest:
            return ""
        except (AssertionError, AmcError) as error:
            return str(error)
        finally:
            one.teardown_method()
        return ""

    return run


@pytest.fixture
def failures_of(said_by: Callable[[type[Suite], str], str]) -> Callable[[type[Suite]], list[str]]:
    """Every test of a suite that fails, with its sentence."""

    def run(suite: type[Suite]) -> list[str]:
        tests = [name for name in dir(suite) if name.startswith("test_")]
        return [f"{test}: {said}" for test in tests if (said := said_by(suite, test))]

    return run
