from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text, update

from calmops_flows.errors import LeaseLostError
from calmops_flows.settings import Settings
from calmops_flows.store import Store
from calmops_flows.store.lease import Lease, acquire, own_identity
from calmops_flows.store.tables import leases


def test_second_taker_gets_nothing_and_is_counted_as_a_wake(store: Store, lease: Lease) -> None:
    before = lease.wake_count()

    assert acquire(store.database, lease.pipeline, seconds=30) is None
    assert lease.wake_count() == before + 1


def test_release_fails_when_somebody_knocked_since_the_last_look(
    store: Store, lease: Lease
) -> None:
    wake = lease.wake_count()
    acquire(store.database, lease.pipeline, seconds=30)

    assert not lease.release(wake)
    assert lease.release(lease.wake_count())
    assert acquire(store.database, lease.pipeline, seconds=30) is not None


def test_expired_lease_is_taken_over_and_fences_the_old_holder(store: Store, lease: Lease) -> None:
    _set(store, owner="elsewhere/pid/boot/1/1", expires_at=text(f"{store.database.clock()} - 1"))

    assert acquire(store.database, lease.pipeline, seconds=30) is not None
    with pytest.raises(LeaseLostError, match="another worker"):
        lease.wake_count()


def test_lease_of_another_host_stands_until_it_expires(store: Store, lease: Lease) -> None:
    _set(store, owner="elsewhere/pid/boot/1/1", expires_at=text(f"{store.database.clock()} + 20"))

    assert acquire(store.database, lease.pipeline, seconds=30) is None


def test_lease_of_a_dead_process_of_this_host_is_taken_at_once(store: Store, lease: Lease) -> None:
    code = "from calmops_flows.store.lease import own_identity; print(own_identity())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    _set(store, owner=dead.stdout.strip())

    assert acquire(store.database, lease.pipeline, seconds=30) is not None


def test_lease_of_a_reused_process_number_counts_as_dead(store: Store, lease: Lease) -> None:
    *host, _ticks = own_identity().split("/")
    _set(store, owner="/".join([*host, "1"]))

    assert acquire(store.database, lease.pipeline, seconds=30) is not None


def test_heartbeat_keeps_the_lease_alive(store: Store, lease: Lease) -> None:
    lease.seconds = 0.3
    _set(store, owner="elsewhere/pid/boot/1/1")

    with lease:
        for _ in range(4):
            _wait(0.2)
            assert acquire(store.database, lease.pipeline, seconds=30) is None


def test_heartbeat_that_finds_the_lease_gone_stops_the_run(store: Store, lease: Lease) -> None:
    lease.seconds = 0.1

    with lease:
        _set(store, token="somebody else")
        _wait(0.5)
        with pytest.raises(LeaseLostError, match="another worker"):
            lease.check()


def test_leaving_with_an_error_gives_the_lease_back(store: Store, lease: Lease) -> None:
    with pytest.raises(KeyError), lease:
        raise KeyError

    assert acquire(store.database, lease.pipeline, seconds=30) is not None


def test_only_one_of_many_processes_gets_the_lease(settings: Settings, lease: Lease) -> None:
    lease.release(lease.wake_count())
    code = (
        "import sys, time; from calmops_flows.store import open_store\n"
        "from calmops_flows.store.lease import acquire\n"
        "store = open_store(); got = acquire(store.database, 'flights', seconds=30)\n"
        "print('got' if got else 'none', flush=True); sys.stdin.read()"
    )
    environment = {
        **os.environ,
        "CALMOPS_HOME": str(settings.home),
        "CALMOPS_DATABASE_URL": settings.database_url,
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]

    answers = [process.stdout.readline().strip() for process in processes if process.stdout]
    for process in processes:
        process.communicate("")

    assert sorted(answers) == ["got", "none", "none", "none"]


def _set(store: Store, **values: object) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(update(leases).values(values))


def _wait(seconds: float) -> None:
    import time

    time.sleep(seconds)


def test_own_identity_names_a_living_process() -> None:
    from calmops_flows.store.lease import _is_dead

    assert not _is_dead(own_identity())
    assert Path("/proc/self/stat").exists()
