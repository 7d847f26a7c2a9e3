"""Flower is never without a password."""

import stat
from pathlib import Path

import pytest

from amc.errors import UsageError
from amc.fleet import flower_invitation
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.flower import password


def test_a_password_is_made_up_once_and_kept_from_others(paths: FleetPaths) -> None:
    first = password(paths.flower_auth)

    assert password(paths.flower_auth) == first
    assert len(first.partition(":")[2]) >= 20
    assert stat.S_IMODE(paths.flower_auth.stat().st_mode) == 0o600


def test_the_user_s_own_password_is_used_but_not_kept_or_shown(
    paths: FleetPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMC_FLOWER_AUTH", "me:mine")

    assert password(paths.flower_auth) == "me:mine"
    assert not paths.flower_auth.exists()
    assert flower_invitation(5555).endswith("user me, password as in AMC_FLOWER_AUTH")


@pytest.mark.parametrize("value", ["mine", "me:", ":mine", "me:mine,you:yours"])
def test_a_password_that_flower_would_misread_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AMC_FLOWER_AUTH", value)

    with pytest.raises(UsageError, match="user:password"):
        password(tmp_path / "flower.auth")
