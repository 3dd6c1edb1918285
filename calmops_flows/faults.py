"""Fault points: named places before and after every durable write.

``CALMOPS_FAULT=name:N:kind`` (several with commas between) makes the N-th passage of
the point ``name`` fail. A name is ``<write>.before`` or ``<write>.after``; the writes are
the rows of the table in ``docs/architecture.md``. Kinds: ``kill`` (SIGKILL to the own
process), ``enospc`` and ``eio`` (the operating system's errors).
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from calmops_flows.errors import SpecError

DURABLE_WRITES = (
    "archive.import",
    "archive.rename",
    "artifact.put",
    "artifact.remove",
    "backup.rename",
    "backup.rows",
    "breaker.close",
    "champion.switch",
    "commit.snapshot",
    "contract.accept",
    "export.write",
    "feed.manifest",
    "feed.snapshot",
    "fsck.champion",
    "ledger.attempt",
    "ledger.catch_up",
    "ledger.quarantine",
    "ledger.register",
    "ledger.return_attempt",
    "ledger.split",
    "lease.acquire",
    "lease.heartbeat",
    "lease.release",
    "outbox.acknowledge",
    "outbox.failed",
    "pipeline.apply",
    "pipeline.delete",
    "quarantine.resolve",
    "report.link",
    "retention.forget",
    "schema.backup",
    "schema.migrate",
    "serving.log",
)
_KINDS = {"enospc": errno.ENOSPC, "eio": errno.EIO}
_passages: Counter[str] = Counter()


@contextmanager
def durable(write: str) -> Iterator[None]:
    """Mark a durable write; its two fault points lie around the block."""
    fault_point(f"{write}.before")
    yield
    fault_point(f"{write}.after")


def fault_point(name: str) -> None:
    """Fail here if ``CALMOPS_FAULT`` asks for this passage of this point."""
    wanted = os.environ.get("CALMOPS_FAULT")
    if not wanted:
        return
    _passages[name] += 1
    for point, passage, kind in map(_parse, wanted.split(",")):
        if (point, passage) == (name, _passages[name]):
            _fail(name, kind)


def _fail(name: str, kind: str) -> None:
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    number = _KINDS[kind]
    raise OSError(number, os.strerror(number), f"fault point {name}")


def _parse(wanted: str) -> tuple[str, int, str]:
    parts = wanted.split(":")
    if len(parts) == 3 and parts[1].isdigit() and parts[2] in {"kill", *_KINDS}:
        return parts[0], int(parts[1]), parts[2]
    raise SpecError(f"CALMOPS_FAULT must be name:N:kill|enospc|eio, got {wanted!r}")
