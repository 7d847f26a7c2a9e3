import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result as Outcome

from amc.doctor import Finding
from amc.ledger import Ledger

Amc = Callable[..., Outcome]
SECRETS = {
    "key": "sk-planted-0001",
    "token": "planted-token-0002",
    "broker": "planted%40pass-0003",
    "flower": "planted-flower-0004",
    "jupyter": "planted-jupyter-0005",
    "url": "planted-url-0006",
}


@pytest.fixture(autouse=True)
def quick_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the doctor finds is looked at elsewhere, and takes seconds."""
    found = [Finding("broker", "fault", f"redis://:{SECRETS['url']}@host:1/0 does not answer")]
    monkeypatch.setattr("amc.support.examine", lambda shared: iter(found))


@pytest.fixture
def planted(make_experiment: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """An experiment and a fleet, with secrets wherever one might stand."""
    ledger = make_experiment(1.0, None)
    monkeypatch.setenv("WANDB_API_KEY", SECRETS["key"])
    monkeypatch.setenv("AMC_HUB_TOKEN", SECRETS["token"])
    monkeypatch.setenv("AMC_OLD_BROKER", f"redis://:{SECRETS['broker']}@host:6379/0")
    fleet = ledger.directory.parent / ".fleet" / "host"
    (fleet / "logs").mkdir(parents=True)
    (fleet / "flower.auth").write_text(f"amc:{SECRETS['flower']}")
    (fleet / "jupyter.token").write_text(SECRETS["jupyter"])
    named = [secret for name, secret in SECRETS.items() if name != "url"]
    log = [f"connected to redis://:{SECRETS['url']}@host:6379/0", *named]
    log += ["planted@pass-0003", "amc is up"]
    (fleet / "logs" / "driver.log").write_text("\n".join(log))
    attempts = ledger.paths.trial(1).attempts
    attempts.mkdir(parents=True)
    (attempts / "0001.traceback.txt").write_text(f"KeyError: {SECRETS['key']}")
    (ledger.directory / "checkpoints.pt").write_bytes(b"weights")
    return ledger


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as bundle:
        return {name: bundle.read(name).decode() for name in bundle.namelist()}


def test_everything_is_in_it_but_secrets_and_checkpoints(amc: Amc, planted: Ledger, tmp_path: Path):
    out = tmp_path / "bundle.zip"

    outcome = amc("support-bundle", "cartpole-1", "--out", out)

    assert (outcome.exit_code, outcome.stdout) == (0, f"{out}\n")
    found = contents(out)
    everything = "\n".join([*found, *found.values()])
    assert [name for name, secret in SECRETS.items() if secret in everything] == []
    assert "planted@pass-0003" not in everything
    assert "amc is up" in found["logs/host/driver.log"]
    assert {"doctor.json", "environment.json", "packages.txt"} < set(found)
    assert json.loads(found["cartpole-1/experiment.json"])["experiment_id"] == "cartpole-1"
    assert "KeyError: ***" in found["cartpole-1/trials/0001/attempts/0001.traceback.txt"]
    assert not [name for name in found if name.endswith((".pt", ".auth", ".token"))]


def test_what_is_in_it_is_told(amc: Amc, planted: Ledger, tmp_path: Path):
    outcome = amc("support-bundle", "cartpole-1", "--json", "--out", tmp_path / "x.zip")

    document = json.loads(outcome.stdout)
    assert document["contents"]["logs"]["files"] == 1
    assert document["contents"]["cartpole-1"]["files"] > 5
    assert "logs " in outcome.stderr and "1 file" in outcome.stderr


def test_without_an_id_no_experiment_is_in_it(
    amc: Amc, planted: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    outcome = amc("support-bundle")

    name = outcome.stdout.strip()
    assert name.startswith("amc-support-")
    assert not [one for one in contents(tmp_path / name) if one.startswith("cartpole")]


def test_links_are_not_followed_and_nothing_is_written_over(
    amc: Amc, planted: Ledger, tmp_path: Path
):
    private = tmp_path / "private.json"
    private.write_text('{"mine": "private-0007"}')
    (planted.directory / "link.json").symlink_to(private)
    out = tmp_path / "bundle.zip"

    amc("support-bundle", "cartpole-1", "--out", out)
    again = amc("support-bundle", "cartpole-1", "--out", out)

    assert "private-0007" not in "".join(contents(out).values())
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_a_large_log_comes_with_its_end(amc: Amc, planted: Ledger, tmp_path: Path):
    log = planted.directory.parent / ".fleet" / "host" / "logs" / "rl-worker-0.log"
    log.write_text("first\n" + "x" * 400_000 + "\nlast\n")

    amc("support-bundle", "--out", tmp_path / "x.zip")

    text = contents(tmp_path / "x.zip")["logs/host/rl-worker-0.log"]
    assert len(text) < 300_000
    assert text.endswith("last\n") and "first" not in text
