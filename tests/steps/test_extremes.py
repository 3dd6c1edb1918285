"""Data at the edge: no crash, and no verdict without a reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.steps.conftest import Stream, rows


def test_one_row_is_no_training_set(stream: Stream) -> None:
    stream.drop("1.csv", rows(1, 1))

    (outcome,) = stream.drain().outcomes

    assert outcome.decision == "awaiting_labels"
    assert outcome.champion is None


def test_one_row_against_a_reference_is_untestable_not_clean(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, 1))

    outcome = stream.drain().outcomes[1]

    assert outcome.drift.is_drift is None
    assert set(outcome.drift.untestable) == {"a", "b", "c", "y"}


def test_one_class_in_a_later_snapshot_leaves_undefined_metrics_undefined(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2).assign(y=1))

    champion = stream.drain().outcomes[1].metrics["champion"]

    assert champion is not None
    assert champion["roc_auc"] is None
    assert champion["accuracy"] is not None


def test_column_that_loses_all_its_values_is_drift_or_named(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2).assign(a=np.nan))

    drift = stream.drain().outcomes[1].drift

    assert "a" in {*drift.columns, *drift.untestable}


def test_infinite_values_and_gaps_are_scored(stream: Stream) -> None:
    frame = rows(2)
    frame.loc[::10, "a"] = np.inf
    frame.loc[::7, "b"] = np.nan
    frame.loc[::9, "c"] = "never seen"
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", frame)

    outcome = stream.drain().outcomes[1]

    assert outcome.metrics["champion"] is not None
    assert outcome.metrics["champion"]["accuracy"] is not None


@pytest.mark.parametrize("n_columns", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_very_many_columns(stream: Stream, n_columns: int) -> None:
    rng = np.random.default_rng(0)
    columns = [f"x{i}" for i in range(n_columns)]
    for number in range(2):
        X = rng.normal(size=(60, len(columns)))
        frame = pd.DataFrame(X, columns=columns).assign(y=(X[:, 0] > 0).astype(int))
        stream.drop(f"{number}.csv", frame)

    outcomes = stream.drain().outcomes

    assert [o.state for o in outcomes] == ["processed", "processed"]
    assert outcomes[1].drift.is_drift is False


@pytest.mark.parametrize("n_rows", [50_000, pytest.param(500_000, marks=pytest.mark.slow)])
def test_every_row_a_category_of_its_own(stream: Stream, n_rows: int) -> None:
    for number in range(2):
        frame = rows(number, n_rows).assign(c=[f"id-{number}-{i}" for i in range(n_rows)])
        file = stream.folder / f"{number}.parquet"
        frame.to_parquet(file)

    outcomes = stream.drain().outcomes

    assert [o.state for o in outcomes] == ["processed", "processed"]
    assert [o.rows for o in outcomes] == [n_rows, n_rows]
