"""Generated tables as files: whole, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.errors import NameConflictError, SpecError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def write_table(frame: pd.DataFrame, file: Path) -> None:
    """Write a new file, csv or parquet by its suffix; it appears when it is whole.

    Raises
    ------
    NameConflictError
        If the file exists.
    SpecError
        If the suffix is another one, or the folder is not there.
    """
    if file.exists():
        raise NameConflictError(f"{str(file)!r} exists; choose another name")
    if file.suffix not in (".csv", ".parquet"):
        raise SpecError(f"a table is written as .csv or .parquet, got {file.name!r}")
    if not file.parent.is_dir():
        raise SpecError(f"there is no folder {str(file.parent)!r}")
    partial = file.with_name(f".{file.name}.partial")
    try:
        if file.suffix == ".csv":
            frame.to_csv(partial, index=False)
        else:
            frame.to_parquet(partial, index=False)
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
