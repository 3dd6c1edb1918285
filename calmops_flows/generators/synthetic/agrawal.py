"""Loan applications under ten rules (Agrawal, Imielinski and Swami, 1993)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthetic.base import Columns, Rule, Values


class Agrawal(Rule):
    """Nine features of an applicant; class 1 is group A of the paper, or its complement."""

    classification_function: int = Field(default=0, ge=0, le=9)
    """Which of the ten rules."""
    perturbation: float = Field(default=0.0, ge=0.0, le=1.0)
    """Numeric features move by up to this share of their range, after the class is set."""

    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""
        salary = 20_000 + 130_000 * rng.random(n_rows)
        commission = np.where(salary >= 75_000, 0.0, 10_000 + 75_000 * rng.random(n_rows))
        zipcode = rng.integers(0, 9, n_rows)
        return {
            "salary": salary,
            "commission": commission,
            "age": rng.integers(20, 81, n_rows),
            "elevel": rng.integers(0, 5, n_rows),
            "car": rng.integers(1, 21, n_rows),
            "zipcode": zipcode,
            "hvalue": (8 - zipcode) * 100_000 * (0.5 + rng.random(n_rows)),
            "hyears": rng.integers(1, 31, n_rows),
            "loan": rng.random(n_rows) * 500_000,
        }

    def label(self, columns: Mapping[str, Values]) -> Values:
        """Apply the rule."""
        return np.asarray(_RULES[self.classification_function](columns)).astype(np.int64)

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw rows; with perturbation, the features move after the class is set."""
        columns = self.features(n_rows, rng)
        target = self.label(columns)
        if self.perturbation:
            self._perturb(columns, rng)
        return columns, target

    def _perturb(self, columns: Columns, rng: np.random.Generator) -> None:
        def moved(name: str, low: Values | float, high: float, span: float) -> Values:
            by = span * (2.0 * rng.random(len(columns[name])) - 1.0) * self.perturbation
            value = columns[name] + by
            # The lower end wins where house values have a floor above their ceiling.
            return np.where(value < low, low, np.minimum(value, high))

        columns["salary"] = moved("salary", 20_000, 150_000, 130_000)
        commission = moved("commission", 10_000, 75_000, 65_000)
        columns["commission"] = np.where(columns["commission"] > 0, commission, 0.0)
        columns["age"] = np.rint(moved("age", 20, 80, 60)).astype(np.int64)
        floor = (9 - columns["zipcode"]) * 100_000.0
        columns["hvalue"] = moved("hvalue", floor, 0, 135_000)
        columns["hyears"] = np.rint(moved("hyears", 1, 30, 29)).astype(np.int64)
        columns["loan"] = moved("loan", 0, 500_000, 500_000)


def _by_age(c: Mapping[str, Values], young: Values, middle: Values, old: Values) -> Values:
    return np.where(c["age"] < 40, young, np.where(c["age"] < 60, middle, old))


def _within(values: Values, low: float, high: float) -> Values:
    return np.asarray((values >= low) & (values <= high))


def _rule_0(c: Mapping[str, Values]) -> Values:
    return np.asarray((c["age"] < 40) | (c["age"] >= 60))


def _salary_by_age(c: Mapping[str, Values], salary: Values) -> Values:
    return _by_age(
        c,
        _within(salary, 50_000, 100_000),
        _within(salary, 75_000, 125_000),
        _within(salary, 25_000, 75_000),
    )


def _rule_2(c: Mapping[str, Values]) -> Values:
    level = c["elevel"]
    return _by_age(c, _within(level, 0, 1), _within(level, 1, 3), _within(level, 2, 4))


def _rule_3(c: Mapping[str, Values]) -> Values:
    level, salary = c["elevel"], c["salary"]
    low, mid = _within(salary, 25_000, 75_000), _within(salary, 50_000, 100_000)
    high = _within(salary, 75_000, 125_000)
    return _by_age(
        c,
        np.where(_within(level, 0, 1), low, mid),
        np.where(_within(level, 1, 3), mid, high),
        np.where(_within(level, 2, 4), mid, low),
    )


def _rule_4(c: Mapping[str, Values]) -> Values:
    # The bounds on `salary` that no applicant can reach are river's, kept so that labels agree.
    salary, loan = c["salary"], c["loan"]
    young = np.where(
        _within(salary, 50_000, 100_000),
        _within(loan, 100_000, 300_000),
        _within(salary, 200_000, 400_000),
    )
    middle = np.where(
        _within(salary, 75_000, 125_000),
        (salary >= 200_000) & (loan <= 400_000),
        _within(salary, 300_000, 500_000),
    )
    old = np.where(
        _within(salary, 25_000, 75_000),
        _within(loan, 300_000, 500_000),
        _within(loan, 75_000, 300_000),
    )
    return _by_age(c, young, middle, old)


def _poor(c: Mapping[str, Values], less: Values | float) -> Values:
    return np.asarray(2 * (c["salary"] + c["commission"]) / 3 - less <= 1)


def _rule_9(c: Mapping[str, Values]) -> Values:
    equity = np.where(c["hyears"] >= 20, c["hvalue"] * (c["hyears"] - 20) / 10, 0.0)
    return _poor(c, 5000 * c["elevel"] - equity / 5 + 10_000)


_RULES = (
    _rule_0,
    lambda c: _salary_by_age(c, c["salary"]),
    _rule_2,
    _rule_3,
    _rule_4,
    lambda c: _salary_by_age(c, c["salary"] + c["commission"]),
    lambda c: _poor(c, c["loan"] / 5 + 20_000),
    lambda c: _poor(c, 5000 * c["elevel"] + 20_000),
    lambda c: _poor(c, 5000 * c["elevel"] + c["loan"] / 5 + 10_000),
    _rule_9,
)
