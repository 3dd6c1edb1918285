"""What status and explain say of labels that came later, and of predictions."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calmops_flows.read import explain, status, to_sentences
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import drain
from calmops_flows.store import Store, open_store


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store in which 200 of 300 rows got their labels later, 20 of them twice."""
    root = tmp_path_factory.mktemp("labelled")
    folders = [root / name for name in ("data", "labels", "out")]
    for folder in folders[:2]:
        folder.mkdir()
    rng = np.random.default_rng(0)
    ids = np.arange(1600)
    frame = pd.DataFrame({"id": ids, "a": rng.normal(size=1600)})
    frame["y"] = (frame.a + rng.normal(0, 0.5, 1600) > 0).astype(int)
    later = frame[1300:].drop(columns="y")
    labels = frame.loc[1300:1499, ["id", "y"]]
    spec = parse_spec(
        {
            "name": "later",
            "target": "y",
            "source": {"path": str(folders[0]), "settle_seconds": 0},
            "labels": {"path": str(folders[1]), "key": "id"},
            "predictions": {"path": str(folders[2])},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )
    store = open_store(Settings(home=root / "home"))
    apply(spec, store)
    drop(frame[:1300], folders[0] / "1.csv")
    drop(later, folders[0] / "2.csv")
    drain("later", store)
    drop(labels[:20].assign(y=1 - labels.y[:20]), folders[1] / "a.csv")
    drop(labels, folders[1] / "b.csv")
    drain("later", store)
    return store


def drop(frame: pd.DataFrame, file: Path) -> None:
    frame.to_csv(file, index=False)
    os.utime(file, (1_600_000_000, 1_600_000_000))


def test_status_counts_rows_that_got_their_labels_later(labelled: Store) -> None:
    found = status(labelled, "later").labels

    assert found is not None
    assert (found.rows, found.labelled, found.contradictions, found.files) == (300, 200, 20, 2)


def test_explain_sets_realised_performance_beside_the_estimate(labelled: Store) -> None:
    found = explain(labelled, "later", "2.csv")

    assert found.labels is not None
    assert found.labels.files == ("labels:a.csv", "labels:b.csv")
    assert found.labels.realised["accuracy"] == pytest.approx(0.85, abs=0.1)
    assert found.labels.estimated["accuracy"] == pytest.approx(0.85, abs=0.1)
    text = "\n".join(to_sentences(found))
    assert "200 of 300 rows have one (labels:a.csv, labels:b.csv)" in text
    assert "20 were given different labels" in text
    assert "(estimated 0." in text


def test_explain_says_where_predictions_lie(labelled: Store) -> None:
    found = explain(labelled, "later", "2.csv").predictions

    assert found is not None
    assert found.is_written
    assert found.written_to is not None
    assert Path(found.written_to).is_file()
    assert len(labelled.artifacts.get(found.artifact)) > 0
