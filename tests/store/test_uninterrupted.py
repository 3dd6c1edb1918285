"""Ctrl-C and SIGTERM wait for the end of a transaction, and nothing stays locked."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import FrameType

import pytest
from sqlalchemy import text

from calmops_flows.store.database import Database
from calmops_flows.store.uninterrupted import uninterrupted

WRITE = "ledger.attempt"  # any of them
ROUNDS = 60


class ToldError(BaseException):
    """What the handler of a signal raises; like KeyboardInterrupt, no Exception."""


def tell(_number: int, _frame: FrameType | None) -> None:
    raise ToldError


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """Give a signal whose handler raises."""
    before = signal.signal(request.param, tell)
    yield request.param
    signal.signal(request.param, before)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'calmops.db'}")
    with found.write(WRITE) as connection:
        connection.execute(text("CREATE TABLE numbers (n INTEGER)"))
    yield found
    found.close()


def write_two(database: Database, number: signal.Signals) -> None:
    with database.write(WRITE) as connection:
        connection.execute(text("INSERT INTO numbers VALUES (1)"))
        signal.raise_signal(number)
        connection.execute(text("INSERT INTO numbers VALUES (2)"))


def test_signal_in_a_transaction_takes_effect_after_the_commit(
    database: Database, number: signal.Signals
) -> None:
    with pytest.raises(ToldError):
        write_two(database, number)

    with database.read() as connection:
        assert connection.execute(text("SELECT n FROM numbers")).scalars().all() == [1, 2]


def look_at(database: Database, number: signal.Signals) -> None:
    with database.read():
        signal.raise_signal(number)
        raise AssertionError("the signal was held back")


def test_signal_in_a_view_takes_effect_at_once(database: Database, number: signal.Signals) -> None:
    with pytest.raises(ToldError):
        look_at(database, number)


def send_after(pause_seconds: float, number: signal.Signals) -> None:
    time.sleep(pause_seconds)
    os.kill(os.getpid(), number)


def work(database: Database) -> None:
    """Read and write."""
    with database.read() as connection:
        connection.execute(text("SELECT n FROM numbers")).first()
    with database.write(WRITE) as connection:
        connection.execute(text("SELECT n FROM numbers")).first()
        connection.execute(text("INSERT INTO numbers VALUES (1)"))


# Python drops what a handler raises while an object is finalized, as any program's Ctrl-C.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_signal_at_any_moment_leaves_nothing_locked_while_it_is_handled(
    database: Database, tmp_path: Path, number: signal.Signals
) -> None:
    rng = random.Random(number)
    locked = 0
    for _ in range(ROUNDS):
        pause = rng.uniform(0, 0.003)
        sender = threading.Thread(target=send_after, args=(pause, number))
        try:
            with uninterrupted():
                sender.start()
            work(database)
            sender.join()  # the signal comes here at the latest
        except ToldError:  # its traceback holds on to all that was at work
            with closing(sqlite3.connect(tmp_path / "calmops.db", timeout=0)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    locked += 1
    assert locked == 0


def test_outside_the_main_thread_it_changes_nothing(number: signal.Signals) -> None:
    seen: list[object] = []

    def look() -> None:
        with uninterrupted():
            seen.append(signal.getsignal(number))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert seen == [tell]
