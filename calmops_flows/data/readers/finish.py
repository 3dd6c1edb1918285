"""The last step of every reader: names, types and rows that the rest can rely on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.data.batch import Batch, Request
from calmops_flows.data.kinds import contract_type
from calmops_flows.data.readers.cells import settle_text
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable

DAMAGE = (pa.ArrowException, OSError, OverflowError, UnicodeDecodeError)


def finish(table: pa.Table, request: Request, warnings: Iterable[str] = ()) -> Batch:
    """Check a table as it was parsed and give it its final form.

    Parameters
    ----------
    table : pyarrow.Table
        What the format's parser gave.
    request : Request
        The file that it was read from.
    warnings : iterable of str
        What the reader already has to say.

    Returns
    -------
    Batch
        Flat columns with one name each: bool, numbers, text, dictionary of text,
        dates, timestamps, or all null.

    Raises
    ------
    SnapshotError
        ``duplicate_column``, ``nested_type``, ``extension_type``,
        ``unsupported_type``, ``header_only``, ``empty_file``, ``corrupt_data``.
    """
    said = list(warnings)
    if table.num_columns == 0:
        raise SnapshotError("empty_file", "expected columns, found none")
    table = table.rename_columns(named(table.column_names, said))
    check_names(table.column_names)
    if table.num_rows == 0:
        raise SnapshotError("header_only", f"{table.num_columns} columns but no row")
    table = table.replace_schema_metadata(None)
    for index, column in enumerate(table.schema):
        plain = _plain(column.name, column.type, table.column(index))
        if plain is not table.column(index) and plain.type != column.type:
            table = table.set_column(index, column.name, plain)
    table, doubts = settle_text(table, request)
    return Batch(table, (*said, *doubts))


def check_names(names: list[str]) -> None:
    """Refuse names that occur twice.

    Raises
    ------
    SnapshotError
        ``duplicate_column``.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        more = f" … and {len(twice) - 10} more" if len(twice) > 10 else ""
        raise SnapshotError("duplicate_column", f"more than once: {twice[:10]!r}{more}")


def check_types(schema: pa.Schema) -> None:
    """Refuse columns that hold lists, structs or foreign types, before reading them.

    Raises
    ------
    SnapshotError
        ``nested_type``, ``extension_type`` or ``unsupported_type``.
    """
    for column in schema:
        if isinstance(column.type, pa.BaseExtensionType):
            raise SnapshotError(
                "extension_type", f"column {column.name!r}: extension type {column.type}"
            )
        if pa.types.is_nested(column.type):
            raise SnapshotError(
                "nested_type",
                f"column {column.name!r}: expected single values, found {column.type}",
            )
        if contract_type(column.type) is None and not _is_converted(column.type):
            raise SnapshotError(
                "unsupported_type", f"column {column.name!r}: type {column.type} is not supported"
            )


def check_content(table: pa.Table) -> None:
    """Refuse buffers that do not hold what the schema says (a damaged binary file).

    Raises
    ------
    SnapshotError
        ``corrupt_data``.
    """
    for name, values in zip(table.column_names, table.columns, strict=True):
        try:
            values.validate(full=True)
        except pa.ArrowException as err:
            raise SnapshotError("corrupt_data", f"column {name!r} holds invalid data") from err


def raise_system_error(err: BaseException) -> None:
    """Let a real input/output error through: the disk failed, not the file's content."""
    if isinstance(err, OSError) and err.errno is not None:
        raise err


def named(names: list[str], warnings: list[str]) -> list[str]:
    """Name the columns without a name by their position."""
    positions = [index for index, name in enumerate(names) if not name.strip()]
    if not positions:
        return names
    shown = ", ".join(str(index + 1) for index in positions[:10])
    warnings.append(
        f"{len(positions)} columns without a name (position {shown}): column_<position>"
    )
    return [name if name.strip() else f"column_{index + 1}" for index, name in enumerate(names)]


def _is_converted(arrow: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_time)
    return any(is_of(arrow) for is_of in tests)


def _plain(name: str, arrow: pa.DataType, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turn the types that have a plain twin into it."""
    check_types(pa.schema([pa.field(name, arrow)]))
    if pa.types.is_dictionary(arrow):
        return values if contract_type(arrow.value_type) == "string" else _as_text(name, values)
    if pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow):
        return _as_text(name, values)
    if pa.types.is_time(arrow) or pa.types.is_string_view(arrow):
        return pc.cast(values, pa.string())
    if pa.types.is_decimal(arrow) or arrow == pa.float16():
        return pc.cast(values, pa.float64())
    return values


def _as_text(name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    arrow = values.type
    try:
        if not pa.types.is_dictionary(arrow):
            return pc.cast(values, pa.string())
        levels = pc.cast(pc.cast(values, arrow.value_type), pa.string())
        return levels.dictionary_encode()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as err:
        raise SnapshotError(
            "unsupported_type", f"column {name!r}: {arrow} that is not text"
        ) from err
