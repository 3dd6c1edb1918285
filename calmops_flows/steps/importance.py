"""Measure which columns a new champion rests on, for the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from calmops_flows.errors import ModelError, UntestableError
from calmops_flows.evaluation.importance import permutation_importance
from calmops_flows.evaluation.metrics import default_metric, find_metric
from calmops_flows.learning.columns import feature_names
from calmops_flows.learning.predict import predict

if TYPE_CHECKING:
    from calmops_flows.evaluation.predictions import Predictions
    from calmops_flows.steps.evaluate import Labels
    from calmops_flows.steps.ingest import Ingested
    from calmops_flows.steps.retrain import Challenger
    from calmops_flows.steps.run import SnapshotRun


def measure_importance(
    run: SnapshotRun, ingested: Ingested, labels: Labels, challenger: Challenger
) -> dict[str, Any]:
    """Scramble the columns of the judging rows, one at a time.

    The judged model is measured, also when the serving one is a refit of it: only
    for the judged one are there rows that it did not learn from.

    Returns
    -------
    dict
        ``metric``, ``rows``, ``baseline``, and the loss by column as ``columns``; or
        ``reason`` alone, when it could not be measured.
    """
    rows, y = labels.rows[challenger.holdout], labels.y[challenger.holdout]
    model, contract = challenger.fitted.estimator, ingested.contract
    there = set(ingested.table.column_names)
    wanted = run.spec.evaluation.promotion.metric or default_metric(labels.task)

    def ask(table: pa.Table) -> Predictions:
        return predict(model, table, contract)

    try:
        found = permutation_importance(
            ask,
            ingested.table.take(pa.array(rows)),
            [name for name in feature_names(contract) if name in there],
            y,
            find_metric(wanted, labels.task),
            rng=np.random.default_rng(run.seed("importance")),
        )
    except (UntestableError, ModelError) as err:
        return {"reason": str(err)}
    return {
        "metric": found.metric,
        "rows": found.n_rows,
        "baseline": found.baseline,
        "columns": found.columns,
    }
