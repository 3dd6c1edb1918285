"""Mode ``full``: fit from scratch on the new data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.learning.retraining.base import Fitted, fit
from calmops_flows.learning.rows import concatenated

if TYPE_CHECKING:
    from calmops_flows.learning.retraining.base import TrainingContext


def full(context: TrainingContext) -> Fitted:
    """Fit from scratch on the new rows, or (scope all) on all that are kept.

    The champion plays no part.

    Parameters
    ----------
    context : TrainingContext
        Builder, rows, contract and task.

    Returns
    -------
    Fitted
        The new estimator.

    Raises
    ------
    ModelError
        If there is nothing to learn from, or the fit fails.

    Examples
    --------
    >>> from types import SimpleNamespace as Namespace
    >>> import pyarrow as pa
    >>> from calmops_flows.learning import build_estimator
    >>> from calmops_flows.learning.retraining import TrainingContext
    >>> from calmops_flows.spec import ModelSpec
    >>> columns = (Namespace(name="x", type="float"), Namespace(name="y", type="int"))
    >>> contract = Namespace(columns=columns, target="y")
    >>> model = ModelSpec.model_validate({"class": "sklearn.linear_model.LogisticRegression"})
    >>> table = pa.table({"x": [0.0, 0.1, 0.9, 1.0], "y": [0, 0, 1, 1]})
    >>> fitted = full(TrainingContext(
    ...     build=lambda: build_estimator(model, contract, task="classification", random_state=0),
    ...     table=table, contract=contract, task="classification", seed=0))
    >>> fitted.rows, fitted.mode, fitted.estimator.classes_
    (4, 'full', array([0, 1]))
    """
    table = context.table
    if context.options.scope == "all":
        table = concatenated([context.before(None), table])
    return fit(context.build(), context, table, mode="full")
