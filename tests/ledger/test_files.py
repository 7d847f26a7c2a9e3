import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amc.errors import LedgerError
from amc.ledger import files


def test_only_the_first_of_many_writers_creates_a_record(tmp_path: Path) -> None:
    path = tmp_path / "result.json"

    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda n: files.create(path, {"writer": n}), range(32)))

    assert created.count(True) == 1
    assert files.read(path) == {"writer": created.index(True)}
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_record_and_then_its_name_are_on_the_disk_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file)), sync(file)))
    path = tmp_path / "decision.json"

    files.create(path, {"number": 0})

    assert [one.st_ino for one in synced] == [path.stat().st_ino, tmp_path.stat().st_ino]


def test_a_record_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "result.json"

    with pytest.raises(ValueError, match="JSON compliant"):
        files.create(path, {"score": float("nan")})

    assert list(tmp_path.iterdir()) == []


def test_replacing_a_file_keeps_only_the_newest_version(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "best.json"

    files.replace(path, '{"n": 1}')
    files.replace(path, '{"n": 2}')

    assert files.read(path) == {"n": 2}


def test_a_missing_record_reads_as_none(tmp_path: Path) -> None:
    assert files.read(tmp_path / "nothing.json") is None


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_a_damaged_record_is_named_in_the_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "round.json"
    path.write_text(text)

    with pytest.raises(LedgerError, match=r"round\.json"):
        files.read(path)


def test_a_full_disk_is_known_by_what_led_to_an_error() -> None:
    with pytest.raises(LedgerError) as caught:
        try:
            Path("/dev/full").write_text("a record")
        except OSError as error:
            raise LedgerError("it could not be written") from error

    assert files.is_full_disk(caught.value)
    assert not files.is_full_disk(LedgerError("something else"))


def test_a_disk_has_room_for_little_and_not_for_everything(tmp_path: Path) -> None:
    assert files.has_room(tmp_path, 1)
    assert not files.has_room(tmp_path, 1 << 62)


def test_white_space_and_the_order_of_keys_change_no_record(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    files.create(path, {"state": "completed", "score": 412.5, "nested": {"b": [1], "a": None}})
    whole = files.read(path)

    data = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(data.items())), indent=7))

    assert files.read(path) == whole


@pytest.mark.parametrize("value", [1, 0.1, -0.0, 1e300, 2**70, "é\n", "\udc80", [], {"": None}])
def test_whatever_json_holds_reads_back_as_it_was_written(tmp_path: Path, value: object) -> None:
    path = tmp_path / "result.json"

    files.create(path, {"value": value})

    assert repr(files.read(path)) == repr({"value": value})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_json_does_not_have_is_named(tmp_path: Path, number: str) -> None:
    path = tmp_path / "result.json"
    files.create(path, {"score": 1.0})

    path.write_text(path.read_text().replace("1.0", number))

    with pytest.raises(LedgerError, match=r"result\.json"):
        files.read(path)


def test_a_pipe_in_place_of_a_record_is_not_waited_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "result.json")

    with pytest.raises(LedgerError, match=r"result\.json"):
        files.read(tmp_path / "result.json")


def test_what_cannot_be_looked_at_is_neither_there_nor_missing(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").touch()

    assert files.exists(tmp_path / "file")
    assert not files.exists(tmp_path / "file" / "below")
    with pytest.raises(LedgerError, match="loop"):
        files.exists(tmp_path / "loop" / "below")
