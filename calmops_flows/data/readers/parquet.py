"""Parquet files: footer first, then column types, then the data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from calmops_flows.data.batch import MEBIBYTE
from calmops_flows.data.readers.finish import (
    DAMAGE,
    check_content,
    check_names,
    check_types,
    finish,
    raise_system_error,
)
from calmops_flows.data.unpack import check_unpacked
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calmops_flows.data.batch import Batch, Request

_PANDAS_INDEX = re.compile(r"^__index_level_\d+__$")
_CELL_BYTES = 8
PART_ROWS = 125_000


def read_parquet(request: Request) -> Batch:
    """Read a parquet file.

    Parameters
    ----------
    request : Request
        The file; options and contract types matter to text columns only.

    Returns
    -------
    Batch
        The table, without pandas' unnamed index.

    Raises
    ------
    SnapshotError
        ``parquet_footer`` (cut or not parquet), ``parquet_data`` (damaged row group),
        ``unpack_ratio``, ``too_large`` and those of the finished table.
    """
    with _open(request) as file:
        columns, index = _checked(file, request)
        table = _data(file, columns)
    check_content(table)
    warnings = [f"pandas index left out: {', '.join(index)}"] if index else []
    return finish(table, request, warnings)


def parquet_parts(request: Request) -> Iterator[Batch]:
    """Read a parquet file a bounded number of rows at a time.

    Parameters
    ----------
    request : Request
        The file.

    Yields
    ------
    Batch
        Consecutive rows, at most ``PART_ROWS``.

    Raises
    ------
    SnapshotError
        As :func:`read_parquet`; damage is found when its part is reached.
    """
    with _open(request) as file:
        columns, _ = _checked(file, request)
        if file.metadata.num_rows <= PART_ROWS:
            table = _data(file, columns)
            check_content(table)
            yield finish(table, request)
            return
        parts = file.iter_batches(PART_ROWS, columns=columns, use_threads=False)
        while True:
            try:
                rows = next(parts, None)
            except DAMAGE as err:
                raise_system_error(err)
                raise SnapshotError("parquet_data", _place(file, columns)) from err
            if rows is None:
                return
            table = pa.Table.from_batches([rows])
            check_content(table)
            yield finish(table, request)


def _open(request: Request) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(
            request.path,
            page_checksum_verification=True,
            pre_buffer=False,  # with it, the whole file is held beside the table
            buffer_size=MEBIBYTE,
        )
    except DAMAGE as err:
        raise_system_error(err)
        size = request.path.stat().st_size
        raise SnapshotError(
            "parquet_footer", f"no readable footer at the end of {size} bytes: {_first_line(err)}"
        ) from err


def _checked(file: pq.ParquetFile, request: Request) -> tuple[list[str], list[str]]:
    """Return the columns to read and those of a pandas index, once all are checked."""
    schema = file.schema_arrow
    check_names(schema.names)
    check_types(schema)
    _check_size(request, file.metadata)
    index = [name for name in schema.names if _PANDAS_INDEX.match(name)]
    return [name for name in schema.names if name not in index], index


def _data(file: pq.ParquetFile, columns: list[str]) -> pa.Table:
    try:
        return file.read(columns=columns)
    except DAMAGE as err:
        raise_system_error(err)
        raise SnapshotError("parquet_data", _place(file, columns)) from err


def _place(file: pq.ParquetFile, columns: list[str]) -> str:
    """Name the first row group and column that cannot be decoded."""
    for group in range(file.num_row_groups):
        for name in columns:
            try:
                file.read_row_group(group, columns=[name], use_threads=False)
            except DAMAGE:
                return (
                    f"row group {group} of {file.num_row_groups}, column {name!r} cannot be decoded"
                )
    return "the data cannot be decoded"


def _check_size(request: Request, metadata: pq.FileMetaData) -> None:
    """Judge by the sizes that the footer declares; run lengths hide in the cell count."""
    packed = request.path.stat().st_size
    declared = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    check_unpacked(declared, packed, request.limits)
    cells = metadata.num_rows * metadata.num_columns * _CELL_BYTES
    if cells > request.limits.max_file_bytes:
        raise SnapshotError(
            "too_large",
            f"{metadata.num_rows} rows of {metadata.num_columns} columns need about {cells} bytes, "
            f"over the limit of {request.limits.max_file_bytes}",
        )


def _first_line(err: BaseException) -> str:
    return str(err).splitlines()[0] if str(err) else type(err).__name__
