"""Mode ``replay_mix``: fit from scratch on the new rows and a share of old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.learning.retraining.base import Fitted, fit
from calmops_flows.learning.rows import concatenated

if TYPE_CHECKING:
    from calmops_flows.learning.retraining.base import TrainingContext


def replay_mix(context: TrainingContext) -> Fitted:
    """Fit a new estimator on the new rows and old ones from the reservoir [1]_.

    Parameters
    ----------
    context : TrainingContext
        ``options.replay_fraction`` is the share of old rows in the mix; fewer are taken when the
        reservoir holds fewer.

    Returns
    -------
    Fitted
        The new estimator.

    Raises
    ------
    ModelError
        If there is nothing to learn from, or the fit fails.

    References
    ----------
    .. [1] Robins, A. (1995). Catastrophic forgetting, rehearsal and pseudorehearsal. Connection
       Science 7(2), 123-146.
    """
    fraction = context.options.replay_fraction
    n_old = round(context.table.num_rows * fraction / (1.0 - fraction))
    table = concatenated([context.replayed(n_old), context.table])
    return fit(context.build(), context, table, mode="replay_mix")
