"""A profile as bytes and back: Arrow IPC, one row per column, deterministic."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.errors import ProfileError
from calmops_flows.profiles.arrow import (
    as_floats,
    as_integers,
    from_lists,
    from_numbers,
    from_texts,
)
from calmops_flows.profiles.column import CategoricalColumn, Column, CountedColumn, NumericColumn
from calmops_flows.profiles.profile import Profile
from calmops_flows.profiles.sample_codec import sample_from_bytes, sample_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from calmops_flows.profiles.sample import RowSample

FORMAT = "calmops-profile"
VERSION = 1
_KEY = b"calmops"
_NUMBERS = ("n", "n_missing", "n_infinite", "rank_error")
_SHARES = ("autocorrelation", "rising")
_FIELDS = (
    "name",
    "kind",
    "type",
    *_NUMBERS,
    "autocorrelation",
    "rising",
    "values",
    "levels",
    "counts",
    "tail",
)
_NO_FLOATS = np.zeros(0)
_NO_INTEGERS = np.zeros(0, np.int64)


def to_bytes(profile: Profile) -> bytes:
    """Return a profile as bytes; the same profile gives the same bytes.

    Parameters
    ----------
    profile : Profile
        Any profile.

    Returns
    -------
    bytes
        An Arrow IPC stream, compressed with zstd; then one of the sample, if any.
    """
    sample = b"" if profile.sample is None else sample_to_bytes(profile.sample)
    columns = list(profile.columns.values())
    arrays = [
        from_texts([column.name for column in columns]),
        from_texts([column.kind for column in columns]),
        from_texts([getattr(column, "type", "") for column in columns]),
        *(from_numbers(_integers([getattr(c, field, 0) for c in columns])) for field in _NUMBERS),
        *(from_numbers(_floats([getattr(c, field, 0.0) for c in columns])) for field in _SHARES),
        _lists([getattr(column, "values", _NO_FLOATS) for column in columns], _NO_FLOATS),
        _text_lists([getattr(column, "levels", ()) for column in columns]),
        _lists([getattr(column, "counts", _NO_INTEGERS) for column in columns], _NO_INTEGERS),
        _lists([getattr(column, "tail", _NO_INTEGERS) for column in columns], _NO_INTEGERS),
    ]
    head: dict[str, Any] = {"format": FORMAT, "version": VERSION, "n_rows": profile.n_rows}
    if profile.sample is not None:
        head["sample"] = {"size": profile.sample.size, "bytes": len(sample)}
    schema = pa.schema(
        [pa.field(name, array.type) for name, array in zip(_FIELDS, arrays, strict=True)],
        metadata={_KEY: json.dumps(head, sort_keys=True).encode()},
    )
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return bytes(sink.getvalue()) + sample


def from_bytes(data: bytes) -> Profile:
    """Read a profile that `to_bytes` wrote.

    Parameters
    ----------
    data : bytes
        Bytes of one profile.

    Returns
    -------
    Profile
        Equal to the one that was written.

    Raises
    ------
    ProfileError
        If the bytes are no profile, are damaged, or come from a newer version.
    """
    try:
        with pa.ipc.open_stream(data) as reader:
            head = _head((reader.schema.metadata or {}).get(_KEY, b"{}"))
            batch = reader.read_next_batch()
            batch.validate(full=True)
            columns = _columns(batch)
        sample = _sample(data, head.get("sample"))
        n_rows = int(head["n_rows"])
    except ProfileError:
        raise
    except (pa.ArrowException, OSError, StopIteration, KeyError, ValueError, TypeError) as err:
        raise ProfileError(f"expected a profile in Arrow IPC, found damaged bytes: {err}") from err
    return Profile(n_rows, {column.name: column for column in columns}, sample)


def column_from_bytes(data: bytes, name: str) -> Column | None:
    """Read one column of a profile, and neither the others nor the sample of rows.

    Parameters
    ----------
    data : bytes
        Bytes of one profile.
    name : str
        Name of the column.

    Returns
    -------
    Column or None
        Equal to the one in `from_bytes`; None if the profile has no such column.

    Raises
    ------
    ProfileError
        If the bytes are no profile, that column is damaged, or they come from a newer version.
    """
    try:
        with pa.ipc.open_stream(data) as reader:
            _head((reader.schema.metadata or {}).get(_KEY, b"{}"))
            batch = reader.read_next_batch()
            place = pc.index(batch.column("name"), name).as_py()
            if place < 0:
                return None
            alone = batch.slice(place, 1)
            alone.validate(full=True)
            (column,) = _columns(alone)
    except ProfileError:
        raise
    except (pa.ArrowException, OSError, StopIteration, KeyError, ValueError, TypeError) as err:
        raise ProfileError(f"expected a profile in Arrow IPC, found damaged bytes: {err}") from err
    return column


def _head(text: bytes) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(text)
    if head.get("format") != FORMAT:
        raise ProfileError(f"expected format {FORMAT!r}, found {head.get('format')!r}")
    if head["version"] > VERSION:
        raise ProfileError(
            f"profile has format version {head['version']}, this installation reads up to "
            f"{VERSION}; upgrade calmops-flows"
        )
    return head


def _sample(data: bytes, stated: dict[str, int] | None) -> RowSample | None:
    if stated is None:
        return None
    return sample_from_bytes(data[len(data) - stated["bytes"] :], stated["size"])


def _columns(batch: pa.RecordBatch) -> list[Column]:
    texts = {field: batch.column(field).to_pylist() for field in ("name", "kind", "type")}
    numbers = {field: as_integers(batch.column(field)).tolist() for field in _NUMBERS}
    serial, rising = (as_floats(batch.column(field)).tolist() for field in _SHARES)
    values = _parts(batch.column("values"), as_floats)
    counts = _parts(batch.column("counts"), as_integers)
    tails = _parts(batch.column("tail"), as_integers)
    levels = batch.column("levels").to_pylist()
    out: list[Column] = []
    for i, kind in enumerate(texts["kind"]):
        name, (n, missing, infinite, error) = texts["name"][i], (numbers[f][i] for f in _NUMBERS)
        if kind in {"numeric", "date"}:
            column: Column = NumericColumn(
                name, kind, n, missing, infinite, values[i], counts[i], error, serial[i], rising[i]
            )
        elif kind == "categorical":
            column = CategoricalColumn(
                name, n, missing, tuple(levels[i]), counts[i], tails[i], serial[i]
            )
        elif kind in {"null", "opaque"}:
            column = CountedColumn(name, kind, n, missing, texts["type"][i])
        else:
            raise ProfileError(f"column {name!r} has the unknown kind {kind!r}")
        out.append(_checked(column))
    return out


def _checked(column: Column) -> Column:
    """Refuse a column whose counts do not add up."""
    if isinstance(column, CountedColumn):
        return column
    total = int(column.counts.sum())
    points = column.values if isinstance(column, NumericColumn) else column.levels
    if isinstance(column, CategoricalColumn):
        total += int(column.tail.sum())
    if len(points) != len(column.counts) or total != column.n_present:
        raise ProfileError(
            f"column {column.name!r} is damaged: {total} rows counted, {column.n_present} stated"
        )
    return column


def _integers(values: Sequence[int]) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64, len(values))


def _floats(values: Sequence[float]) -> NDArray[np.float64]:
    return np.fromiter(values, np.float64, len(values))


def _lists(parts: Sequence[NDArray[Any]], empty: NDArray[Any]) -> pa.Array:
    items = np.concatenate([empty, *parts])
    return from_lists([len(part) for part in parts], from_numbers(items))


def _text_lists(parts: Sequence[Sequence[str]]) -> pa.Array:
    items = from_texts([text for part in parts for text in part])
    return from_lists([len(part) for part in parts], items)


def _parts(column: pa.Array, view: Callable[[pa.Array], NDArray[Any]]) -> list[NDArray[Any]]:
    bounds = np.concatenate(([0], np.cumsum(as_integers(column.value_lengths()))))
    items = view(column.flatten())
    return [items[start:end] for start, end in pairwise(bounds)]
