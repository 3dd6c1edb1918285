"""A bounded sample of all labelled rows so far, for modes that replay them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from calmops_flows.errors import ModelError
from calmops_flows.learning.columns import target_values
from calmops_flows.learning.rows import concatenated
from calmops_flows.profiles.sample import row_hashes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Task

CAPACITY = 10_000
_HASH, _SOURCE, _STRATUM = "calmops:hash", "calmops:source", "calmops:stratum"
_SEEN = b"calmops:seen"


@dataclass(frozen=True, slots=True, eq=False)
class Reservoir:
    """A sample of rows, stratified by class [1]_.

    Of each class the rows with the smallest hashes of (snapshot, row number) are kept, as many as
    there is room for when the frequent classes share it evenly. So the sample depends on which
    snapshots were seen, and on neither their order nor who added them.

    Parameters
    ----------
    table : pyarrow.Table of shape (n_rows, n_columns + 3)
        The rows in the order of their hashes, with hash, snapshot and class beside them.
    seen : mapping of str to mapping of str to int
        Labelled rows by snapshot and class, also those that were not kept.

    References
    ----------
    .. [1] Cohen, E. and Kaplan, H. (2007). Summarizing data using bottom-k sketches. PODC, 225-234.
    """

    table: pa.Table
    seen: Mapping[str, Mapping[str, int]]

    @property
    def rows(self) -> pa.Table:
        """The rows as they were in their snapshots."""
        return self.table.drop_columns([_HASH, _SOURCE, _STRATUM])


def sample(table: pa.Table, source: str, *, target: str, task: Task, size: int) -> Reservoir:
    """Sample the labelled rows of one snapshot.

    Parameters
    ----------
    table : pyarrow.Table
        All rows of the snapshot, in their order.
    source : str
        Digest of the snapshot.
    target : str
        Column of the labels.
    task : {"classification", "regression"}
        Regressions have one class for all rows.
    size : int
        Most rows to keep.

    Returns
    -------
    Reservoir
        Of at most ``size`` rows.

    Examples
    --------
    >>> table = pa.table({"x": [1, 2, 3, 4], "y": ["a", "a", "a", "b"]})
    >>> kept = sample(table, "f00", target="y", task="classification", size=2)
    >>> sorted(kept.rows["y"].to_pylist()), kept.seen
    (['a', 'b'], {'f00': {'a': 3, 'b': 1}})
    """
    labelled = np.flatnonzero(target_values(table, target, task)[1])
    rows = table.take(pa.array(labelled))
    strata = pa.array([""] * len(labelled), pa.string())
    if task == "classification":
        strata = pc.cast(rows.column(target), pa.string()).combine_chunks()
    seen = {source: dict(sorted(Counter(strata.to_pylist()).items()))}
    sources = pa.array([source] * len(labelled), pa.string())
    hashes = row_hashes(source, 0, table.num_rows)[labelled]
    rows = rows.append_column(_HASH, pa.array(hashes, pa.uint64()))
    rows = rows.append_column(_SOURCE, sources).append_column(_STRATUM, strata)
    return Reservoir(_kept(rows, size), seen)


def merge(a: Reservoir, b: Reservoir, *, size: int) -> Reservoir:
    """Merge the samples of different snapshots.

    Parameters
    ----------
    a, b : Reservoir
        Each of at most ``size`` rows; a snapshot in both counts once, as in ``a``.
    size : int
        Most rows to keep.

    Returns
    -------
    Reservoir
        What `sample` would keep of all rows of all these snapshots.
    """
    b = without(b, a.seen)
    return Reservoir(_kept(concatenated([a.table, b.table]), size), {**a.seen, **b.seen})


def without(reservoir: Reservoir, sources: Collection[str]) -> Reservoir:
    """Return a reservoir without the rows of some snapshots."""
    gone = sorted(set(sources) & set(reservoir.seen))
    if not gone:
        return reservoir
    is_gone = pc.is_in(reservoir.table.column(_SOURCE), value_set=pa.array(gone, pa.string()))
    seen = {source: counts for source, counts in reservoir.seen.items() if source not in gone}
    return Reservoir(reservoir.table.filter(pc.invert(is_gone)), seen)


def draw(reservoir: Reservoir, n_rows: int) -> tuple[pa.Table, tuple[str, ...]]:
    """Draw rows in the proportions that the classes had in all rows seen.

    Parameters
    ----------
    reservoir : Reservoir
        Where from.
    n_rows : int
        Rows wanted.

    Returns
    -------
    rows : pyarrow.Table
        About ``n_rows`` rows, fewer when the reservoir holds fewer of a class; at least
        one of each class, so that a rare one is not forgotten.
    sources : tuple of str
        Digests of the snapshots that they are from.
    """
    totals: Counter[str] = Counter()
    for counts in reservoir.seen.values():
        totals.update(counts)
    n_seen = totals.total()
    wanted = {name: max(1, round(n_rows * n / n_seen)) for name, n in totals.items()}
    places = _first(_codes(reservoir.table), wanted) if n_rows > 0 else np.empty(0, np.intp)
    taken = Reservoir(reservoir.table.take(pa.array(places)), reservoir.seen)
    return taken.rows, tuple(sorted(pc.unique(taken.table.column(_SOURCE)).to_pylist()))


def to_bytes(reservoir: Reservoir) -> bytes:
    """Return a reservoir as parquet: equal reservoirs give equal bytes."""
    seen = json.dumps(reservoir.seen, sort_keys=True, ensure_ascii=False).encode()
    sink = pa.BufferOutputStream()
    table = reservoir.table.replace_schema_metadata({_SEEN: seen})
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def from_bytes(content: bytes) -> Reservoir:
    """Read what `to_bytes` wrote.

    Parameters
    ----------
    content : bytes
        Parquet.

    Returns
    -------
    Reservoir
        As it was.

    Raises
    ------
    ModelError
        If it is no reservoir.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
        seen = json.loads(table.schema.metadata[_SEEN])
    except (pa.ArrowException, KeyError, TypeError, ValueError) as err:
        raise ModelError(f"the kept old rows cannot be read: {type(err).__name__}: {err}") from err
    return Reservoir(table.replace_schema_metadata(None), seen)


def _kept(table: pa.Table, size: int) -> pa.Table:
    """Return the rows that stay, in the order of their hashes."""
    table = table.sort_by([(_HASH, "ascending"), (_SOURCE, "ascending")]).combine_chunks()
    codes = _codes(table)
    counts = Counter(codes)
    level = _level(sorted(counts.values()), size)
    if level == 0:
        return table.slice(0, size)
    places = _first(codes, dict.fromkeys(counts, level))
    return table if len(places) == table.num_rows else table.take(pa.array(places))


def _level(counts: list[int], size: int) -> int:
    """Return how many rows each class may keep, so that all fit: the water rises evenly."""
    room, classes = size, len(counts)
    for count in counts:
        if count * classes > room:
            return room // classes
        room -= count
        classes -= 1
    return max(counts, default=1)


def _codes(table: pa.Table) -> list[Any]:
    return list(table.column(_STRATUM).to_pylist())


def _first(codes: list[Any], wanted: Mapping[Any, int]) -> NDArray[np.intp]:
    """Return the places of the first rows of each class."""
    taken: Counter[Any] = Counter()
    places = []
    for place, code in enumerate(codes):
        if taken[code] < wanted.get(code, 0):
            taken[code] += 1
            places.append(place)
    return np.array(places, dtype=np.intp)
