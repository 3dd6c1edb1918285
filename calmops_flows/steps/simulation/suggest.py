"""What can be simulated, and parameters of each injector that fit a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection import INJECTORS
from calmops_flows.generators.synthesis import METHODS
from calmops_flows.generators.synthetic import CONCEPTS
from calmops_flows.generators.values import member
from calmops_flows.steps.simulation.source import probe, scenarios

if TYPE_CHECKING:
    from calmops_flows.steps.simulation.source import Drawn


@dataclass(frozen=True, slots=True)
class Choices:
    """Names and first lines of what a simulation can use."""

    generators: Mapping[str, str]
    scenarios: Mapping[str, str]
    injectors: Mapping[str, str]
    methods: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Parameters of an injector that do something visible to a source.

    ``columns`` are those that it can act on; empty when it acts on no single columns.
    ``has_profile`` is False for one that changes whole tables.
    """

    columns: tuple[str, ...]
    params: Mapping[str, Any]
    has_profile: bool


def choices() -> Choices:
    """Return what can be simulated."""
    return Choices(
        {name: _about(kind) for name, kind in CONCEPTS.items()},
        {name: one.about for name, one in scenarios().items()},
        {name: _about(kind) for name, kind in INJECTORS.items()},
        {name: _about(kind) for name, kind in METHODS.items()},
    )


