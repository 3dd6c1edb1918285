"""Look at the source and enter what is new into the ledger."""

from __future__ import annotations

import errno
import math
import struct
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from calmops_flows.data.arrivals import LABELS, Seen, stamp_key
from calmops_flows.data.batch import Limits
from calmops_flows.data.source import (
    fingerprint,
    local_folder,
    natural_key,
    scan,
    smallest_value,
    take,
)
from calmops_flows.data.table import read_table
from calmops_flows.errors import SnapshotError
from calmops_flows.records import Role, Snapshot
from calmops_flows.spec import PipelineSpec, SourceSpec
from calmops_flows.steps.kinds import splits
from calmops_flows.steps.places import label_source
from calmops_flows.store import ledger
from calmops_flows.store.ledger import Arrival
from calmops_flows.store.store import Store


@dataclass(frozen=True, slots=True)
class Discovered:
    """What one look at the source found besides the new entries of the ledger."""

    waiting: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def discover(store: Store, spec: PipelineSpec, token: str, *, now: datetime) -> Discovered:
    """Scan the source once; new and changed files become pending snapshots."""
    known = ledger.known_files(store.database, spec.name)
    labels = _discover_labels(store, spec, token, known, now=now)
    folder = local_folder(spec.source)
    if folder is not None and not Path(folder).exists():
        missing = (spec.source.path, "the source folder does not exist (yet)")
        return Discovered(labels.waiting, (missing, *labels.skipped))
    limits = Limits.of(store.settings)
    found = scan(spec.source, known, now=now.timestamp(), limits=limits)
    skipped = list(found.skipped)
    arrivals = [a for s in found.new if (a := _arrival(spec.source, s, limits, skipped))]
    if arrivals:
        ledger.register(
            store.database,
            spec.name,
            token,
            sorted(arrivals, key=lambda a: order_key(spec.source, a.path, a.order_value)),
            # Of a file that is split, each block is compared with those that came before.
            process_duplicates=spec.source.duplicates == "process" or splits(spec),
            now=now,
        )
    waiting = tuple(seen.path for seen in found.waiting)
    return Discovered((*labels.waiting, *waiting), (*labels.skipped, *skipped))


def _discover_labels(
    store: Store, spec: PipelineSpec, token: str, known: dict[str, int], *, now: datetime
) -> Discovered:
    """Scan the label files; in the ledger their paths begin with ``labels:``."""
    source = label_source(spec)
    if source is None:
        return Discovered((), ())
    folder = local_folder(source)
    if folder is not None and not Path(folder).exists():
        return Discovered((), ((source.path, "the folder of the labels does not exist (yet)"),))
    mine = {p.removeprefix(LABELS): key for p, key in known.items() if p.startswith(LABELS)}
    limits = Limits.of(store.settings)
    found = scan(source, mine, now=now.timestamp(), limits=limits)
    skipped = list(found.skipped)
    arrivals = [
        replace(a, path=f"{LABELS}{a.path}", role=Role.LABELS)
        for seen in found.new
        if (a := _arrival(source, seen, limits, skipped))
    ]
    if arrivals:
        # The same labels again, under a later name, may overrule others: each file is read.
        ledger.register(
            store.database, spec.name, token, arrivals, process_duplicates=True, now=now
        )
    return Discovered(
        tuple(f"{LABELS}{seen.path}" for seen in found.waiting),
        tuple((f"{LABELS}{path}", reason) for path, reason in skipped),
    )


def in_order(spec: PipelineSpec, entries: list[tuple[Snapshot, str | None]]) -> list[Snapshot]:
    """Sort catch-ups first, then label files, then snapshots by the source's order and sequence.

    So rows that arrive together with their labels are labelled rows.
    """

    def key(entry: tuple[Snapshot, str | None]) -> tuple[object, ...]:
        snapshot, value = entry
        if snapshot.role is not Role.DATA:
            return (0, snapshot.role is Role.LABELS, natural_key(snapshot.path), snapshot.sequence)
        return (1, order_key(spec.source, snapshot.path, value), snapshot.sequence)

    return [snapshot for snapshot, _ in sorted(entries, key=key)]


def order_key(source: SourceSpec, path: str, value: str | None) -> tuple[object, ...]:
    """Return the key that files are processed by."""
    by_name = natural_key(path)
    return by_name if source.order == "name" else (value or "", by_name)


def _arrival(
    source: SourceSpec, seen: Seen, limits: Limits, skipped: list[tuple[str, str]]
) -> Arrival | None:
    """Identify a file by its bytes; None when it cannot be read now, with the reason."""
    try:
        taken = fingerprint(source, seen.path, limits=limits)
        value = _order_value(source, seen, limits)
    except SnapshotError as err:
        skipped.append((seen.path, str(err)))
        return None
    except OSError as err:
        # A file on a bad sector holds up no other one; what fails at a URL fails for all.
        if err.errno != errno.EIO or local_folder(source) is None:
            raise
        skipped.append((seen.path, f"read_error: {err.strerror}; it is tried again by every run"))
        return None
    return Arrival(
        path=seen.path,
        digest=taken.digest,
        size_bytes=taken.size_bytes,
        stamp=taken.stamp,
        stamp_key=stamp_key(taken.stamp),
        order_value=value,
    )


def _order_value(source: SourceSpec, seen: Seen, limits: Limits) -> str | None:
    if source.order == "modified":
        return sortable(seen.modified)
    if not source.order.startswith("column:"):
        return None
    with tempfile.TemporaryDirectory(prefix="calmops-") as folder:
        taken = take(source, seen.path, Path(folder), limits=limits)
        try:
            batch = read_table(
                taken.path or Path(folder),
                name=seen.path,
                format=source.format,
                options=source.read_options,
                limits=limits,
            )
            return sortable(smallest_value(batch.table, source.order.removeprefix("column:")))
        except SnapshotError:
            return None  # unreadable: first in line, so that it is quarantined at once


def sortable(value: object) -> str | None:
    """Return text that sorts as the value does, for numbers, times and text.

    Examples
    --------
    >>> sortable(-2.0) < sortable(-1) < sortable(10.5)
    True
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, (int, float)):
        return str(value)
    (bits,) = struct.unpack(">Q", struct.pack(">d", float(value)))
    flipped = bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 1 << 63)
    return f"{flipped:016x}"
