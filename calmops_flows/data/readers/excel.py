"""Excel workbooks, through calamine."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.data.readers.finish import finish
from calmops_flows.data.unpack import check_unpacked
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from python_calamine import CalamineWorkbook

    from calmops_flows.data.batch import Batch, Request

_EXACT_INTEGERS = 2.0**53


def read_excel(request: Request) -> Batch:
    """Read one sheet of an xls or xlsx workbook; its first row names the columns.

    Numbers without decimals become integers, as Excel does not tell them apart.

    Parameters
    ----------
    request : Request
        The file; ``options["sheet"]`` is a name or a position from 0, default 0.

    Returns
    -------
    Batch
        The table; a column of text and numbers becomes text, with a warning.

    Raises
    ------
    SnapshotError
        ``xlsx_cut``, ``xlsx_data``, ``xlsx_password``, ``xlsx_sheet``,
        ``unpack_ratio``, ``too_large`` and those of the finished table.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    if request.format == "xlsx":
        _check_archive(request)
    try:
        with CalamineWorkbook.from_path(str(request.path)) as book:
            rows = _rows(book, request)
    except PasswordError as err:
        raise SnapshotError(f"{request.format}_password", "the workbook is encrypted") from err
    except CalamineError as err:
        raise SnapshotError(
            f"{request.format}_data", f"cannot be read as a workbook ({type(err).__name__})"
        ) from err
    warnings: list[str] = []
    names = ["" if cell == "" else str(cell) for cell in rows[0]]
    columns = list(zip(*rows[1:], strict=True)) if len(rows) > 1 else [()] * len(names)
    pairs = zip(names, columns, strict=True)
    arrays = [_array(name, values, warnings, request) for name, values in pairs]
    return finish(pa.Table.from_arrays(arrays, names=names), request, warnings)


def _check_archive(request: Request) -> None:
    try:
        with zipfile.ZipFile(request.path) as archive:
            declared = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as err:
        raise SnapshotError("xlsx_cut", "no zip directory at the end: cut, or not xlsx") from err
    check_unpacked(declared, request.path.stat().st_size, request.limits)


def _rows(book: CalamineWorkbook, request: Request) -> list[list[Any]]:
    wanted = request.options.get("sheet", 0)
    names = book.sheet_names
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        wanted = names[wanted]
    if wanted not in names:
        raise SnapshotError(
            f"{request.format}_sheet", f"expected sheet {wanted!r}, found {names[:10]!r}"
        )
    rows: list[list[Any]] = book.get_sheet_by_name(wanted).to_python(skip_empty_area=True)
    if not rows:
        raise SnapshotError("empty_file", f"sheet {wanted!r} holds nothing")
    return rows


def _array(name: str, cells: Sequence[Any], warnings: list[str], request: Request) -> pa.Array:
    values = [None if cell == "" else cell for cell in cells]
    kinds = {type(value) for value in values} - {type(None)}
    if name in request.text_columns or (len(kinds) > 1 and not _mixes_well(kinds)):
        if len(kinds) > 1:
            warnings.append(f"column {name!r}: mixes text and other cells; read as text")
        return pa.array([None if v is None else _as_text(v) for v in values], pa.string())
    if kinds == {date, datetime}:
        return pa.array([_midnight(value) for value in values], pa.timestamp("us"))
    if kinds and kinds <= {int, float}:
        return _whole(pa.array(values, pa.float64()))
    if kinds == {timedelta}:
        return pa.array([None if v is None else v.total_seconds() for v in values], pa.float64())
    if kinds == {time}:
        return pa.array([None if v is None else v.isoformat() for v in values], pa.string())
    return pa.array(values)


def _mixes_well(kinds: set[type]) -> bool:
    return kinds <= {int, float} or kinds == {date, datetime}


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _midnight(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - Excel has no zones
    return value


def _whole(numbers: pa.Array) -> pa.Array:
    largest = pc.max(pc.abs(numbers)).as_py()
    is_whole = pc.all(pc.equal(numbers, pc.trunc(numbers))).as_py()
    if is_whole and largest is not None and largest < _EXACT_INTEGERS:
        return pc.cast(numbers, pa.int64())
    return numbers
