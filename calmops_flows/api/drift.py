"""Compare two batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pyarrow as pa

    from calmops_flows.data.frame import Frame
    from calmops_flows.detectors.policy import DriftPolicy
    from calmops_flows.profiles import Profile
    from calmops_flows.records import DriftReport


def detect_drift(
    reference: pa.Table | pd.DataFrame | str | Path,
    current: pa.Table | pd.DataFrame | str | Path,
    policy: DriftPolicy | None = None,
) -> DriftReport:
    """Compare two batches, column by column and jointly.

    A column that cannot be compared (nested, of mixed types, without a value, in one
    batch only) is untestable with its reason, and spoils no other.

    Parameters
    ----------
    reference, current : Arrow table, DataFrame, or path of a data file
        Shape (n_rows, n_columns) each; columns are matched by name.
    policy : DriftPolicy, optional
        Default: alpha 0.05 over all columns and tests.

    Returns
    -------
    DriftReport
        The verdict, and every test behind it. Draw it with ``charts.drift``.

    Raises
    ------
    SpecError
        If a batch is of another type, or the two have no column in common.
    NotFoundError
        If there is no such file.
    SnapshotError
        If a file cannot be read, or two columns of a batch have one name.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> rng = np.random.default_rng(0)
    >>> before = pa.table({"x": rng.normal(size=1000), "y": rng.normal(size=1000)})
    >>> after = pa.table({"x": rng.normal(size=1000), "y": rng.normal(1, size=1000)})
    >>> detect_drift(before, after).drifted
    ('y',)
    """
    from calmops_flows.detectors.decision import check
    from calmops_flows.detectors.policy import DriftPolicy
    from calmops_flows.errors import SpecError
    from calmops_flows.profiles import coarsen

    before, after = _summarise(reference, "reference"), _summarise(current, "current")
    if not before.columns.keys() & after.columns.keys():
        raise SpecError(
            "the two batches have no column in common: the reference has "
            f"{_some(tuple(before.columns))}, the current data have {_some(tuple(after.columns))}"
        )
    policy = policy or DriftPolicy()
    profiles = [before, after]
    if policy.coarsen is not None:
        profiles = [coarsen(one, policy.coarsen) for one in profiles]
    return check(profiles[0], profiles[1], policy)


def _summarise(batch: pa.Table | pd.DataFrame | str | Path, key: str) -> Profile:
    """Profile a batch part by part."""
    from calmops_flows.data.frame import read_frames
    from calmops_flows.profiles import merge_all

    def parts() -> Iterator[Profile]:
        n_rows = 0
        for frame in read_frames(batch):
            yield _profile(frame, key, n_rows)
            n_rows += frame.n_rows

    return merge_all(parts())


def _profile(frame: Frame, key: str, first_row: int) -> Profile:
    """Profile a batch; a column that Arrow cannot hold is only counted."""
    from calmops_flows.data.frame import MIXED
    from calmops_flows.profiles import CountedColumn, Profile, profile

    known = profile(frame.table, key=key, first_row=first_row)
    odd = {
        name: CountedColumn(name, "opaque", frame.n_rows, n_missing, MIXED)
        for name, n_missing in frame.odd.items()
    }
    return Profile(frame.n_rows, {**known.columns, **odd}, known.sample)


def _some(names: tuple[str, ...]) -> str:
    more = f" … and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(map(repr, names[:10])) or "none") + more
