import pytest
from busy_workers import DURATIONS, Worked, share_busy, simulate


def test_time_counts_until_the_last_trial_begins():
    work = [Worked(0, 4), Worked(0, 2), Worked(0, 4), Worked(1, 3), Worked(4, 9)]

    assert share_busy(work) == pytest.approx((4 + 2 + 4 + 2) / 16)


@pytest.mark.parametrize("durations", DURATIONS)
def test_async_keeps_workers_busier_than_rounds(durations: str):
    rounds, in_order, as_they_come = (
        simulate((mode, durations, 24, 0))
        for mode in ("rounds of 4", "in order, window 8 (the default)", "as they come, window 8")
    )

    assert rounds < 0.85 < 0.92 < in_order <= as_they_come
    assert as_they_come == pytest.approx(1)
