"""The short path says what the ordinary path says, or leaves the answer to it."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from calmops_flows.data.contract import ColumnContract, Contract
from calmops_flows.errors import ModelError
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.learning import predict
from calmops_flows.serving.payload import Payload
from calmops_flows.serving.problems import RequestError
from calmops_flows.serving.quick import MOST_ROWS, Quick, quicken
from calmops_flows.serving.rows import to_table
from calmops_flows.serving.trials import trials
from tests.serving.fitted import MODELS, Model, fitted

Told = tuple[Predictions, tuple[str, ...]]
EVERY = pytest.mark.parametrize("name", MODELS)
TEXTS = st.none() | st.sampled_from(["AA", "é", "(other)", "(missing)", "g1", "t7", "", "new"])
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9)
DATES = st.dates(dt.date(1000, 1, 1), dt.date(9999, 12, 31))
TIMES = st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 31))  # noqa: DTZ001 - as sent
FORMS = st.sampled_from(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"])
MOMENTS = st.builds(lambda moment, form: moment.strftime(form).zfill(10), TIMES, FORMS)
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "x": NUMBERS,
    "huge": NUMBERS,
    "count": st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | st.integers(-9, 9).map(float),
    "flag": st.none() | st.booleans(),
    "carrier": TEXTS | st.text(max_size=3),
    "town": TEXTS,
    "gate": TEXTS,
    "time": st.none() | MOMENTS,
    "day": st.none() | DATES.map(dt.date.isoformat),
    "constant": NUMBERS,
    "never": st.none(),
    "shop": st.none() | st.sampled_from(["7", "8", "other"]),
}
ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.sampled_from(["2013-02-30", "0999-01-01", "2013-01-01T24:00", "2013-01-01Z", "\ud800"])
    | st.sampled_from(["2013-1-1", "2013-01-01T05:06:07.5", "13-01-01", "2**53", "true", "7"])
    | st.lists(st.integers(), max_size=2)
)


def as_sent(rows: list[dict[str, Any]], order: list[str]) -> Payload:
    """Return records as columns, in an order of the client's."""
    return Payload({name: [row[name] for row in rows] for name in order}, (), len(rows))


def ordinary(model: Model, payload: Payload) -> Told | None:
    """Return what the path through Arrow and pandas says; None where it refuses."""
    try:
        table, warnings = to_table(payload, model.contract, block_column=model.block_column)
        return predict(model.estimator, table, model.contract), warnings
    except (RequestError, ModelError):
        return None


def quick(model: Model) -> Quick:
    """Return the short path of a model, which there must be."""
    golden = model.table.slice(0, 16).drop_columns(["y"])
    tried = trials(model.contract, golden)
    found, reason = quicken(model.estimator, model.contract, tried, block_column=model.block_column)
    assert found is not None, reason
    return found


def assert_same(told: Told, expected: Told | None) -> None:
    """Compare values, probabilities, classes and warnings."""
    assert expected is not None
    assert told[1] == expected[1]
    ours, theirs = told[0], expected[0]
    assert ours.classes == theirs.classes
    assert ours.values.dtype == theirs.values.dtype
    if ours.values.dtype.kind == "f":
        np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-12, atol=1e-12)
    else:
        assert ours.values.tolist() == theirs.values.tolist()
    assert (ours.probabilities is None) == (theirs.probabilities is None)
    if ours.probabilities is not None and theirs.probabilities is not None:
        np.testing.assert_allclose(ours.probabilities, theirs.probabilities, rtol=0, atol=1e-12)


@EVERY
@settings(max_examples=8, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries(USUAL), min_size=1, max_size=5),
    order=st.permutations(list(USUAL)),
)
def test_usual_rows_are_answered_in_short_as_by_the_ordinary_path(
    name: str, rows: list[dict[str, Any]], order: list[str]
) -> None:
    model = fitted(name)
    payload = as_sent(rows, order)

    told = quick_of(name).answer(payload)

    assert told is not None
    assert_same(told, ordinary(model, payload))


_quick: dict[str, Quick] = {}


def quick_of(name: str) -> Quick:
    """Return the short path of a model, built once."""
    if name not in _quick:
        _quick[name] = quick(fitted(name))
    return _quick[name]


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries({name: usual | ODD for name, usual in USUAL.items()}),
        min_size=1,
        max_size=3,
    ),
    lacking=st.sets(st.sampled_from(list(USUAL)), max_size=1),
    extra=st.sets(st.sampled_from(["y", "more", "\ud800"])),
)
def test_odd_rows_are_answered_alike_or_left_to_the_ordinary_path(
    rows: list[dict[str, Any]], lacking: set[str], extra: set[str]
) -> None:
    model = fitted("logistic")
    order = [name for name in USUAL if name not in lacking]
    payload = as_sent([row | dict.fromkeys(extra, 1) for row in rows], [*order, *sorted(extra)])

    told = quick_of("logistic").answer(payload)

    if told is not None:
        assert_same(told, ordinary(model, payload))


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(list(USUAL)),
    odd=ODD,
    usual=st.fixed_dictionaries(USUAL),
)
def test_one_odd_value_is_answered_alike_or_left_to_the_ordinary_path(
    name: str, odd: Any, usual: dict[str, Any]
) -> None:
    model = fitted("logistic")
    payload = as_sent([usual, {**usual, name: odd}], list(USUAL))

    told = quick_of("logistic").answer(payload)

    if told is not None:
        assert_same(told, ordinary(model, payload))


