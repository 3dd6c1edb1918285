"""Keep the rows that judged a model: what later drops and estimates are measured against."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from calmops_flows.evaluation.holdout_file import Judged, from_bytes, to_bytes
from calmops_flows.store import registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from calmops_flows.evaluation.holdout import Holdout
    from calmops_flows.steps.evaluate import Champion
    from calmops_flows.steps.run import SnapshotRun


def keep_holdout(
    run: SnapshotRun, holdout: Holdout, table: pa.Table, features: Sequence[str]
) -> str:
    """Write a holdout as parquet and return its digest.

    Features are kept for regressors only: their errors are estimated from them.
    """
    kept = table.select(list(features)) if holdout.task == "regression" else None
    return run.store.artifacts.put(to_bytes(Judged(holdout, kept)))


def load_holdout(run: SnapshotRun, champion: Champion) -> Judged | None:
    """Return the champion's holdout, None if it was fitted without one being kept."""
    digest = champion.manifest.get("holdout")
    return None if digest is None else from_bytes(run.store.artifacts.get(digest))


def holdout_of(run: SnapshotRun, number: int) -> Judged | None:
    """Return the holdout of any version, None if none was kept."""
    manifest = registry.version(run.store.database, run.spec.name, number).manifest
    digest = json.loads(run.store.artifacts.get(manifest)).get("holdout")
    return None if digest is None else from_bytes(run.store.artifacts.get(digest))
