"""What the surroundings say, and what they cannot mean."""

from pathlib import Path

import pytest

from amc.errors import UsageError
from amc.settings import allowed_commands, shared_dir


@pytest.mark.parametrize(
    "named", ["{}/file", "{}/file/x", "{}/loop", "{}/loop/x", "~no.such.user/x"]
)
def test_what_cannot_hold_experiments_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setenv("AMC_SHARED_DIR", named.format(tmp_path))

    with pytest.raises(UsageError, match=r"^AMC_SHARED_DIR: '.*' cannot hold experiments: "):
        shared_dir()


def test_a_current_directory_that_was_removed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.delenv("AMC_SHARED_DIR", raising=False)

    with pytest.raises(UsageError, match="the current directory was removed"):
        shared_dir()


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("", set()),
        ("python train.py, ./run.sh", {("python", "train.py"), ("./run.sh",)}),
        ("'a, b' c,d\\,e", {("a, b", "c"), ("d,e",)}),
        ("ls,python 'x,rm", {("ls",)}),
        ("ls,python \\", {("ls",)}),
        (",, ,", set()),
    ],
)
def test_commands_that_are_allowed_are_split_as_a_shell_splits_them(
    monkeypatch: pytest.MonkeyPatch, text: str, commands: set[tuple[str, ...]]
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", text)

    assert allowed_commands() == commands
