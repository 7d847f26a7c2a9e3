"""Jupyter Lab runs whatever it is told, so nobody reaches it without a token."""

import socket
import stat
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from amc import fleet
from amc.errors import UsageError
from amc.fleet import jupyter
from amc.fleet.commands import Broker, jupyter_arguments, programs
from amc.fleet.description import Description
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.jupyter import token


def test_a_token_is_made_up_once_and_kept_from_others(paths: FleetPaths) -> None:
    first = token(paths.jupyter_token)

    assert token(paths.jupyter_token) == first
    assert len(first) >= 32
    assert stat.S_IMODE(paths.jupyter_token.stat().st_mode) == 0o600


def test_the_user_s_own_token_is_used_but_not_kept_or_shown(
    paths: FleetPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMC_JUPYTER_TOKEN", "of-my-own")

    assert token(paths.jupyter_token) == "of-my-own"
    assert not paths.jupyter_token.exists()
    assert fleet.jupyter_invitation(8080).endswith("token as in AMC_JUPYTER_TOKEN")


@pytest.mark.parametrize("value", ["short", "has a space", "has/slash?&"])
def test_a_token_that_is_too_short_or_breaks_its_url_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AMC_JUPYTER_TOKEN", value)

    with pytest.raises(UsageError, match="at least 8 letters"):
        token(tmp_path / "jupyter.token")


def test_it_listens_on_loopback_and_asks_nobody_anything() -> None:
    arguments = jupyter_arguments(8080, "/project")

    assert "--ServerApp.ip=127.0.0.1" in arguments
    assert "--ServerApp.port_retries=0" in arguments
    assert "--LabApp.news_url=" in arguments


def test_settings_from_elsewhere_do_not_open_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/elsewhere")
    monkeypatch.setenv("AMC_JUPYTER_TOKEN", "of-my-own")

    (driver, lab) = programs(
        Description((), jupyter_port=8080),
        shared=Path("/shared"),
        broker=Broker("redis://host/0", None),
        flower_auth="",
        jupyter_token="of-my-own",
    )

    assert "JUPYTER_CONFIG_PATH" not in lab.environment
    assert Path(lab.environment["JUPYTER_CONFIG_DIR"]).is_relative_to("/shared/.fleet")
    assert "of-my-own" not in " ".join(lab.command)
    assert "of-my-own" not in driver.environment.values()


def test_where_it_is_not_installed_that_is_said_before_anything_starts(
    shared: Path, paths: FleetPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jupyter, "find_spec", lambda name: None)

    with pytest.raises(UsageError, match=r"pip install 'ai-mission-control\[notebook\]'"):
        fleet.up(Description((), driver=False, jupyter_port=8080))

    assert not paths.directory.exists()


@pytest.mark.slow
@pytest.mark.engine
def test_it_comes_up_and_lets_in_who_has_the_token(shared: Path, paths: FleetPaths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free_port = listener.getsockname()[1]
    fleet.up(Description((), driver=False, jupyter_port=free_port), deadline_s=100)
    secret = token(paths.jupyter_token)

    def status(path: str, **headers: str) -> int:
        with closing(HTTPConnection("127.0.0.1", free_port, timeout=30)) as connection:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status

    assert status("/api/contents") == 403
    assert status("/api/contents", Authorization="token wrong") == 403
    assert status("/api/contents", Authorization=f"token {secret}") == 200
    assert fleet.jupyter_invitation(free_port).endswith(f"?token={secret}")


def test_it_opens_with_the_notebook_that_looks_at_an_experiment_where_there_is_one(tmp_path: Path):
    before = jupyter_arguments(8080, str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "analysis.ipynb").touch()

    after = jupyter_arguments(8080, str(tmp_path))

    assert set(after) - set(before) == {"--LabApp.default_url=/lab/tree/notebooks/analysis.ipynb"}
