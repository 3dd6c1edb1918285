"""The encoder inside every model."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calmops_flows.data.contract import learn
from calmops_flows.learning import features
from calmops_flows.learning.encode import OTHER, FrequentLevels, build_encoder, calendar, finite
from tests.learning.conftest import mixed_table


def test_mixed_columns_become_finite_numbers() -> None:
    table = mixed_table()
    contract = learn(table, target="y")
    frame = features(table, contract)

    found = build_encoder(contract, scale=True).fit_transform(frame)

    # 7 numbers, 3 + 2 levels, 4 parts of the moment
    assert found.shape == (300, 7 + 5 + 4 + (contract.types["never"] == "null"))
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 20


def test_unseen_levels_and_missing_values_do_not_change_the_width() -> None:
    table = mixed_table()
    contract = learn(table, target="y")
    encoder = build_encoder(contract, scale=False).fit(features(table, contract))
    later = features(table.slice(0, 4), contract)
    later["carrier"] = ["never seen", None, "AA", ""]
    later["x"] = [np.nan, np.inf, -np.inf, 1e308]
    later["time"] = np.full(4, "NaT", dtype="datetime64[us]")

    found = encoder.transform(later)

    assert found.shape[1] == encoder.transform(features(table, contract)).shape[1]
    assert np.isfinite(found).all()
    assert np.isfinite(found.astype(np.float32)).all()


@given(st.datetimes(min_value=dt.datetime(1, 1, 1), max_value=dt.datetime(9999, 12, 31)))  # noqa: DTZ001 - the table's moments have no zone
def test_calendar_agrees_with_the_standard_library(moment: dt.datetime) -> None:
    found = calendar(np.array([[moment]], dtype="datetime64[us]"))

    assert found.tolist() == [[moment.year, moment.month, moment.weekday(), moment.hour]]


def test_calendar_groups_columns_by_part_and_keeps_missing_ones() -> None:
    moments = np.array([["2013-05-06T07", "NaT"]], dtype="datetime64[us]")

    found = calendar(moments)

    assert found[0, ::2].tolist() == [2013, 5, 0, 7]
    assert np.isnan(found[0, 1::2]).all()


def test_finite_leaves_its_input_alone() -> None:
    given_values = np.array([[np.inf, 1.0]])

    finite(given_values)

    assert given_values.tolist() == [[np.inf, 1.0]]


def test_most_frequent_levels_stay_and_ties_go_by_name() -> None:
    frame = pd.DataFrame({"x": list("ccbbaad")}, dtype=object)

    levels = FrequentLevels(max_levels=3).fit(frame).levels_

    assert [level.tolist() for level in levels] == [["a", "b"]]


def test_unseen_text_is_one_of_the_others() -> None:
    fitted = FrequentLevels().fit(pd.DataFrame({"x": ["a", "b"]}, dtype=object))

    found = fitted.transform(pd.DataFrame({"x": ["z", "a"]}, dtype=object))

    assert found.ravel().tolist() == [OTHER, "a"]


@pytest.mark.parametrize(("n_columns", "widest"), [(1, 32), (600, 13), (9000, 2)])
def test_width_is_bounded_over_all_text_columns(n_columns: int, widest: int) -> None:
    texts = pa.array([f"t{i}" for i in range(50)])
    table = pa.table({f"c{i}": texts for i in range(n_columns)})
    contract = learn(table, target=None)

    encoder = build_encoder(contract, scale=True)

    ((_, pipeline, _),) = encoder.transformers
    assert pipeline["levels"].max_levels == widest
