"""Tables that a user names on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def table_of(file: Path) -> pd.DataFrame:
    """Read a file in any known format; whole numbers and flags with gaps stay what they are.

    Raises
    ------
    SpecError
        If there is no such file.
    SnapshotError
        If it cannot be read; the message names it.
    """
    from pyarrow.types import is_boolean, is_integer

    from calmops_flows.data.table import read_table
    from calmops_flows.errors import SnapshotError, SpecError
    from calmops_flows.generators.injection.tables import as_frame

    if not file.is_file():
        raise SpecError(f"there is no file {str(file)!r}")
    try:
        table = read_table(file, name=file.name).table
    except SnapshotError as err:
        raise type(err)(err.reason, f"{str(file)!r}: {err.detail}") from err
    frame: pd.DataFrame = table.to_pandas()
    # pandas would make floats of whole numbers with gaps, and objects of flags
    kept = [
        field.name
        for field in table.schema
        if (is_integer(field.type) or is_boolean(field.type)) and table[field.name].null_count
    ]
    for name, column in as_frame(table.select(kept)).items():
        frame[name] = column
    return frame