def suggest(
    source: str, kind: str, *, params: Mapping[str, Any] | None = None, column: str | None = None
) -> Suggestion:
    """Do what `calmops_flows.api.suggest_injection` documents."""
    injector = member(INJECTORS, kind, what="injector")
    seen = _Seen(probe(source, params or {}), column)
    fitting = _FITTING[kind](seen) if kind in _FITTING else ()
    return Suggestion(tuple(fitting), _PARAMS[kind](seen), not injector.WHOLE)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A few rows of a source, and the column that was asked for."""

    drawn: Drawn
    wanted: str | None

    @property
    def target(self) -> str:
        return self.drawn.target

    def numbers(self) -> list[str]:
        rows = self.drawn.rows
        names = [str(n) for n in rows.select_dtypes("number").columns if n != self.target]
        return self._some(names, "numbers")

    def texts(self) -> list[str]:
        rows = self.drawn.rows.drop(columns=self.target)
        rows = rows.select_dtypes(exclude=["number", "datetime", "bool"])
        return self._some([str(n) for n in rows.columns], "texts")

    def categories(self) -> list[str]:
        rows = self.drawn.rows.drop(columns=self.target)
        names = [str(n) for n in rows.select_dtypes(exclude=["number", "datetime"]).columns]
        few = [str(n) for n in rows.select_dtypes("integer").columns if rows[n].nunique() <= 20]
        return self._some(names + few, "categories")

    def features(self) -> list[str]:
        rows = self.drawn.rows.select_dtypes(exclude="datetime")
        return [str(n) for n in rows.columns if n != self.target]

    def one(self, names: list[str]) -> str:
        return self.wanted if self.wanted in names else names[0]

    def number(self) -> str:
        return self.one(self.numbers())

    def category(self) -> str:
        return self.one(self.categories())

    def values(self, name: str) -> list[Any]:
        """Return the values of a column, the most frequent first."""
        counts = self.drawn.rows[name].value_counts()
        return [_plain(value) for value in counts.index]

    def middle(self, name: str) -> float:
        return float(f"{self.drawn.rows[name].median():.3g}")

    def classes(self) -> list[Any]:
        values = self.drawn.rows[self.target]
        if pd.api.types.is_float_dtype(values) and values.nunique() > 20:
            raise SpecError(
                "this injector needs classes, and the target of this source is a number"
            )
        return self.values(self.target)

    def _some(self, names: list[str], what: str) -> list[str]:
        if not names:
            raise SpecError(f"this source has no column of {what}; choose another drift or source")
        return names


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _about(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _on_columns(magnitude: float, **more: Any) -> Callable[[_Seen], dict[str, Any]]:
    return lambda seen: {"columns": [seen.number()], "magnitude": magnitude, **more}


def _correlation(seen: _Seen) -> dict[str, Any]:
    names = seen.numbers()
    if len(names) < 2:
        raise SpecError("a correlation needs two columns of numbers, and this source has one")
    first = seen.one(names)
    second = next(name for name in names if name != first)
    return {"columns": [first, second], "matrix": [[1.0, 0.8], [0.8, 1.0]], "magnitude": 1.0}


def _concept_flip(seen: _Seen) -> dict[str, Any]:
    seen.classes()
    name = seen.number()
    return {"target": seen.target, "where": f"{name} > {seen.middle(name)}", "magnitude": 1.0}


def _label_noise(seen: _Seen) -> dict[str, Any]:
    seen.classes()
    return {"target": seen.target, "magnitude": 0.3}


def _label_shift(seen: _Seen) -> dict[str, Any]:
    value = seen.classes()[-1]
    return {"target": seen.target, "value": value, "share": 0.8, "magnitude": 1.0}


def _rule_change(seen: _Seen) -> dict[str, Any]:
    name = seen.number()
    values = seen.drawn.rows[seen.target]
    is_number = pd.api.types.is_float_dtype(values) and values.nunique() > 20
    rule = name if is_number else f"{name} > {seen.middle(name)}"
    return {"target": seen.target, "rule": rule, "magnitude": 1.0}


def _replace_category(seen: _Seen) -> dict[str, Any]:
    name = seen.category()
    old, new, *_ = [*seen.values(name), "other"]
    return {"column": name, "old": old, "new": new, "magnitude": 1.0}


def _vanished_category(seen: _Seen) -> dict[str, Any]:
    name = seen.category()
    return {"column": name, "value": seen.values(name)[0], "magnitude": 1.0}


def _quantile_map(seen: _Seen) -> dict[str, Any]:
    values = seen.drawn.rows[seen.number()]
    low, high = float(f"{values.min():.3g}"), float(f"{values.max():.3g}")
    middle = float(f"{low + 0.75 * (high - low):.3g}")
    return {"columns": [seen.number()], "quantiles": [low, middle, high], "magnitude": 1.0}


_NUMERIC = (
    "concept_flip",
    "correlation",
    "covariate_shift",
    "freeze",
    "missing",
    "noise",
    "outliers",
    "quantile_map",
    "rule_change",
    "scale",
    "shift",
    "unit_change",
)
_FITTING: dict[str, Callable[[_Seen], list[str]]] = {
    **dict.fromkeys(_NUMERIC, _Seen.numbers),
    **dict.fromkeys(("replace_category", "vanished_category"), _Seen.categories),
    "new_category": _Seen.texts,
    "schema_change": _Seen.features,
}
_PARAMS: dict[str, Callable[[_Seen], dict[str, Any]]] = {
    "concept_flip": _concept_flip,
    "correlation": _correlation,
    "covariate_shift": lambda seen: {"column": seen.number(), "magnitude": 3.0},
    "duplicates": lambda _: {"magnitude": 0.3},
    "freeze": _on_columns(1.0),
    "label_noise": _label_noise,
    "label_shift": _label_shift,
    "missing": _on_columns(0.2),
    "new_category": lambda seen: {"column": seen.one(seen.texts()), "magnitude": 0.2},
    "noise": _on_columns(1.0),
    "outliers": _on_columns(0.05),
    "quantile_map": _quantile_map,
    "replace_category": _replace_category,
    "rule_change": _rule_change,
    "scale": _on_columns(0.5),
    "schema_change": lambda seen: {"action": "drop", "column": seen.one(seen.features())},
    "shift": _on_columns(0.5),
    "unit_change": _on_columns(1.0, factor=1.8, offset=32.0),
    "vanished_category": _vanished_category,
}
