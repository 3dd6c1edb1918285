"""Tables that a user names on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def table_of(file: Path) -> pd.DataFrame:
    """Read a file in any known format.

    Raises
    ------
    SpecError
        If there is no such file.
    SnapshotError
        If it cannot be read.
    """
    from calmops_flows.data.table import read_table
    from calmops_flows.errors import SpecError

    if not file.is_file():
        raise SpecError(f"there is no file {str(file)!r}")
    frame: pd.DataFrame = read_table(file, name=file.name).table.to_pandas()
    return frame
