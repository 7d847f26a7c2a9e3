from typing import Any

import pytest

from amc.broker import heartbeats
from amc.broker.heartbeats import LiveWorker

pytestmark = pytest.mark.engine


def test_a_worker_is_live_until_it_falls_silent(broker: Any) -> None:
    heartbeats.beat(broker, LiveWorker("rl-worker-10", ("gpu1",), "here", 1))
    heartbeats.beat(broker, LiveWorker("rl-worker-2", ("gpu0",), "here", 1))

    live = heartbeats.live_workers(broker)
    heartbeats.silence(broker, live[0].host, [live[0].name])

    assert [worker.name for worker in live] == ["rl-worker-2", "rl-worker-10"]
    assert heartbeats.live_queues(broker) == {"gpu1": 1}
