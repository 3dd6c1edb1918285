"""Our default verdict, asked as the peers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.profiles import profile

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "calmops-flows"


def flagged(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """Name the drifted columns; ``*`` stands for the joint test."""
    tables = [pa.Table.from_pandas(part, preserve_index=False) for part in (before, after)]
    # random draws, so any two keys do; they must differ from call to call
    keys = [str(float(part["x0"].iloc[0])) for part in (before, after)]
    profiles = [profile(table, key=key) for table, key in zip(tables, keys, strict=True)]
    found = check(profiles[0], profiles[1], DriftPolicy())
    is_joint = found.multivariate is not None and found.multivariate.is_drift is True
    return {*found.drifted, *(["*"] if is_joint else [])}
