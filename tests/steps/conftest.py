"""A small stream with a folder to drop files into, drained plainly in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import update

from calmops_flows.breaker import Breaker
from calmops_flows.records import Outcome
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import Drained, drain
from calmops_flows.store import Store, open_store
from calmops_flows.store.history import history
from calmops_flows.store.tables import pipelines

START = datetime(2013, 1, 1, tzinfo=UTC)


@dataclass
class Stream:
    """A pipeline, its source folder, and a clock that tests move."""

    store: Store
    folder: Path
    now: datetime = START

    def open_breaker(self) -> None:
        """Let the breaker be open, as after three failures."""
        is_open = Breaker.closed().after_failures(3, now=self.now)
        with self.store.database.write("commit.snapshot") as connection:
            connection.execute(update(pipelines).values(breaker=is_open.to_json()))

    def declare(self, **more: Any) -> None:
        """Apply the spec; keyword arguments replace its parts."""
        values: dict[str, Any] = {
            "name": "stream",
            "target": "y",
            "source": {"path": str(self.folder), "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
            **more,
        }
        if values.get("kind") != "ipip":  # what other tests look at is not which recipe is chosen
            values["retrain"] = {"mode": "full", **more.get("retrain", {})}
        apply(parse_spec(values), self.store)

    def drop(self, name: str, frame: pd.DataFrame) -> Path:
        """Write a frame as a settled CSV file."""
        file = self.folder / name
        frame.to_csv(file, index=False)
        return settled(file)

    def drain(self, **more: Any) -> Drained:
        """Process what is pending at the stream's own time."""
        return drain("stream", self.store, now=lambda: self.now, **more)

    def history(self) -> list[Outcome]:
        """Return all outcomes so far."""
        return history(self.store.database, "stream")

    def later(self, **amount: float) -> None:
        """Move the clock."""
        self.now += timedelta(**amount)


def settled(file: Path) -> Path:
    """Give a file an old modification time."""
    os.utime(file, (1_600_000_000, 1_600_000_000))
    return file


def rows(seed: int, n: int = 400, *, shift: float = 0.0, sign: int = 1) -> pd.DataFrame:
    """Return two informative features and a category; ``sign`` turns the concept over."""
    rng = np.random.default_rng(seed)
    X = rng.normal(shift, 1.0, (n, 2))
    noise = rng.normal(0, 0.5, n)
    return pd.DataFrame(
        {
            "a": X[:, 0],
            "b": X[:, 1],
            "c": rng.choice(["x", "y", "z"], n),
            "y": (sign * (X.sum(axis=1) - 2 * shift) + noise > 0).astype(int),
        }
    )


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Stream]:
    folder = tmp_path / "source"
    folder.mkdir()
    with open_store(Settings(home=tmp_path / "home")) as store:
        opened = Stream(store, folder)
        opened.declare()
        yield opened
