"""optuna-dashboard shows an experiment, and to this machine alone."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from amc.ledger import Ledger

pytest.importorskip("optuna_dashboard")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.mark.slow
def test_it_is_served_on_loopback_until_a_signal_and_leaves_nothing(
    make_experiment: Callable[..., Ledger], shared: Path, tmp_path: Path, eventually
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    make_experiment(1.0, 2.0, None)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "amc", "dashboard", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )

    def study() -> dict[str, object] | None:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies/0") as answer:
                found: dict[str, object] = json.load(answer)
                return found
        except OSError:
            return None

    try:
        shown = eventually(study)
        listening = listened_on(port)
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)

    assert shown["name"] == "cartpole-1"
    assert [trial["state"] for trial in shown["trials"]] == ["Complete", "Complete", "Fail"]
    assert listening == {"0100007F"}, "127.0.0.1, as the kernel writes it"
    assert re.match(rf"http://127.0.0.1:{port}/", said)
    assert process.returncode == 128 + signal.SIGTERM
    assert not list(temporary.glob("amc-dashboard-*"))


def listened_on(port: int) -> set[str]:
    """The addresses on which this machine listens at a port."""
    found = set()
    for name in ("tcp", "tcp6"):
        if not os.path.exists(f"/proc/net/{name}"):
            continue
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, hexadecimal = local.rpartition(":")
            if int(hexadecimal, 16) == port and state == "0A":
                found.add(address)
    return found


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_so(make_experiment: Callable[..., Ledger], shared: Path):
    make_experiment(1.0)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()

        outcome = subprocess.run(
            [sys.executable, "-m", "amc", "dashboard", "--port", str(one.getsockname()[1])],
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert outcome.returncode == 2
    assert "cannot be listened on" in outcome.stderr
