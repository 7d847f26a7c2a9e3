from typing import Any

import pytest

from amc.broker import leases
from amc.broker.leases import Owner

pytestmark = pytest.mark.engine
ONE, OTHER = Owner("rl-worker-0", "gpu0"), Owner("rl-worker-1", "gpu1")


def test_only_one_worker_holds_a_trial(broker: Any) -> None:
    first = leases.acquire(broker, "e-1", 0, ONE)

    second = leases.acquire(broker, "e-1", 0, OTHER)

    assert first is not None and second is None
    assert leases.holders(broker, "e-1", [0, 1]) == {0: str(ONE)}


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
    assert leases.holders(broker, "e-1", [0]) == {0: str(OTHER)}


def test_a_restarted_worker_takes_over_the_lease_of_its_dead_process(broker: Any) -> None:
    lease = leases.acquire(broker, "e-1", 0, ONE)
    assert lease is not None
    broker.set(lease.key, str(ONE).replace("/", "/9", 1))

    again = leases.acquire(broker, "e-1", 0, ONE)

    assert again is not None
    assert broker.get(lease.key) == str(ONE)


def test_running_trials_are_counted_by_queue(broker: Any) -> None:
    leases.acquire(broker, "e-1", 0, ONE)
    leases.acquire(broker, "e-2", 0, ONE)
    leases.acquire(broker, "e-2", 1, OTHER)

    assert leases.leases_by_queue(broker) == {"gpu0": 2, "gpu1": 1}
