"""Requests and ends: numbered, the first writer first; an end stands until more is asked."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amc.errors import LedgerError
from amc.ledger import Decision, History, Ledger, Request, files


def test_clients_that_ask_at_once_get_a_number_each(ledger: Ledger):
    with ThreadPoolExecutor(8) as pool:
        wishes = [Request(0, "calls", calls=calls) for calls in range(1, 33)]
        recorded = list(pool.map(ledger.ask, wishes))

    asked = ledger.history().asked
    assert sorted(one.number for one in recorded) == list(range(32))
    assert sorted(one.calls for one in asked) == list(range(1, 33))
    assert [one.number for one in asked] == list(range(32))


def test_a_request_that_a_decision_dealt_with_is_asked_no_more(ledger: Ledger):
    first = ledger.ask(Request(0, "calls", calls=3))
    second = ledger.ask(Request(0, "steps", steps=4096, of="all"))

    ledger.append(Decision(0, requests=(second,)))

    past = ledger.history()
    assert past.requests == {1: second}
    assert past.asked == (first,)


def test_what_was_dealt_with_is_not_dealt_with_again():
    wish = Request(0, "calls", calls=3)

    with pytest.raises(LedgerError, match="request 0 was dealt with before"):
        History().after(Decision(0, requests=(wish,)), Decision(1, requests=(wish,)))


def test_a_later_request_lets_a_finished_experiment_go_on_until_it_ends_again(ledger: Ledger):
    seen = []
    ledger.finish("completed")
    seen.append((ledger.is_finished, ledger.state))
    ledger.ask(Request(0, "calls", calls=3))
    seen.append((ledger.is_finished, ledger.state))
    ledger.finish("failed", "why", handled=1)
    seen.append((ledger.is_finished, ledger.state))

    assert seen == [(True, "completed"), (False, "running"), (True, "failed")]
    assert ledger.end is not None and ledger.end.error == "why"


def test_an_end_as_earlier_versions_wrote_it_is_one_until_more_is_asked(ledger: Ledger):
    files.create(ledger.directory / "end.json", {"state": "completed", "error": None})

    before = ledger.is_finished, ledger.state
    ledger.ask(Request(0, "calls", calls=3))

    assert before == (True, "completed")
    assert (ledger.is_finished, ledger.state) == (False, "running")


def test_a_damaged_request_is_named(ledger: Ledger):
    ledger.ask(Request(0, "calls", calls=3))
    path: Path = ledger.paths.request(0)
    path.write_text(path.read_text().replace("3", "4"))

    with pytest.raises(LedgerError, match=r"requests/0000\.json"):
        ledger.history()


def test_time_counts_until_an_end_and_again_from_where_it_goes_on():
    past = History().after(
        Decision(0, now=10.0),
        Decision(1, now=30.0, finish="completed"),
        Decision(2, now=1000.0, requests=(Request(0, "calls", calls=1),)),
        Decision(3, now=1005.0),
    )

    assert (past.clock, past.elapsed) == (1005.0, 35.0)


def test_what_nobody_could_read_again_is_not_recorded(ledger: Ledger):
    with pytest.raises(LedgerError, match="calls: Input should be a valid integer"):
        ledger.ask(Request(0, "calls", calls=1.5))  # type: ignore[arg-type]

    assert ledger.history().asked == ()
