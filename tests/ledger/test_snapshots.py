"""Pages of the log: read in place of its decisions, and never believed against them."""

import pytest

from amc.ledger import Decision, History, Ledger, log, snapshots
from amc.ledger.paths import ExperimentPaths
from amc.verify import verify


@pytest.fixture
def ledger(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A ledger of eleven decisions, in pages of four."""
    monkeypatch.setattr(snapshots, "PAGE", 4)
    for number in range(11):
        assert ledger.append(Decision(number, why=f"number {number}"))
    return ledger


def folded(paths: ExperimentPaths, who: str) -> History:
    """As a process sees it that has read nothing yet."""
    return log.fold(paths, who)


def test_a_new_process_reads_whole_pages(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    read, numbers = log.read, []
    monkeypatch.setattr(
        log, "read", lambda paths, number: numbers.append(number) or read(paths, number)
    )

    past = folded(ledger.paths, "new")

    assert past.decisions == 11
    assert numbers == [8, 9, 10, 11]
    assert sorted(path.name for path in ledger.paths.snapshot(0).parent.iterdir()) == [
        "0000.jsonl",
        "0001.jsonl",
    ]


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "changed", "of another page"])
def test_where_a_page_is_damaged_the_decisions_are_read(ledger: Ledger, damage: str) -> None:
    page, whole = ledger.paths.snapshot(1), ledger.paths.snapshot(1).read_bytes()
    contents = {
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "changed": whole.replace(b"number 5", b"number 6"),
        "of another page": ledger.paths.snapshot(0).read_bytes(),
    }
    page.unlink() if damage == "gone" else page.write_bytes(contents[damage])

    past = folded(ledger.paths, damage)

    assert past.decisions == 11 and past.why == "number 10"
    assert all("0001.jsonl" not in fault for fault in verify(ledger))


def test_decisions_that_are_damaged_stand_in_their_page(ledger: Ledger) -> None:
    for path in (ledger.paths.decision(2), ledger.paths.decision_copy(2)):
        path.write_text("{}")

    past = folded(ledger.paths, "damaged")

    assert past.decisions == 11


def test_a_page_that_is_not_what_was_decided_is_named(ledger: Ledger) -> None:
    wrong = [Decision(number, why="another") for number in range(4)]
    snapshots.write(ledger.paths, wrong)

    faults = verify(ledger)

    assert any("0000.jsonl: is not what the decisions say" in fault for fault in faults)
