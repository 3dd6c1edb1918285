"""Formulas compute over columns and can do nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from calmops_flows.errors import SpecError
from calmops_flows.generators.formula import evaluate, names

COLUMNS = {"a": np.array([1.0, -2.0, 3.0]), "g": np.array(["x", "y", "x"])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 * a + 1", [3.0, -3.0, 7.0]),
        ("where(g == 'x', a, 0)", [1.0, 0.0, 3.0]),
        ("a > 0 and not g == 'y'", [True, False, True]),
        ("0 < a <= 1 or a < -1", [True, True, False]),
        ("g in ['y', 'z']", [False, True, False]),
        ("g not in ('y',)", [True, False, True]),
        ("clip(a, 0, 2) ** 2", [1.0, 0.0, 4.0]),
        ("5", [5, 5, 5]),
    ],
)
def test_formula_is_computed_by_row(text: str, expected: list[object]) -> None:
    assert evaluate(text, COLUMNS).tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "a.__class__",
        "a.tofile('x')",
        "(lambda: 1)()",
        "[b for b in a]",
        "a[0]",
        "f'{a}'",
        "exp",
        "where(g == 'x', a, 0, out=a)",
        "b + 1",
        "a +",
        "None",
        "a is a",
        "a @ a",
        "x" * 3_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        evaluate(text, COLUMNS)


def test_names_are_the_columns_of_a_formula() -> None:
    assert names("a + where(g == 'x', pi, b)") == {"a", "b", "g"}
