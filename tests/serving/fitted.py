"""Fitted models of every kind that a server may be handed, over every type of column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from calmops_flows.data.conform import conform
from calmops_flows.data.contract import Contract, learn
from calmops_flows.evaluation.metrics import Task
from calmops_flows.learning import RETRAINERS, TrainingContext, build_estimator
from calmops_flows.learning.blockwise import BlockwiseClassifier, BlockwiseRegressor
from calmops_flows.learning.ipip import IPIPClassifier
from calmops_flows.learning.retraining import Past
from calmops_flows.spec import ModelSpec

ROWS = 240
LOGISTIC = "sklearn.linear_model.LogisticRegression"
FOREST = "sklearn.ensemble.RandomForestClassifier"
DAY = dt.datetime(2013, 1, 1)  # noqa: DTZ001 - moments of the contract have no zone


def table(target: str, *, seed: int = 0) -> pa.Table:
    """Return every type, with missing, infinite, constant, rare and empty columns."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    score = x + rng.normal(0, 0.5, ROWS)
    targets = {
        "two": np.where(score > 0, "late", "early"),
        "three": np.digitize(score, [-0.8, 0.8]),
        "number": 3 * score,
    }
    hours = [DAY + dt.timedelta(hours=int(h)) for h in rng.integers(0, 9_000, ROWS)]
    return pa.table(
        {
            "x": np.where(rng.random(ROWS) < 0.1, np.inf, x),
            "huge": x * 1e300,
            "count": pa.array(rng.integers(-5, 9, ROWS), mask=rng.random(ROWS) < 0.2),
            "flag": pa.array(rng.random(ROWS) < 0.5, mask=rng.random(ROWS) < 0.1),
            "carrier": rng.choice(np.array(["AA", "é", "(other)", None], dtype=object), ROWS),
            "town": [f"t{n}" for n in rng.integers(0, 60, ROWS)],  # more than are kept
            "gate": pa.array(rng.choice(["g1", "g2"], ROWS)).dictionary_encode(),
            "time": pa.array(hours, pa.timestamp("us")),
            "day": pa.array([hour.date() for hour in hours], pa.date32()),
            "constant": np.ones(ROWS),
            "never": pa.nulls(ROWS),
            "shop": rng.choice(["7", "8", "9"], ROWS),
            "y": targets[target],
        }
    )


@dataclass(frozen=True)
class Model:
    """A fitted model and what it was fitted under."""

    estimator: Any
    contract: Contract
    table: pa.Table
    block_column: str | None = None


@dataclass(frozen=True)
class _Problem:
    contract: Contract
    rows: pa.Table
    task: Task

    def context(self, model: dict[str, Any]) -> TrainingContext:
        spec = ModelSpec.model_validate(model)
        return TrainingContext(
            build=lambda: build_estimator(spec, self.contract, task=self.task, random_state=3),
            table=self.rows,
            contract=self.contract,
            task=self.task,
            seed=3,
        )


def _problem(target: str) -> _Problem:
    raw = table(target)
    contract = learn(raw, target="y")
    task: Task = "regression" if target == "number" else "classification"
    return _Problem(contract, conform(raw, contract).table, task)


def _plain(path: str, target: str, **params: Any) -> Model:
    problem = _problem(target)
    context = problem.context({"class": path, "params": params})
    return Model(RETRAINERS["full"](context).estimator, problem.contract, problem.rows)


def _mode(mode: str, path: str, target: str, **params: Any) -> Model:
    """Retrain a champion; the past makes stacking ask how new a row is."""
    first = _plain(path, target, **params)
    problem = _problem(target)
    newer = conform(table(target, seed=1), first.contract).table
    past = Past(newest=lambda _: first.table, replay=lambda _: first.table)
    context = replace(
        problem.context({"class": path, "params": params}),
        table=newer,
        champion=first.estimator,
        past=past,
    )
    return replace(first, estimator=RETRAINERS[mode](context).estimator)


def _steps(*steps: dict[str, Any], target: str = "two") -> Model:
    problem = _problem(target)
    context = problem.context({"steps": list(steps)})
    return Model(RETRAINERS["full"](context).estimator, problem.contract, problem.rows)


