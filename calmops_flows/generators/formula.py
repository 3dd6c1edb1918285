"""Formulas over named columns: arithmetic, comparisons and a few functions, nothing else.

A formula is parsed, and every node of it is looked at before anything is computed, so that text
from a plan or a scenario file can name columns and numbers only.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calmops_flows.errors import SpecError

Values = NDArray[Any]
MAX_LENGTH = 2_000

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "clip": np.clip,
    "cos": np.cos,
    "exp": np.exp,
    "floor": np.floor,
    "isnan": np.isnan,
    "log": np.log,
    "log1p": np.log1p,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "sigmoid": lambda value: 1.0 / (1.0 + np.exp(-value)),
    "sign": np.sign,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "where": np.where,
}
CONSTANTS = {"pi": np.pi, "e": np.e, "True": True, "False": False}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: np.power,
    ast.BitAnd: np.logical_and,
    ast.BitOr: np.logical_or,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: np.logical_not,
    ast.Invert: np.logical_not,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda left, right: np.isin(left, list(right)),
    ast.NotIn: lambda left, right: ~np.isin(left, list(right)),
}


def evaluate(text: str, columns: Mapping[str, Values]) -> Values:
    """Compute a formula over columns.

    Parameters
    ----------
    text : str
        For example ``"2 * a + where(group == 'x', 1, 0)"``; `and`, `or`, `not` work by element.
    columns : mapping of str to ndarray of shape (n_rows,)
        What names in the formula mean.

    Returns
    -------
    ndarray of shape (n_rows,)
        A constant formula gives a constant column.

    Raises
    ------
    SpecError
        If the formula cannot be parsed, names an unknown column, uses anything but
        arithmetic, comparisons and the functions of `FUNCTIONS`, or cannot be computed.

    Examples
    --------
    >>> evaluate("a > 1 and b == 'x'", {"a": np.array([1, 2]), "b": np.array(["x", "x"])})
    array([False,  True])
    """
    if len(text) > MAX_LENGTH:
        raise SpecError(f"a formula may have {MAX_LENGTH} characters, got {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError) as err:
        raise SpecError(f"cannot read the formula {text!r}: {err}") from err
    try:
        with np.errstate(all="ignore"):
            value = _value(tree.body, columns, text)
    except (TypeError, ValueError) as err:
        raise SpecError(f"cannot compute the formula {text!r}: {err}") from err
    n_rows = len(next(iter(columns.values()))) if columns else 1
    return np.broadcast_to(np.asarray(value), (n_rows,)).copy()


def names(text: str) -> frozenset[str]:
    """Return the columns that a formula names.

    Raises
    ------
    SpecError
        If it cannot be parsed.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError) as err:
        raise SpecError(f"cannot read the formula {text!r}: {err}") from err
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return frozenset(found - set(FUNCTIONS) - set(CONSTANTS))


def _value(node: ast.expr, columns: Mapping[str, Values], text: str) -> Any:
    compute = _NODES.get(type(node))
    if compute is None:
        raise _refused(node, text)
    return compute(node, columns, text)


def _refused(node: ast.AST, text: str) -> SpecError:
    return SpecError(
        f"the formula {text!r} holds {type(node).__name__}; allowed are columns, numbers, texts, "
        f"arithmetic, comparisons and the functions {', '.join(sorted(FUNCTIONS))}"
    )


def _constant(node: ast.Constant, _columns: Mapping[str, Values], text: str) -> Any:
    if not isinstance(node.value, int | float | str):
        raise _refused(node, text)
    return node.value


def _binary(node: ast.BinOp, columns: Mapping[str, Values], text: str) -> Any:
    if type(node.op) not in _BINARY:
        raise _refused(node.op, text)
    left, right = _value(node.left, columns, text), _value(node.right, columns, text)
    return _BINARY[type(node.op)](left, right)


def _unary(node: ast.UnaryOp, columns: Mapping[str, Values], text: str) -> Any:
    return _UNARY[type(node.op)](_value(node.operand, columns, text))


def _boolean(node: ast.BoolOp, columns: Mapping[str, Values], text: str) -> Any:
    join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
    return functools.reduce(join, [_value(part, columns, text) for part in node.values])


def _several(node: ast.Tuple | ast.List, columns: Mapping[str, Values], text: str) -> Any:
    return [_value(part, columns, text) for part in node.elts]


def _name(node: ast.Name, columns: Mapping[str, Values], text: str) -> Any:
    name = node.id
    if name in columns:
        return columns[name]
    if name in CONSTANTS:
        return CONSTANTS[name]
    raise SpecError(
        f"the formula {text!r} names {name!r}, which is no column; columns: "
        f"{', '.join(sorted(columns)[:10])}"
    )


def _compare(node: ast.Compare, columns: Mapping[str, Values], text: str) -> Any:
    left = _value(node.left, columns, text)
    found: Any = True
    for op, part in zip(node.ops, node.comparators, strict=True):
        if type(op) not in _COMPARE:
            raise _refused(op, text)
        right = _value(part, columns, text)
        found = np.logical_and(found, _COMPARE[type(op)](left, right))
        left = right
    return found


def _call(node: ast.Call, columns: Mapping[str, Values], text: str) -> Any:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
        raise SpecError(
            f"the formula {text!r} calls something else than {', '.join(sorted(FUNCTIONS))}"
        )
    return FUNCTIONS[node.func.id](*(_value(part, columns, text) for part in node.args))


_NODES: dict[type[ast.expr], Callable[[Any, Mapping[str, Values], str], Any]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Tuple: _several,
    ast.List: _several,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.Call: _call,
}
