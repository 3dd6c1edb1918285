"""Profile of a batch of rows: build it from Arrow, merge two of them."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.errors import ProfileError
from calmops_flows.profiles.categorical import is_category, merge_categories, summarise_categories
from calmops_flows.profiles.column import CategoricalColumn, Column, CountedColumn, NumericColumn
from calmops_flows.profiles.numeric import is_date, is_number, merge_numbers, summarise_numbers
from calmops_flows.profiles.parts import PART_ROWS, Part, split
from calmops_flows.profiles.sample import RowSample, merge_samples, sample_rows
from calmops_flows.profiles.spread import Spread, here

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Summary of a batch, column by column; all that a drift check needs.

    Attributes
    ----------
    n_rows : int
        Rows of the batch.
    columns : mapping of str to Column
        Summaries by name, in the order of the batch.
    sample : RowSample or None
        Bounded random sample of the rows, for tests of several columns at once.
    """

    n_rows: int
    columns: Mapping[str, Column]
    sample: RowSample | None = None


def profile(
    table: pa.Table,
    *,
    columns: Iterable[str] | None = None,
    key: str | None = None,
    first_row: int = 0,
    part_rows: int = PART_ROWS,
    spread: Spread = here,
) -> Profile:
    """Summarise a table, one column at a time, and a long column part by part.

    Parameters
    ----------
    table : pyarrow.Table
        Batch of rows; its chunks are read one after another.
    columns : iterable of str, optional
        Names of the columns to summarise, default all.
    key : str, optional
        What identifies the file, such as its digest: rows are sampled by it and by
        their number. Default no sample.
    first_row : int, default 0
        Number of the table's first row in its file, when it is a part of one.
    part_rows : int, default PART_ROWS
        A longer table is summarised in parts of so many rows, which are merged in
        their order, wherever that is done.
    spread : Spread, default here
        Where the parts of the columns are summarised; it changes no bit of the profile.

    Returns
    -------
    Profile
        Independent of the chunks; only the sample, and what a column says of
        consecutive rows, depend on the order of the rows. In a table of several parts
        so do the points of a grid, within its ``rank_error``, and which of more than
        ``MAX_LEVELS`` levels keep their name.

    Raises
    ------
    ProfileError
        If two columns have one name, a column asked for is not there, or a part
        would have no row.

    Examples
    --------
    >>> import pyarrow as pa
    >>> batch = pa.table({"age": [31, 54, None, 31], "city": ["A", "B", "B", None]})
    >>> summary = profile(batch)
    >>> summary.columns["age"].values, summary.columns["age"].counts
    (array([31., 54.]), array([2, 1]))
    >>> summary.columns["city"].levels, summary.columns["city"].n_missing
    (('A', 'B'), 1)
    """
    if part_rows < 1:
        raise ProfileError(f"part_rows must be at least 1, got {part_rows!r}")
    places = {name: i for i, name in enumerate(table.column_names)}
    if len(places) < table.num_columns:
        doubled = [name for name, times in Counter(table.column_names).items() if times > 1]
        raise ProfileError(f"column names must differ, found twice: {_shown(doubled)}")
    names = list(places if columns is None else columns)
    absent = [name for name in names if name not in places]
    if absent:
        raise ProfileError(f"no column {_shown(absent)}; there are {_shown(list(places))}")
    parts = [part for name in names for part in split(name, table[places[name]], part_rows)]
    found = iter(spread(_summarise, parts))
    n_parts = len(parts) // len(names) if names else 0
    summaries = {name: merge_columns(list(islice(found, n_parts))) for name in names}
    sample = None
    if key is not None:
        sample = sample_rows(table, key, columns=names, first_row=first_row)
    return Profile(table.num_rows, summaries, sample)


def merge(a: Profile, b: Profile) -> Profile:
    """Merge the profiles of two batches into the profile of all their rows.

    Exact for exact columns while they fit (``MAX_POINTS`` distinct numbers,
    ``MAX_LEVELS`` levels); otherwise within the ``rank_error`` that the merged
    column states. Associative and commutative within that error.

    Parameters
    ----------
    a, b : Profile
        Profiles with the same columns; the order of the first is kept.

    Returns
    -------
    Profile
        As of both batches one after the other; without a sample if one has none.

    Raises
    ------
    ProfileError
        If the columns differ in name or kind.

    Examples
    --------
    >>> import pyarrow as pa
    >>> parts = [profile(pa.table({"x": x})) for x in ([1.0, 2.0], [2.0, 5.0])]
    >>> merge(*parts).columns["x"].counts
    array([1, 2, 1])
    """
    check_same_columns(a, b)
    merged = {name: _merge(column, b.columns[name]) for name, column in a.columns.items()}
    sample = None
    if a.sample is not None and b.sample is not None:
        sample = merge_samples(a.sample, b.sample)
    return Profile(a.n_rows + b.n_rows, merged, sample)


def check_same_columns(a: Profile, b: Profile) -> None:
    """Refuse to merge profiles of different columns."""
    if a.columns.keys() != b.columns.keys():
        differing = sorted(a.columns.keys() ^ b.columns.keys())
        raise ProfileError(f"cannot merge profiles, columns in only one: {_shown(differing)}")


def _summarise(part: Part) -> Column:
    name, column = part.name, part.values
    kind = column.type
    if pa.types.is_null(kind):
        return CountedColumn(name, "null", len(column), len(column), str(kind))
    if is_number(kind) or is_date(kind):
        return summarise_numbers(name, column)
    if is_category(kind):
        return summarise_categories(name, column)
    n_missing = int(pc.sum(column.is_null()).as_py() or 0)
    status = "null" if n_missing == len(column) else "opaque"
    return CountedColumn(name, status, len(column), n_missing, str(kind))  # type: ignore[arg-type]


def merge_columns(parts: Sequence[Column]) -> Column:
    """Merge the parts of one column; numbers all at once, which adds the least error."""
    numbers = [part for part in parts if isinstance(part, NumericColumn)]
    if len(numbers) > 1:
        others = [part for part in parts if not isinstance(part, NumericColumn)]
        parts = [merge_numbers(*numbers), *others]
    return functools.reduce(_merge, parts)


def _merge(a: Column, b: Column) -> Column:
    if isinstance(a, NumericColumn) and isinstance(b, NumericColumn) and a.kind == b.kind:
        return merge_numbers(a, b)
    if isinstance(a, CategoricalColumn) and isinstance(b, CategoricalColumn):
        return merge_categories(a, b)
    for one, other in ((a, b), (b, a)):
        if other.kind == "null":
            return replace(one, n=a.n + b.n, n_missing=a.n_missing + b.n_missing)
    if isinstance(a, CountedColumn) and isinstance(b, CountedColumn) and a.type == b.type:
        return replace(a, n=a.n + b.n, n_missing=a.n_missing + b.n_missing)
    raise ProfileError(
        f"cannot merge column {a.name!r}: it is {a.kind} in one, {b.kind} in the other"
    )


def _shown(names: list[str]) -> str:
    more = f" … and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(repr(name) for name in names[:10]) + more
