"""What a Redis that does not do as it should is told as."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from amc.broker.connection import check, connect
from amc.broker.server import server
from amc.cli import main
from amc.errors import BrokerError
from amc.ledger import Ledger

pytestmark = pytest.mark.engine


@pytest.fixture
def guarded(tmp_path: Path, eventually: Any) -> Iterator[str]:
    """The socket of a Redis with a password and one database."""
    path = tmp_path / "guarded.sock"
    config = tmp_path / "redis.conf"
    config.write_text(
        f'port 0\nunixsocket "{path}"\nrequirepass s3cret\ndatabases 1\nsave ""\ndir "{tmp_path}"\n'
    )
    with subprocess.Popen([server(), str(config)], stdout=subprocess.DEVNULL) as process:
        try:
            eventually(path.exists)
            yield str(path)
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("user", "query", "said"),
    [
        ("", "", "Check user and password in AMC_BROKER_URL"),
        (":wr0ng@", "", "Check user and password in AMC_BROKER_URL"),
        ("nobody:wr0ng@", "", "Check user and password in AMC_BROKER_URL"),
        (":s3cret@", "?db=5", "name one that it has"),
    ],
)
def test_a_redis_that_refuses_is_told_with_what_to_do(
    guarded: str, shared: Path, monkeypatch: pytest.MonkeyPatch, user: str, query: str, said: str
) -> None:
    monkeypatch.setenv("AMC_BROKER_URL", f"redis+socket://{user}{guarded}{query}")

    with pytest.raises(BrokerError) as caught:
        check(connect())
    look = CliRunner().invoke(main, ["status"])

    assert said in str(caught.value)
    assert look.exit_code == 3
    for secret in ("s3cret", "wr0ng"):
        assert secret not in str(caught.value) + look.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:s3cret/b#c@h/0", "write them as %2F"),
        ("redis://h:s3cret/0", "the port is no number"),
        ("sentinel://:s3cret@h", "sentinel:// is no kind of Redis"),
        ("amqp://u:s3cret@h//", "amqp:// is no kind of Redis"),
        ("redis://:s3cret@/0", "names no host"),
    ],
)
@pytest.mark.parametrize("command", ["status", "submit", "up", "cancel"])
def test_a_url_that_is_none_is_a_sentence_and_2(
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_config: Any,
    command: str,
    url: str,
    said: str,
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(make_config().to_json()))
    arguments = {"submit": [str(config)], "up": ["--workers", "1"], "cancel": ["latest"]}
    Ledger.create(shared, make_config())
    monkeypatch.setenv("AMC_BROKER_URL", url)

    ended = CliRunner().invoke(main, [command, *arguments.get(command, [])])

    assert ended.exit_code == 2, ended.output
    assert said in ended.stderr
    assert "s3cret" not in ended.output and "Traceback" not in ended.output


def test_a_place_where_nobody_answers_is_told_with_what_to_do(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AMC_BROKER_URL", f"redis://:s3cret@127.0.0.1:{taken.getsockname()[1]}")

        with pytest.raises(BrokerError, match=r"No broker at redis://:\*\*\*@127.0.0.1:\d+/0"):
            check(connect())
