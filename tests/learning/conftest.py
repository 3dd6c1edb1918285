"""Small mixed tables with their contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.data.contract import Contract, learn
from calmops_flows.evaluation.metrics import Task
from calmops_flows.learning import TrainingContext, build_estimator
from calmops_flows.spec import ModelSpec


@dataclass(frozen=True)
class Problem:
    """A table, its contract, and contexts to fit on it."""

    table: pa.Table
    contract: Contract
    task: Task

    def context(self, path: str, *, seed: int = 3, **params: Any) -> TrainingContext:
        """Return the training context of one model class."""
        model = ModelSpec.model_validate({"class": path, "params": params})
        return self.context_of(model, seed=seed)

    def context_of(self, model: ModelSpec, *, seed: int = 3) -> TrainingContext:
        """Return the training context of a model spec."""
        return TrainingContext(
            build=lambda: build_estimator(model, self.contract, task=self.task, random_state=seed),
            table=self.table,
            contract=self.contract,
            task=self.task,
            seed=seed,
        )


def problem(table: pa.Table, task: Task = "classification", target: str = "y") -> Problem:
    """Learn the contract of a table."""
    return Problem(table, learn(table, target=target), task)


def mixed_table(n: int = 300, *, seed: int = 0) -> pa.Table:
    """Return every type, with missing, infinite, constant and empty columns."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    broken = np.where(rng.random(n) < 0.1, np.inf, rng.normal(size=n))
    count = pa.array(rng.integers(0, 9, n), mask=rng.random(n) < 0.2)
    late = x + rng.normal(0, 0.5, n) > 0
    start = np.datetime64("2013-01-01", "us")
    return pa.table(
        {
            "x": x,
            "broken": np.where(rng.random(n) < 0.1, -np.inf, broken),
            "huge": x * 1e300,
            "count": count,
            "flag": rng.random(n) < 0.5,
            "carrier": rng.choice(np.array(["AA", "UA", None], dtype=object), n),
            "gate": pa.array(rng.choice(["g1", "g2"], n)).dictionary_encode(),
            "time": start + rng.integers(0, 365 * 24, n) * np.timedelta64(3_600_000_000, "us"),
            "constant": np.ones(n),
            "empty": pa.array([None] * n, pa.float64()),
            "never": pa.nulls(n),
            "y": np.where(late, "late", "early"),
        }
    )


@pytest.fixture
def mixed() -> Problem:
    return problem(mixed_table())
