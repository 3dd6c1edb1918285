"""Generated tables as files: whole, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from calmops_flows.errors import NameConflictError, SpecError
from calmops_flows.logs import no_formula

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

TABLES = (".csv", ".parquet")


def write_table(frame: pd.DataFrame, file: Path, *, escape_formulas: bool = False) -> None:
    """Write a new file, csv or parquet by its suffix; it appears when it is whole.

    ``escape_formulas`` puts an apostrophe before each text of a csv that a spreadsheet would take
    for a formula.

    Raises
    ------
    NameConflictError
        If the file exists.
    SpecError
        If the suffix is another one, or the folder is not there.
    """
    check_new(file, *TABLES)
    with _whole(file) as partial:
        if file.suffix == ".csv":
            shown = _without_formulas(frame) if escape_formulas else frame
            shown.to_csv(partial, index=False)
        else:
            frame.to_parquet(partial, index=False)


def _without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    shown = frame.rename(columns=lambda name: no_formula(str(name)))
    for place, (_, column) in enumerate(frame.items()):
        if column.dtype.kind not in "biufcmM":
            texts = [no_formula(cell) if isinstance(cell, str) else cell for cell in column]
            shown.isetitem(place, texts)
    return shown


def write_text(text: str, file: Path) -> None:
    """Write a new file of text; it appears when it is whole.

    Raises
    ------
    NameConflictError
        If the file exists.
    SpecError
        If the folder is not there.
    """
    check_new(file)
    with _whole(file) as partial:
        partial.write_text(text, encoding="utf-8")


def check_new(file: Path, *suffixes: str) -> None:
    """Refuse a name before any work is done for it.

    Raises
    ------
    NameConflictError
        If the file exists.
    SpecError
        If the suffix is none of these, or the folder is not there.
    """
    if file.exists():
        raise NameConflictError(f"{str(file)!r} exists; choose another name")
    if suffixes and file.suffix not in suffixes:
        raise SpecError(f"the file must end in {' or '.join(suffixes)}, got {file.name!r}")
    if not file.parent.is_dir():
        raise SpecError(f"there is no folder {str(file.parent)!r}")


def check_new_pair(table: Path, report: Path | None, *suffixes: str) -> None:
    """Refuse the names of a table and of its report, if one is wanted.

    Raises
    ------
    NameConflictError
        If a file exists.
    SpecError
        If the table is of no known kind, the report ends in none of the suffixes, a folder is
        not there, or both are one file.
    """
    check_new(table, *TABLES)
    if report is None:
        return
    check_new(report, *suffixes)
    if report == table:
        raise SpecError(f"table and report cannot both be {str(table)!r}")


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    partial = file.with_name(f".{file.name}.partial")
    try:
        yield partial
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill; it gets its name when it is whole, and is gone after an error.

    Raises
    ------
    NameConflictError
        If the folder exists.
    """
    if folder.exists():
        raise NameConflictError(f"{str(folder)!r} exists; choose another name")
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
