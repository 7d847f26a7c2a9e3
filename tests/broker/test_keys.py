import os
from pathlib import Path

import pytest

from amc.broker import keys
from amc.broker.keys import FILE, Holder, Keys
from amc.errors import UsageError


def test_a_directory_keeps_the_prefix_that_it_got_first(tmp_path: Path) -> None:
    shared = tmp_path / "new" / "shared"

    first = keys.claim(shared)
    keys._read.cache_clear()  # as another process
    again = keys.claim(shared)

    assert first == again == keys.of(shared)
    assert first.prefix == f"amc:{first.id}:"
    assert [path.name for path in shared.iterdir()] == [FILE]


def test_two_directories_share_no_key(tmp_path: Path) -> None:
    one, other = keys.claim(tmp_path / "one"), keys.claim(tmp_path / "other")

    assert one.prefix != other.prefix
    assert one.lease("e-1", 0) != other.lease("e-1", 0)


def test_who_loses_the_race_for_the_first_prefix_takes_the_winner_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def lose(source: str, target: Path) -> None:
        target.write_text('{"id": "00aa00aa00aa", "of": "a newer version"}')
        link(source, target)

    monkeypatch.setattr(os, "link", lose)

    assert keys.claim(tmp_path) == Keys("00aa00aa00aa")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_looking_at_a_directory_writes_nothing(tmp_path: Path) -> None:
    found = keys.of(tmp_path / "nowhere")

    assert found == Keys("")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"id": "../x"}', '{"id": 5}', '{"id": "A"}'])
def test_a_file_that_names_no_prefix_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(UsageError, match=r"\.broker\.json: does not name .* remove the file"):
        keys.claim(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 60_000, b'{"id": ' + b"9" * 5_000 + b"}"])
def test_rubbish_in_place_of_the_prefix_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)

    with pytest.raises(UsageError, match=r"\.broker\.json: does not name "):
        keys.of(tmp_path)


def test_what_is_no_file_in_place_of_the_prefix_is_told(tmp_path: Path) -> None:
    for name in ("directory", "pipe", "loop"):
        (tmp_path / name).mkdir()
    (tmp_path / "directory" / FILE).mkdir()
    os.mkfifo(tmp_path / "pipe" / FILE)
    (tmp_path / "loop" / FILE).symlink_to(FILE)

    for name in ("directory", "pipe", "loop"):
        with pytest.raises(UsageError, match=r"\.broker\.json: "):
            keys.of(tmp_path / name)


def test_a_directory_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match=r"file/shared: cannot be made: Not a directory"):
        keys.claim(tmp_path / "file" / "shared")


def test_a_lease_s_key_and_value_say_what_they_were_made_of() -> None:
    names = Keys("00aa00aa")
    holder = Holder("a/b@host", 12, "0123:45", "gpu0")

    assert names.leased(names.lease("e.x:1-1", 7)) == ("e.x:1-1", 7)
    assert names.leased(names.lease("e-1", "x")) is None
    assert names.leased(names.lease("e-1", "9" * 5_000)) is None
    assert Holder.parse(str(holder)) == holder
    assert holder.worker == "a/b"


@pytest.mark.parametrize("text", ["", "x", "a@b/x/y/z", "a@b/1/y", "/1/y/z", "a/99999999999/y/z"])
def test_what_is_no_lease_is_held_by_nobody(text: str) -> None:
    assert Holder.parse(text) is None
