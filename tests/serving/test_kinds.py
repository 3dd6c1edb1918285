"""Every kind, task and type of column is served, several pipelines by one server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from tests.serving.served import RECORD, error, rows, serving, trained

KINDS: dict[str, dict[str, Any]] = {
    "block": {"kind": "block", "block": {"column": "shop"}},
    "ipip": {"kind": "ipip"},
    "regression": {"task": "regression", "model": {"class": "sklearn.linear_model.Ridge"}},
    "svc": {"model": {"class": "sklearn.svm.LinearSVC"}},
}


def typed(seed: int) -> pd.DataFrame:
    """Return rows with every type of column, two shops, and missing cells."""
    frame = rows(seed)
    rng = np.random.default_rng(seed)
    frame["shop"] = np.where(np.arange(len(frame)) < 200, 7, 8)
    frame["day"] = pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 300, 400), "D")
    frame["flag"] = rng.random(400) < 0.5
    frame.loc[::7, "a"] = np.nan
    return frame


def test_every_kind_is_served_beside_the_others(tmp_path: Path) -> None:
    with open_store(Settings(home=tmp_path / "home")) as store:
        for name, more in KINDS.items():
            trained(store, tmp_path / name, typed(1), name=name, **more)
    record = {**RECORD, "shop": 7, "day": "2013-02-03", "flag": True}
    with serving(tmp_path / "home", *KINDS) as client:
        said = {}
        for name in KINDS:
            path = f"/pipelines/{name}/invocations?probabilities=true"
            response = client.post(path, {"dataframe_records": [record, {**record, "shop": 9}]})
            assert response.status_code == 200, (name, response.text)
            said[name] = response.json()
        unnamed = client.predict(record)
        odd_day = client.post("/predict/svc", {**record, "day": "yesterday"})
        text = "a,b,c,shop,day,flag\n0.5,1.5,x,7,2013-02-03,true\n"
        as_csv = client.http.post(
            "/pipelines/block/invocations", content=text, headers={"Content-Type": "text/csv"}
        )

    assert said["block"]["predictions"] == said["ipip"]["predictions"] == [1, 1]
    assert said["svc"]["predictions"] == [1, 1]
    assert said["regression"]["predictions"][0] == pytest.approx(1, abs=0.5)
    assert len(said["block"]["probabilities"]) == 2
    assert said["svc"]["probabilities"] is None
    assert "the model gives no probabilities" in said["svc"]["warnings"]
    assert error(unnamed) == (400, "pipeline_needed")
    assert unnamed.json()["details"] == {"pipelines": list(KINDS)}
    assert error(odd_day) == (422, "column_type")
    assert as_csv.json()["predictions"] == [1]
