from typing import Any

import pytest

from amc.broker import hints

pytestmark = pytest.mark.engine


def test_wake_ups_are_coalesced_until_one_arrives(broker: Any) -> None:
    first, second = hints.claim_wake(broker, "e-1"), hints.claim_wake(broker, "e-1")
    hints.clear_wake(broker, "e-1")

    assert (first, second) == (True, False)
    assert hints.claim_wake(broker, "e-1")


def test_progress_is_what_a_trial_told_last(broker: Any) -> None:
    hints.report_progress(broker, "e-1", 0, {"steps": 1})
    hints.report_progress(broker, "e-1", 0, {"steps": 2})

    assert hints.progress_of(broker, "e-1", [0, 1]) == {0: {"steps": 2}}
    assert hints.progress_of(broker, "e-1", []) == {}
