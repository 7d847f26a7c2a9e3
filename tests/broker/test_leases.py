import os
from typing import Any

import pytest

from amc.broker import leases
from amc.broker.keys import Holder
from amc.broker.machine import identify

pytestmark = pytest.mark.engine
ONE, OTHER = Holder.here("rl-worker-0", "gpu0"), Holder.here("rl-worker-1", "gpu1")


def test_only_one_worker_holds_a_trial(broker: Any) -> None:
    first = leases.acquire(broker, "e-1", 0, ONE)

    second = leases.acquire(broker, "e-1", 0, OTHER)

    assert first is not None and second is None
    assert leases.holders(broker, "e-1", [0, 1]) == {0: Holder.parse(str(ONE))}


def test_a_lease_ends_by_itself_unless_it_is_renewed(broker: Any) -> None:
    lease = leases.acquire(broker, "e-1", 0, ONE)

    assert lease is not None
    assert 0 < broker.pttl(lease.key) <= leases.TTL_MS


def test_a_released_lease_is_free_again(broker: Any) -> None:
    lease = leases.acquire(broker, "e-1", 0, ONE)
    assert lease is not None

    lease.release()

    assert leases.acquire(broker, "e-1", 0, OTHER) is not None


def test_a_vanished_lease_is_made_anew_by_its_renewal(broker: Any) -> None:
    lease = leases.acquire(broker, "e-1", 0, ONE)
    assert lease is not None
    broker.flushall()

    renewed = lease.renew()

    assert renewed
    assert leases.acquire(broker, "e-1", 0, OTHER) is None


def test_a_lease_that_somebody_else_took_cannot_be_renewed_or_released(broker: Any) -> None:
    lease = leases.acquire(broker, "e-1", 0, ONE)
    assert lease is not None
    broker.flushall()
    leases.acquire(broker, "e-1", 0, OTHER)

    assert not lease.renew()
    lease.release()
    assert leases.holders(broker, "e-1", [0]) == {0: Holder.parse(str(OTHER))}


def test_a_restarted_worker_takes_over_the_lease_of_its_dead_process(broker: Any) -> None:
    lease = leases.acquire(broker, "e-1", 0, ONE)
    assert lease is not None
    broker.set(lease.key, str(ONE).replace("/", "/9", 1), px=leases.TTL_MS)

    again = leases.acquire(broker, "e-1", 0, ONE)

    assert again is not None
    assert broker.get(lease.key) == str(ONE)


@pytest.mark.parametrize(
    "namesake",
    [
        pytest.param(f"{ONE.name}/{os.getppid()}/{identify(os.getppid())}/gpu0", id="by hand"),
        pytest.param(f"{ONE.name}/7/fedcba987654:30/gpu0", id="on a machine of the same name"),
        pytest.param(f"{ONE.name}/7/0a1b2c3d/gpu0", id="of another version"),
    ],
)
def test_a_worker_of_the_same_name_that_may_live_keeps_its_lease(
    broker: Any, namesake: str
) -> None:
    lease = leases.acquire(broker, "e-1", 0, ONE)
    assert lease is not None
    broker.set(lease.key, namesake, px=leases.TTL_MS)

    again = leases.acquire(broker, "e-1", 0, ONE)

    assert again is None
    assert broker.get(lease.key) == namesake


def test_running_trials_are_counted_by_queue(broker: Any) -> None:
    leases.acquire(broker, "e-1", 0, ONE)
    leases.acquire(broker, "e-2", 0, ONE)
    leases.acquire(broker, "e-2", 1, OTHER)

    assert leases.leases_by_queue(broker) == {"gpu0": 2, "gpu1": 1}