def _blocks(path: str, target: str, fallback: str, **params: Any) -> Model:
    problem = _problem(target)
    columns = tuple(c for c in problem.contract.columns if c.name != "shop")
    inner = replace(problem, contract=Contract(columns, "y"))
    kind = BlockwiseRegressor if target == "number" else BlockwiseClassifier
    shell: Any = kind(
        inner.context({"class": path, "params": params}).build(),
        block="shop",
        fallback=fallback,  # type: ignore[arg-type]  # one of the two words
    )
    context = replace(problem.context({"class": path}), build=lambda: shell)
    fitted = RETRAINERS["full"](context).estimator
    return Model(fitted, problem.contract, problem.rows, block_column="shop")


def _ipip(path: str, target: str, voting: str = "soft", **params: Any) -> Model:
    problem = _problem(target)
    context = problem.context({"class": path, "params": params})
    whole = context.build()
    ensemble: Any = IPIPClassifier(whole.steps[-1][1], voting=voting, random_state=0)  # type: ignore[arg-type]
    whole.steps[-1] = ("model", ensemble)
    fitted = RETRAINERS["full"](replace(context, build=lambda: whole)).estimator
    return Model(fitted, problem.contract, problem.rows)


_FEW = {"n_estimators": 7}
MODELS: dict[str, Callable[[], Model]] = {
    "logistic": lambda: _plain(LOGISTIC, "two"),
    "logistic of three": lambda: _plain(LOGISTIC, "three"),
    "ridge": lambda: _plain("sklearn.linear_model.Ridge", "number"),
    "svc": lambda: _plain("sklearn.svm.LinearSVC", "two"),
    "bayes": lambda: _plain("sklearn.naive_bayes.GaussianNB", "three"),
    "tree": lambda: _plain("sklearn.tree.DecisionTreeClassifier", "three"),
    "forest": lambda: _plain(FOREST, "three", **_FEW),
    "forest of numbers": lambda: _plain("sklearn.ensemble.ExtraTreesRegressor", "number", **_FEW),
    "boosting": lambda: _plain("sklearn.ensemble.GradientBoostingClassifier", "two", **_FEW),
    "histograms": lambda: _plain(
        "sklearn.ensemble.HistGradientBoostingClassifier", "two", max_iter=7
    ),
    "histograms of three": lambda: _plain(
        "sklearn.ensemble.HistGradientBoostingClassifier", "three", max_iter=7
    ),
    "histograms of numbers": lambda: _plain(
        "sklearn.ensemble.HistGradientBoostingRegressor", "number", max_iter=7
    ),
    "lightgbm": lambda: _plain("lightgbm.LGBMClassifier", "two", verbose=-1, **_FEW),
    "lightgbm of three": lambda: _plain("lightgbm.LGBMClassifier", "three", verbose=-1, **_FEW),
    "lightgbm of numbers": lambda: _plain("lightgbm.LGBMRegressor", "number", verbose=-1, **_FEW),
    "steps": lambda: _steps(
        {"class": "sklearn.decomposition.PCA", "params": {"n_components": 5}},
        {"class": LOGISTIC},
    ),
    "recalibrated": lambda: _mode("recalibration", LOGISTIC, "two"),
    "recalibrated numbers": lambda: _mode("recalibration", "sklearn.linear_model.Ridge", "number"),
    "stacked": lambda: _mode("stacking", LOGISTIC, "three"),
    "stacked numbers": lambda: _mode("stacking", "sklearn.linear_model.Ridge", "number"),
    "blocks": lambda: _blocks(LOGISTIC, "two", "global"),
    "blocks together": lambda: _blocks(FOREST, "three", "ensemble", **_FEW),
    "blocks of numbers": lambda: _blocks("sklearn.linear_model.Ridge", "number", "ensemble"),
    "ipip": lambda: _ipip(LOGISTIC, "two"),
    "ipip of three by quorum": lambda: _ipip(FOREST, "three", "quorum", n_estimators=3),
}


@cache
def fitted(name: str) -> Model:
    """Return one of the models, fitted once."""
    return MODELS[name]()
