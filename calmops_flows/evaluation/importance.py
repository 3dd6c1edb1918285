"""What a model loses when one column is scrambled: permutation importance."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from calmops_flows.evaluation.case import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Metric
    from calmops_flows.evaluation.predictions import Predictions

    Predict = Callable[[pa.Table], Predictions]

MIN_ROWS = 100
BATCH_ROWS = 20_000
BATCH_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Work above which columns are left out rather than a commit delayed.

    Attributes
    ----------
    rows : int
        Most rows that are scrambled; fewer (down to 100) when there are many columns.
    predicted_rows : int
        Most rows predicted in all.
    cells : int
        Most cells (rows times columns of the table) predicted in all.
    seconds : float
        No further batch of columns is begun after so many.
    """

    rows: int = 1_000
    predicted_rows: int = 100_000
    cells: int = 50_000_000
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Importance:
    """How much of a metric hangs on each column.

    Attributes
    ----------
    metric : str
        Name of the metric.
    n_rows : int
        Rows that were scrambled.
    baseline : float
        The metric on these rows as they are.
    columns : dict of str to float
        Loss of the metric when the column is scrambled: positive when the model
        needs it, about 0 or slightly negative when it does not. A column that
        was not reached within the bounds is absent.
    """

    metric: str
    n_rows: int
    baseline: float
    columns: dict[str, float]


def permutation_importance(
    predict: Predict,
    table: pa.Table,
    columns: Sequence[str],
    y: NDArray[Any],
    metric: Metric,
    *,
    rng: np.random.Generator,
    bounds: Bounds | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Importance:
    """Measure what a model loses when one column at a time is scrambled [1]_.

    Many scrambled copies are predicted in one call, so that the cost per call of the
    model hardly counts. Columns that carry the same information share its importance:
    each may look unimportant while the other is there.

    Parameters
    ----------
    predict : callable
        From rows to their predictions.
    table : pyarrow.Table
        Rows that the model did not learn from.
    columns : sequence of str
        Columns to scramble.
    y : ndarray of shape (n_rows,)
        Their labels or numbers.
    metric : Metric
        What is lost.
    rng : numpy.random.Generator
        Draws rows, permutations, and the order of the columns.
    bounds : Bounds, optional
        Rows and seconds to spend; default those of `Bounds`.
    clock : callable, default time.monotonic
        Seconds.

    Returns
    -------
    Importance
        By column, in the order of ``columns``.

    Raises
    ------
    UntestableError
        If the metric is undefined on these rows.
    ModelError
        If the model fails on them.

    References
    ----------
    .. [1] L. Breiman, Random forests, Machine Learning 45, 2001, 5-32, section 10.

    Examples
    --------
    >>> from calmops_flows.evaluation import METRICS, Predictions
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 500))
    >>> def predict(rows):
    ...     return Predictions(np.array(rows["a"].to_pylist()) > 0)
    >>> found = permutation_importance(
    ...     predict, pa.table({"a": a, "b": b}), ["a", "b"], a > 0, METRICS["accuracy"], rng=rng
    ... )
    >>> round(found.columns["a"], 1), found.columns["b"]
    (0.5, 0.0)
    """
    bounds = bounds or Bounds()
    n_rows = _rows(table.num_rows, len(columns), bounds)
    drawn = np.sort(rng.choice(table.num_rows, n_rows, replace=False))
    table, y = table.take(pa.array(drawn)).combine_chunks(), y[drawn]
    baseline = metric.score(Case(y, predict(table)))
    order = [columns[i] for i in rng.permutation(len(columns))]
    rows, cells = max(n_rows, 1), max(n_rows * table.num_columns, 1)
    order = order[: min(bounds.predicted_rows // rows, bounds.cells // cells)]
    per_batch = max(min(BATCH_ROWS // rows, BATCH_CELLS // cells), 1)
    end = clock() + bounds.seconds
    found: dict[str, float] = {}
    for start in range(0, len(order), per_batch):
        if start and clock() >= end:
            break
        names = order[start : start + per_batch]
        predictions = predict(_scrambled(table, names, rng))
        for i, name in enumerate(names):
            block = np.arange(i * n_rows, (i + 1) * n_rows)
            found[name] = _loss(metric, baseline, metric.score(Case(y, predictions.take(block))))
    return Importance(metric.name, n_rows, baseline, {c: found[c] for c in columns if c in found})


def _rows(available: int, n_columns: int, bounds: Bounds) -> int:
    share = bounds.predicted_rows // max(n_columns, 1)
    return min(available, bounds.rows, max(share, MIN_ROWS))


def _scrambled(table: pa.Table, names: Sequence[str], rng: np.random.Generator) -> pa.Table:
    """Stack one copy of the rows per name, with that column's cells shuffled in its copy."""
    n = table.num_rows
    rows = np.tile(np.arange(n), len(names))
    columns = table.take(pa.array(rows)).columns
    places = {name: place for place, name in enumerate(table.column_names)}
    for i, name in enumerate(names):
        shuffled = rows.copy()
        shuffled[i * n : (i + 1) * n] = rng.permutation(n)
        columns[places[name]] = table.column(places[name]).take(pa.array(shuffled))
    return pa.Table.from_arrays(columns, schema=table.schema)


def _loss(metric: Metric, baseline: float, scrambled: float) -> float:
    lost = scrambled - baseline if metric.is_loss else baseline - scrambled
    return round(float(lost), 6) + 0.0
