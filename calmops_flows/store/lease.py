"""One worker per pipeline: a lease with heartbeat, expiry and wake-up counter.

The lease decides only who works. That nothing is written twice rests on the
checks of ``commit.snapshot``.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, text

from calmops_flows.errors import LeaseLostError, StoreError
from calmops_flows.store.database import Database

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Lease:
    """A held lease; use it as a context manager, which keeps it alive.

    Attributes
    ----------
    token : str
        Fencing token; ``commit.snapshot`` demands that it still stands.
    """

    database: Database
    pipeline: str
    token: str
    seconds: float
    _stop: threading.Event = field(default_factory=threading.Event)
    _lost: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._beat, name="calmops-lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if error is not None:
            self._give_up()

    def check(self) -> None:
        """Raise LeaseLostError if the heartbeat found that the lease is gone."""
        if self._lost.is_set():
            raise LeaseLostError(f"another worker has taken pipeline {self.pipeline!r}")

    def wake_count(self) -> int:
        """Return how many runs have found the lease taken so far."""
        with self.database.read() as connection:
            found = connection.execute(
                text("SELECT wake FROM leases WHERE pipeline = :p AND token = :t"),
                {"p": self.pipeline, "t": self.token},
            ).scalar()
        if found is None:
            raise LeaseLostError(f"another worker has taken pipeline {self.pipeline!r}")
        return int(found)

    def release(self, wake: int) -> bool:
        """Give the lease up unless somebody knocked since ``wake`` was read."""
        with self.database.write("lease.release") as connection:
            rows = connection.execute(
                text(
                    "UPDATE leases SET token = NULL, owner = NULL, expires_at = NULL "
                    "WHERE pipeline = :p AND token = :t AND wake = :w"
                ),
                {"p": self.pipeline, "t": self.token, "w": wake},
            ).rowcount
        return rows == 1

    def _give_up(self) -> None:
        try:
            self.release(self.wake_count())
        except (StoreError, OSError) as err:
            logger.warning("lease of %s not released, it will expire: %s", self.pipeline, err)

    def _beat(self) -> None:
        while not self._stop.wait(self.seconds / 3):
            try:
                self._extend()
            except LeaseLostError:
                self._lost.set()
                return
            except (StoreError, OSError) as err:
                logger.warning("heartbeat of %s failed: %s", self.pipeline, err)

    def _extend(self) -> None:
        with self.database.write("lease.heartbeat") as connection:
            rows = connection.execute(
                text(
                    f"UPDATE leases SET expires_at = {self.database.clock()} + :s "  # noqa: S608 - own SQL
                    "WHERE pipeline = :p AND token = :t"
                ),
                {"s": self.seconds, "p": self.pipeline, "t": self.token},
            ).rowcount
        if rows != 1:
            raise LeaseLostError(self.pipeline)


def is_held(database: Database, connection: Connection, pipeline: str) -> bool:
    """Tell whether a living worker holds the pipeline, within a transaction."""
    now = float(connection.execute(text(f"SELECT {database.clock()}")).scalar_one())
    return not _is_free(connection, pipeline, now)


def acquire(database: Database, pipeline: str, *, seconds: float) -> Lease | None:
    """Take the pipeline, or knock at the holder's door and return None."""
    token = secrets.token_hex(16)
    with database.write("lease.acquire") as connection:
        if is_held(database, connection, pipeline):
            connection.execute(
                text("UPDATE leases SET wake = wake + 1 WHERE pipeline = :p"), {"p": pipeline}
            )
            return None
        connection.execute(
            text(
                "UPDATE leases SET token = :t, owner = :o, "  # noqa: S608 - own SQL
                f"expires_at = {database.clock()} + :s WHERE pipeline = :p"
            ),
            {"t": token, "o": own_identity(), "s": seconds, "p": pipeline},
        )
    return Lease(database, pipeline, token, seconds)


def _is_free(connection: Connection, pipeline: str, now: float) -> bool:
    lock = " FOR UPDATE" if connection.dialect.name == "postgresql" else ""
    query = text(f"SELECT token, owner, expires_at FROM leases WHERE pipeline = :p{lock}")  # noqa: S608 - own SQL
    token, owner, expires_at = connection.execute(query, {"p": pipeline}).one()
    return token is None or expires_at < now or _is_dead(owner)


def own_identity() -> str:
    """Name this process so that another one of the same host can see it die."""
    return "/".join([*_host(), str(os.getpid()), _start_ticks(os.getpid()) or "?"])


def _is_dead(owner: str) -> bool:
    """Tell for sure that the owner was a process here that has ended."""
    host, namespace, boot, pid, ticks = owner.split("/")
    if (host, namespace, boot) != _host() or ticks == "?":
        return False
    return _start_ticks(int(pid)) != ticks


def _host() -> tuple[str, str, str]:
    boot = Path("/proc/sys/kernel/random/boot_id")
    if not boot.exists():
        return socket.gethostname().replace("/", "_"), "?", "?"
    namespace = str(Path("/proc/self/ns/pid").readlink()).replace("/", "_")
    return socket.gethostname().replace("/", "_"), namespace, boot.read_text().strip()


def _start_ticks(pid: int) -> str | None:
    """Start time of a live process in clock ticks; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]
