"""What drift costs a pipeline of blocks: 20 blocks of 1,000 rows and 20 columns that recur.

Drift is the profile of each block, its reference, and the verdict, with all that they read
and write. Loading the champion belongs to scoring.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks.figures import Figure, own_home, show
from calmops_flows.api import apply, run
from calmops_flows.spec import parse_spec
from calmops_flows.steps import process
from calmops_flows.steps.trainers import BlockTrainer
from calmops_flows.store.store import open_store

BLOCKS, ROWS, COLUMNS = 20, 1_000, 20
BARS = {"auto": 1.5, "off": 0.5}
DRIFT = ((process, "profile_snapshot"), (BlockTrainer, "reference"), (process, "check_drift"))


def main() -> None:
    figures = []
    for multivariate, bar in BARS.items():
        drift, everything = measure(multivariate)
        about = f"{BLOCKS} x {ROWS:,} x {COLUMNS}, multivariate {multivariate}"
        figures.append(Figure(f"drift of {about}", drift, "s", bar))
        figures.append(Figure(f"whole drain of {about}", everything, "s"))
    show(*figures)


def measure(multivariate: str) -> tuple[float, float]:
    """Return the CPU seconds of drift and of the whole drain of a month in which all recur."""
    with own_home() as home, open_store() as store:
        folder = home / "arrivals"
        folder.mkdir()
        values = {
            "name": "sites",
            "kind": "block",
            "block": {"column": "site"},
            "target": "y",
            "source": {"path": str(folder), "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
            "drift": {"multivariate": multivariate},
        }
        apply(parse_spec(values), store)
        write_month(folder, 1)
        run("sites", store=store)
        write_month(folder, 2)
        started = time.process_time()
        with timed() as spent:
            found = run("sites", store=store).outcomes
        everything = time.process_time() - started
    if [outcome.drift.is_drift for outcome in found].count(None) or len(found) != BLOCKS:
        raise RuntimeError(f"expected {BLOCKS} verdicts, got {found}")
    return spent[0], everything


def write_month(folder: Path, month: int) -> None:
    """Write one file of all blocks; each has a level of its own, and none drifts."""
    rng = np.random.default_rng(month)
    X = rng.normal(size=(BLOCKS * ROWS, COLUMNS))
    site = np.repeat(np.arange(BLOCKS), ROWS)
    frame = pd.DataFrame(X + site[:, None], columns=[f"x{i}" for i in range(COLUMNS)])
    frame.insert(0, "site", [f"site{number}" for number in site])
    frame["y"] = (X[:, :3].sum(axis=1) > 0).astype(int)
    frame.to_parquet(folder / f"{month:02}.parquet", index=False)


@contextmanager
def timed() -> Iterator[list[float]]:
    """Add up the CPU seconds, of all threads, of the functions that make up drift."""
    spent = [0.0]

    def clocked(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            started = time.process_time()
            try:
                return function(*given, **named)
            finally:
                spent[0] += time.process_time() - started

        return call

    with ExitStack() as stack:
        for owner, name in DRIFT:
            stack.enter_context(patch.object(owner, name, clocked(getattr(owner, name))))
        yield spent


if __name__ == "__main__":
    main()
