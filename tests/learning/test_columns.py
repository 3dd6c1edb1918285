"""Features and targets from Arrow tables."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.data.contract import learn
from calmops_flows.errors import ModelError, SpecError
from calmops_flows.learning import features, infer_task, target_values


def contract(**types: str) -> Any:
    columns = [SimpleNamespace(name=name, type=kind) for name, kind in types.items()]
    return SimpleNamespace(columns=columns, target="y")


@pytest.mark.parametrize(
    ("kind", "values", "dtype"),
    [
        ("int", pa.array([1, 2]), "int64"),
        ("int", pa.array([1, None]), "float64"),
        ("int", pa.array([1.5, 2.0]), "float64"),
        ("int", pa.array([2**63, 1], pa.uint64()), "float64"),
        ("float", pa.array([1.0, None]), "float64"),
        ("bool", pa.array([True, False]), "bool"),
        ("bool", pa.array([True, None]), "float64"),
        ("string", pa.array(["a", None]), "object"),
        ("category", pa.array(["a", None]).dictionary_encode(), "object"),
        ("date", pa.array([dt.date(1500, 1, 1), None]), "datetime64[us]"),
        ("timestamp", pa.array([0, 1], pa.timestamp("ns", "UTC")), "datetime64[us]"),
        ("null", pa.nulls(2), "float64"),
        ("null", pa.array(["now", "texts"]), "float64"),
    ],
)
def test_column_becomes_the_type_of_its_contract(kind: str, values: pa.Array, dtype: str) -> None:
    frame = features(pa.table({"x": values}), contract(x=kind))

    assert frame["x"].dtype == dtype


def test_features_come_in_the_contracts_order_without_target_and_extras() -> None:
    table = pa.table({"extra": [1], "y": [1], "b": [1.0], "a": [2]})

    frame = features(table, contract(a="int", y="int", b="float"))

    assert list(frame.columns) == ["a", "b"]


def test_target_may_be_absent_from_the_features() -> None:
    frame = features(pa.table({"a": [1, 2]}), contract(a="int", y="int"))

    assert frame.shape == (2, 1)


def test_missing_column_is_an_error_that_names_it() -> None:
    with pytest.raises(ModelError, match="column 'a' of the contract is not in the table"):
        features(pa.table({"b": [1]}), contract(a="int"))


def test_unreadable_column_is_an_error_without_its_values() -> None:
    with pytest.raises(
        ModelError, match="column 'a': expected float, found Arrow type string"
    ) as e:
        features(pa.table({"a": ["secret"]}), contract(a="float"))

    assert "secret" not in str(e.value)


def test_learnt_contract_is_a_contract_for_features() -> None:
    table = pa.table({"a": [1, 2], "s": ["u", None], "y": [0, 1]})

    frame = features(table, learn(table, target="y"))

    assert list(frame.columns) == ["a", "s"]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"], "classification"),
        (pa.array(["a", "b"]).dictionary_encode(), "classification"),
        ([True, False, None], "classification"),
        ([0, 1], "classification"),
        (list(range(20)) * 5, "classification"),
        (list(range(20)) * 4, "regression"),
        (list(range(21)) * 50, "regression"),
        ([0.0, 1.0, None, float("nan")], "classification"),
        ([0.0, 1.0, 2.0] * 50, "regression"),
        ([0.5, 1.0] * 50, "regression"),
    ],
)
def test_task_follows_type_and_number_of_values(values: Any, task: str) -> None:
    assert infer_task(pa.chunked_array([values])) == task


def test_declared_task_is_taken_at_its_word() -> None:
    assert infer_task(pa.chunked_array([[0, 1]]), "regression") == "regression"
    assert infer_task(pa.chunked_array([[0.5, 1.5]]), "classification") == "classification"


@pytest.mark.parametrize("values", [pa.nulls(3), pa.array([None], pa.int64())])
def test_target_without_values_has_no_task(values: pa.Array) -> None:
    with pytest.raises(SpecError, match="set task"):
        infer_task(pa.chunked_array([values]))


def test_moment_as_target_has_no_task() -> None:
    with pytest.raises(SpecError, match="type date32"):
        infer_task(pa.chunked_array([pa.array([dt.date(2013, 1, 1)])]))


def test_class_labels_keep_their_value_when_some_are_missing() -> None:
    whole, _ = target_values(pa.table({"y": [0, 1]}), "y", "classification")
    partly, labelled = target_values(pa.table({"y": [0.0, None, 1.0]}), "y", "classification")

    assert partly.dtype == whole.dtype
    assert partly.tolist() == [0, 1]
    assert labelled.tolist() == [True, False, True]


def test_numbers_that_are_not_finite_are_no_labels() -> None:
    table = pa.table({"y": [1.5, float("inf"), float("nan"), None]})

    values, labelled = target_values(table, "y", "regression")

    assert values.tolist() == [1.5]
    assert labelled.tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    "values", [["a", None, "b"], pa.array(["a", None, "b"]).dictionary_encode()]
)
def test_text_labels_are_objects(values: Any) -> None:
    found, labelled = target_values(pa.table({"y": values}), "y", "classification")

    assert found.dtype == object
    assert found.tolist() == ["a", "b"]
    assert labelled.tolist() == [True, False, True]


def test_boolean_labels_stay_boolean() -> None:
    found, _ = target_values(pa.table({"y": [True, None]}), "y", "classification")

    assert found.dtype == np.bool_


def test_text_target_of_a_regression_is_an_error() -> None:
    with pytest.raises(ModelError, match="must be a number, found string"):
        target_values(pa.table({"y": ["a"]}), "y", "regression")


def test_absent_target_is_an_error() -> None:
    with pytest.raises(ModelError, match="target 'y' is not in the table"):
        target_values(pa.table({"x": [1]}), "y", "regression")
