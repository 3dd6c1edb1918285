"""Mode ``window``: fit from scratch on the last rows, across snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.learning.retraining.base import Fitted, fit
from calmops_flows.learning.rows import concatenated

if TYPE_CHECKING:
    from calmops_flows.learning.retraining.base import TrainingContext


def window(context: TrainingContext) -> Fitted:
    """Fit a new estimator on the last ``window_size`` rows; by default no new row is left out.

    Parameters
    ----------
    context : TrainingContext
        Its training rows are the newest; earlier ones fill the window.

    Returns
    -------
    Fitted
        The new estimator.

    Raises
    ------
    ModelError
        If there is nothing to learn from, or the fit fails.
    """
    table = context.table
    size = context.options.window_rows(table.num_rows)
    missing = size - table.num_rows
    if missing > 0:
        table = concatenated([context.before(missing), table])
    return fit(context.build(), context, table.slice(max(0, table.num_rows - size)), mode="window")
