"""With what trials ran, and where that was not one thing."""

from amc.ledger import Trial
from amc.ledger.kinds import Kind, kinds
from tests.experiments import of, report

ENVIRONMENT = "gymnasium 1.4.0 CartPole-v1"
RAN = {"environment": ENVIRONMENT, "amc": ("0.1.0",), "kernel": "fast@1", "cpu": ("avx512",)}


def test_trials_are_told_apart_by_what_they_ran_with():
    trials = [Trial(number, {}, number, suggestion=number) for number in range(5)]
    reports = [
        report(0, 1.0, **RAN),
        report(1, 1.0, **{**RAN, "cpu": ("avx2",)}),
        report(2, 1.0, **RAN),
        report(3, 1.0, **{**RAN, "cpu": ("avx512", "avx2")}),
        report(4, None),
    ]

    found = kinds(of(trials, reports))

    assert list(found.values()) == [[0, 2], [1], [3]]
    assert [kind.is_mixed for kind in found] == [False, False, True]


def test_a_kind_is_told_in_one_line_as_far_as_it_is_known():
    known = Kind(("0.1.0", "0.2.0"), "fast@1", ENVIRONMENT, ("avx512",))
    of_old = Kind((), "", ENVIRONMENT, ())

    assert str(known) == f"amc 0.1.0 then 0.2.0, fast@1, {ENVIRONMENT}, avx512"
    assert str(of_old) == ENVIRONMENT
