from __future__ import annotations

from itertools import count

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation import METRICS
from calmops_flows.evaluation.importance import Bounds, Importance, permutation_importance
from calmops_flows.evaluation.predictions import Predictions

N = 2_000


def batch(n_idle: int = 1) -> pa.Table:
    rng = np.random.default_rng(0)
    names = ["strong", "weak", *(f"idle{i}" for i in range(n_idle))]
    return pa.table({name: rng.normal(size=N) for name in names})


def values(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.array(table[name].to_pylist())


def linear(table: pa.Table) -> Predictions:
    return Predictions(3 * values(table, "strong") + values(table, "weak"))


def sign(table: pa.Table) -> Predictions:
    return Predictions(values(table, "strong") > 0)


def measure(table: pa.Table, metric: str = "rmse", **more: object) -> Importance:
    y = linear(table).values
    rng = np.random.default_rng(1)
    return permutation_importance(
        linear,
        table,
        table.column_names,
        y,
        METRICS[metric],
        rng=rng,
        **more,  # type: ignore[arg-type]
    )


def test_columns_rank_as_the_model_uses_them() -> None:
    found = measure(batch(), metric="rmse")

    # scrambling c·X adds c·(X' - X), whose spread is c·sqrt(2)
    assert found.baseline == 0.0
    assert found.columns["strong"] == pytest.approx(3 * 2**0.5, rel=0.1)
    assert found.columns["weak"] == pytest.approx(2**0.5, rel=0.1)
    assert found.columns["idle0"] == 0.0


def test_loss_and_score_are_both_oriented_as_harm() -> None:
    assert measure(batch(), metric="r2").columns["strong"] > 0
    assert measure(batch(), metric="mae").columns["strong"] > 0


def test_same_seed_gives_the_same_numbers() -> None:
    assert measure(batch()) == measure(batch())


def test_work_is_bounded_by_rows_predicted() -> None:
    predicted: list[int] = []

    def counting(table: pa.Table) -> Predictions:
        predicted.append(table.num_rows)
        return linear(table)

    table = batch(n_idle=48)
    found = permutation_importance(
        counting,
        table,
        table.column_names,
        linear(table).values,
        METRICS["rmse"],
        rng=np.random.default_rng(1),
        bounds=Bounds(predicted_rows=3_000),
    )

    assert found.n_rows == 100
    assert len(found.columns) == 30
    assert sum(predicted) == 100 + 3_000


def test_work_is_bounded_by_cells() -> None:
    found = measure(batch(n_idle=48), bounds=Bounds(cells=10 * 1_000 * 50))

    assert len(found.columns) == 10


def test_slow_model_leaves_columns_unmeasured_rather_than_zero() -> None:
    ticks = count()
    table = batch(n_idle=48)

    found = measure(table, bounds=Bounds(seconds=1.5), clock=lambda: float(next(ticks)))

    assert 0 < len(found.columns) < 50


def test_undefined_metric_is_untestable() -> None:
    table = batch()

    with pytest.raises(UntestableError, match="two classes"):
        permutation_importance(
            sign,
            table,
            table.column_names,
            np.ones(N, dtype=bool),
            METRICS["balanced_accuracy"],
            rng=np.random.default_rng(0),
        )


def test_nothing_to_scramble_gives_no_importance() -> None:
    table = batch()

    found = permutation_importance(
        linear, table, [], linear(table).values, METRICS["rmse"], rng=np.random.default_rng(0)
    )

    assert found.columns == {}