USUAL_ROW: dict[str, Any] = {
    "x": 0.5,
    "huge": 1e300,
    "count": 3,
    "flag": True,
    "carrier": "AA",
    "town": "t1",
    "gate": "g1",
    "time": "2013-05-06T07:08",
    "day": "2013-05-06",
    "constant": 1,
    "never": None,
    "shop": "7",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", True),
        ("x", float("inf")),
        ("x", 2**60),
        ("x", "1"),
        ("count", 2.5),
        ("count", True),
        ("flag", 1),
        ("carrier", 7),
        ("carrier", "\ud800"),
        ("time", "2013-02-30"),
        ("time", "2013-05-06T07:08:09.5"),
        ("time", "2013-05-06T07:08Z"),
        ("day", "2013-05-06T07:08"),
        ("never", 1),
    ],
)
def test_value_that_wants_conversion_is_left_to_the_ordinary_path(name: str, value: Any) -> None:
    payload = as_sent([{**USUAL_ROW, name: value}], list(USUAL))

    assert quick_of("logistic").answer(payload) is None


def test_rows_without_names_and_rows_beyond_the_bound() -> None:
    model, few = fitted("ridge"), [[value] for value in USUAL_ROW.values()]
    unnamed = Payload({}, tuple(few), 1)
    many = as_sent([USUAL_ROW] * (MOST_ROWS + 1), list(USUAL))

    told = quick_of("ridge").answer(unnamed)

    assert told is not None
    assert_same(told, ordinary(model, unnamed))
    assert quick_of("ridge").answer(many) is None


def test_optional_columns_and_keys_may_be_missing() -> None:
    model = fitted("logistic")
    columns = tuple(
        replace(c, required=c.name not in {"x", "town", "day"}) for c in model.contract.columns
    )
    key = ColumnContract("id", "key", required=False)
    wider = replace(model, contract=Contract((*columns, key), "y"))
    row = {name: USUAL_ROW[name] for name in USUAL if name not in {"x", "town", "day"}}
    with_key = as_sent([{**row, "id": "é7"}], [*row, "id"])
    without = as_sent([row], list(row))
    short = quick(wider)

    told = short.answer(with_key), short.answer(without)

    for said, payload in zip(told, (with_key, without), strict=True):
        assert said is not None
        assert_same(said, ordinary(wider, payload))
    assert told[1] is not None
    assert "4 optional columns missing: 'x', 'town', 'day', 'id'" in told[1][1]


def refusal(model: Model, estimator: Any) -> str:
    """Return why an estimator has no short path."""
    tried = trials(model.contract, None)
    found, reason = quicken(estimator, model.contract, tried, block_column=None)
    assert found is None
    return reason


def test_model_whose_parts_do_not_what_their_arrays_say_has_no_short_path() -> None:
    model = fitted("logistic")
    estimator = copy.deepcopy(model.estimator)
    scaler = estimator[0].named_transformers_["number"]["scale"]
    scaler.transform = lambda X: (X - scaler.mean_) / scaler.scale_ + 1e-9

    assert refusal(model, estimator) == "the compiled model answers trial rows otherwise"


def test_model_with_an_unknown_part_has_no_short_path() -> None:
    model = fitted("logistic")
    other = OneHotEncoder(handle_unknown="ignore", sparse_output=False, drop="first")
    estimator = copy.deepcopy(model.estimator)
    estimator[0].named_transformers_["text"].steps[-1] = ("one_hot", other)

    assert refusal(model, estimator) == "a part of this Pipeline is not known to the compiler"
    assert "Foreign" in refusal(model, Foreign())


class Foreign:
    """A model from elsewhere."""


def test_model_that_fails_on_rows_leaves_the_answer_to_the_ordinary_path() -> None:
    model = fitted("logistic")
    estimator = copy.deepcopy(model.estimator)
    short, _ = quicken(estimator, model.contract, trials(model.contract, None), block_column=None)
    estimator[-1].coef_ = estimator[-1].coef_[:, :2]
    assert short is not None

    assert short.answer(as_sent([USUAL_ROW], list(USUAL))) is None


def test_numbers_beyond_what_a_float_holds_are_left_to_the_ordinary_path() -> None:
    model = fitted("ridge")
    estimator = copy.deepcopy(model.estimator)
    short, _ = quicken(estimator, model.contract, trials(model.contract, None), block_column=None)
    estimator[0].named_transformers_["number"]["scale"].scale_[:] = 1e-300
    assert short is not None

    assert short.answer(as_sent([USUAL_ROW], list(USUAL))) is None


def test_numbers_beyond_what_a_tree_reads_are_left_to_the_ordinary_path() -> None:
    model = fitted("forest")
    estimator = copy.deepcopy(model.estimator)
    short, _ = quicken(estimator, model.contract, trials(model.contract, None), block_column=None)
    estimator[0].named_transformers_["number"]["impute"].statistics_[:] = 1e300
    assert short is not None

    assert short.answer(as_sent([{**USUAL_ROW, "x": None}], list(USUAL))) is None
