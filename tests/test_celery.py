"""The app's settings, whatever another project has left in the environment."""

import logging
from pathlib import Path
from typing import Any

import pytest

from amc.broker import keys
from amc.broker.address import broker_address
from amc.celery import app, connection_settings
from amc.workers import signals

FOREIGN = {
    "CELERY_BROKER_URL": "redis://:s3cret@elsewhere/0",
    "CELERY_BROKER_READ_URL": "amqp://elsewhere//",
    "CELERY_BROKER_WRITE_URL": "amqp://elsewhere//",
    "CELERY_RESULT_BACKEND": "redis://:s3cret@elsewhere/0",
    "CELERY_CONFIG_MODULE": "elsewhere",
    "CELERY_LOADER": "elsewhere",
}


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FOREIGN.items():
        monkeypatch.setenv(name, text)


def test_celery_s_own_variables_change_nothing(foreign: None) -> None:
    ours = broker_address().url
    conf = app.conf

    assert {conf.broker_url, conf.broker_read_url, conf.broker_write_url} == {ours}
    assert conf.result_backend == ours
    assert app.loader.read_configuration() == {}
    for connection in (app.connection(), app.connection_for_read(), app.connection_for_write()):
        assert connection.as_uri(include_password=True).startswith(ours)


def test_a_worker_names_what_it_does_not_follow_without_a_secret(
    foreign: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("amc"), "propagate", True)

    signals._tell_overruled()

    assert all(name in caplog.text for name in FOREIGN)
    assert "s3cret" not in caplog.text and "AMC_BROKER_URL" in caplog.text


def test_queues_and_results_lie_under_the_directory_s_prefix(shared: Path) -> None:
    settings: dict[str, Any] = connection_settings()

    prefix = keys.of(shared).prefix
    for name in ("broker_transport_options", "result_backend_transport_options"):
        assert settings[name]["global_keyprefix"] == prefix
    assert keys.of(shared).id
