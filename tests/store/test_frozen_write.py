"""A machine that freezes within a write does not hold up the others for ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from calmops_flows.errors import StoreError
from calmops_flows.store import database as module
from calmops_flows.store.database import Database

WRITE = "ledger.attempt"  # any of them
pytestmark = pytest.mark.postgres


@pytest.fixture
def database(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(module, "IDLE_TIMEOUT_SECONDS", 1)
    found = Database(postgres_database)
    with found.write(WRITE) as connection:
        connection.execute(text("CREATE TABLE held (n INTEGER)"))
        connection.execute(text("INSERT INTO held VALUES (0)"))
    yield found
    found.close()


INCREASE = text("UPDATE held SET n = n + 1 RETURNING n")


def freeze(database: Database) -> None:
    """Write, do nothing while another writes, and go on."""
    with database.write(WRITE) as frozen:
        frozen.execute(INCREASE)
        with database.write(WRITE) as other:  # waits for the lock of the frozen one
            assert other.execute(INCREASE).scalar_one() == 1
        frozen.execute(INCREASE)


def test_frozen_write_is_ended_and_another_takes_over(database: Database) -> None:
    with pytest.raises(StoreError):
        freeze(database)

    with database.read() as connection:
        assert connection.execute(text("SELECT n FROM held")).scalar_one() == 1


def test_reader_may_think_as_long_as_it_likes(database: Database) -> None:
    with database.write(WRITE) as connection:
        connection.execute(text("UPDATE held SET n = 5"))
    with database.read() as connection:  # the same pooled connection
        connection.execute(text("SELECT pg_sleep(0)"))
        shown = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
    assert shown == "0"
