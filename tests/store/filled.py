"""A small store with real artifacts: three snapshots, two of them learnt from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from calmops_flows import api
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.store import Store

NAME = "filled"


def fill(store: Store, source: Path) -> PipelineSpec:
    """Run a pipeline over three files, the last one drifted, and one that cannot be read."""
    source.mkdir()
    rng = np.random.default_rng(3)
    for number, (shift, sign) in enumerate([(0.0, 1), (0.0, 1), (3.0, -1)]):
        X = rng.normal(shift, 1.0, (300, 2))
        y = (sign * (X - shift).sum(axis=1) + rng.normal(0, 0.3, 300) > 0).astype(int)
        pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y}).to_csv(
            source / f"part{number}.csv", index=False
        )
    (source / "odd.csv").write_text("a,b,y\n1,2")
    for file in source.iterdir():
        os.utime(file, (1_700_000_000, 1_700_000_000))
    spec = parse_spec(
        {
            "name": NAME,
            "target": "y",
            "source": {"path": str(source), "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )
    api.run(spec, store=store, wait=False, prefect=False)
    return spec
