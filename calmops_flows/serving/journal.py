"""What was asked and answered, as parquet files that are a source of later snapshots."""

from __future__ import annotations

import io
import itertools
import logging
import os
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from calmops_flows.faults import durable
from calmops_flows.store.files import write_durably

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from calmops_flows.serving.answer import Answer

logger = logging.getLogger(__name__)

ID_COLUMN = "calmops_id"


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is closed, and how much waits at most while none can be written.

    Attributes
    ----------
    rows : int
        Rows after which a file is written.
    seconds : float
        Age of the oldest row after which a file is written.
    held_rows : int
        Rows that wait at most; later ones are dropped, and counted.
    """

    rows: int = 10_000
    seconds: float = 60.0
    held_rows: int = 500_000


@dataclass
class _Buffer:
    """Rows of one pipeline that are not written yet."""

    since: datetime
    number: int
    key: str = ID_COLUMN
    tables: list[pa.Table] = field(default_factory=list)
    rows: int = 0


class Journal:
    """Gathers answers in memory, and writes whole files now and then.

    Parameters
    ----------
    folder : Path
        Gets one folder for each pipeline.
    rotation : Rotation
        When files are written.
    now : callable
        The time, with a zone.
    """

    def __init__(self, folder: Path, rotation: Rotation, now: Callable[[], datetime]) -> None:
        self._folder = folder
        self._rotation = rotation
        self._now = now
        self._lock = threading.Lock()
        self._buffers: dict[str, _Buffer] = {}
        self._numbers = itertools.count()
        self.dropped = 0
        self.fault: str | None = None

    def add(self, answer: Answer) -> None:
        """Remember one answer; it is written with the next file."""
        name, table, now = answer.served.pipeline, answer.table, self._now()
        if table is None:
            return
        with self._lock:
            buffer = self._buffers.get(name)
            if buffer is None:
                buffer = self._buffers[name] = _Buffer(now, next(self._numbers))
            if buffer.rows + table.num_rows > self._rotation.held_rows:
                self.dropped += table.num_rows
                return
            buffer.key = answer.served.key_column or ID_COLUMN
            buffer.tables.append(_told(answer, table, now))
            buffer.rows += table.num_rows

    def rotate(self, *, is_last: bool = False) -> None:
        """Write a file for each pipeline whose rows are many or old enough.

        What cannot be written waits for the next time; `fault` says why.
        """
        for name in list(self._buffers):
            with self._lock:
                buffer = self._buffers[name]
                is_due = (
                    is_last
                    or buffer.rows >= self._rotation.rows
                    or self._now() - buffer.since >= timedelta(seconds=self._rotation.seconds)
                )
                if not buffer.tables or not is_due:
                    continue
                taken = self._buffers.pop(name)
            try:
                self._write(name, taken)
            except OSError as err:
                self._put_back(name, taken, f"{type(err).__name__}: {err}")
            else:
                self.fault = None

    def _put_back(self, name: str, taken: _Buffer, reason: str) -> None:
        if self.fault != reason:
            logger.warning("predictions of %s are not logged: %s", name, reason)
        self.fault = reason
        with self._lock:
            later = self._buffers.get(name)
            if later is not None:
                taken.tables += later.tables
                taken.rows += later.rows
            self._buffers[name] = taken

    def _write(self, name: str, buffer: _Buffer) -> None:
        table = pa.concat_tables(buffer.tables, promote_options="permissive").combine_chunks()
        sink = io.BytesIO()
        pq.write_table(_once(table, buffer.key), sink, compression="zstd")
        sink.seek(0)
        folder = self._folder / name
        # Written again after a fault, a file replaces itself.
        file = f"served-{buffer.since:%Y%m%dT%H%M%S%f}Z-{os.getpid()}-{buffer.number}.parquet"
        with durable("serving.log"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_durably(folder / file, sink)


def _told(answer: Answer, table: pa.Table, now: datetime) -> pa.Table:
    """Return the rows with what was said of them."""
    served, said = answer.served, answer.said
    key = served.key_column or ID_COLUMN
    if key in table.column_names:
        table = table.drop_columns([key])
    more = {
        key: pa.array(answer.ids, pa.string()),
        "calmops_prediction": pa.array(said.values),
        "calmops_version": pa.array([served.version] * table.num_rows, pa.int64()),
        "calmops_at": pa.array([now] * table.num_rows, pa.timestamp("us", "UTC")),
    }
    if said.probabilities is not None and said.classes is not None:
        for place, label in enumerate(said.classes):
            more[f"calmops_probability_{label}"] = pa.array(said.probabilities[:, place])
    for name, values in more.items():
        table = table.append_column(name, values)
    return table


def _once(table: pa.Table, key: str) -> pa.Table:
    """Keep the last answer for each id: a client that asks again asks about the same row."""
    ids = table.column(key).to_pylist()
    last = {(row if name is None else name): row for row, name in enumerate(ids)}
    return table if len(last) == len(ids) else table.take(pa.array(sorted(last.values())))
