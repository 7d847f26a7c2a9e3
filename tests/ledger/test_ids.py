import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from amc.config.schema import ExperimentConfig
from amc.errors import LedgerError, UsageError
from amc.ledger import Ledger, removal
from amc.ledger.ids import highest_removed, numbered, retire

MakeConfig = Callable[..., ExperimentConfig]


def test_an_id_that_was_removed_is_never_given_again(tmp_path: Path, make_config: MakeConfig):
    first, second = (Ledger.create(tmp_path, make_config()) for _ in range(2))

    removal.remove(second.directory)
    third = Ledger.create(tmp_path, make_config())
    removal.remove(first.directory)
    fourth = Ledger.create(tmp_path, make_config())

    assert [one.id for one in (first, second, third, fourth)] == [
        *("test-1", "test-2", "test-3", "test-4")
    ]


def test_another_name_has_numbers_of_its_own(tmp_path: Path, make_config: MakeConfig):
    retire(tmp_path, "test-a-7")
    retire(tmp_path, "tes-7")

    assert Ledger.create(tmp_path, make_config()).id == "test-1"
    assert Ledger.create(tmp_path, make_config({"experiment_name": "test-a"})).id == "test-a-8"


def test_the_highest_number_stands_for_those_below(tmp_path: Path):
    for number in (3, 12, 5):
        retire(tmp_path, f"x-{number}")

    assert highest_removed(tmp_path, "x") == 12
    assert {path.name for path in (tmp_path / ".removed").iterdir()} == {"x-12", "x-5"}


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [("a-1", ("a", 1)), ("a-b-12", ("a-b", 12)), ("a", ("a", 0)), ("a-", ("a-", 0))],
)
def test_an_id_is_a_name_and_a_number(identifier: str, expected: tuple[str, int]):
    assert numbered(identifier) == expected


def test_what_lies_behind_links_stays(tmp_path: Path, make_config: MakeConfig):
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    ledger = Ledger.create(shared, make_config())
    (ledger.directory / "trials").symlink_to(elsewhere)

    removal.remove(ledger.directory)

    assert (elsewhere / "precious").read_text() == "mine"
    assert [path.name for path in shared.iterdir()] == [".removed"]


def test_an_experiment_that_is_a_link_is_left_alone(tmp_path: Path, make_config: MakeConfig):
    shared = tmp_path / "shared"
    ledger = Ledger.create(tmp_path / "other", make_config())
    shared.mkdir()
    (shared / "test-1").symlink_to(ledger.directory)

    with pytest.raises(UsageError, match="is a link, not a directory"):
        removal.remove(shared / "test-1")

    assert ledger.paths.experiment.exists()


def test_who_is_killed_on_the_way_leaves_no_half_of_an_experiment(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
):
    ledger = Ledger.create(tmp_path, make_config())

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(LedgerError, match=r"cannot be removed .*amc clean"):
        removal.remove(ledger.directory)

    assert not ledger.directory.exists()
    assert len(removal.half_removed(tmp_path)) == 1


def test_links_count_as_what_they_are(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x" * 1000)
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "b").write_bytes(b"x" * 10)
    (directory / "link").symlink_to(tmp_path / "a")

    assert 10 < removal.size(directory) < 1000
    assert removal.size(tmp_path / "nothing") == 0
