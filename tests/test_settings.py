"""What the surroundings say, and what they cannot mean."""

from pathlib import Path

import pytest

from amc.errors import UsageError
from amc.settings import shared_dir


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
