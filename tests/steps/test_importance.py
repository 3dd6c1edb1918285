"""Importance of the champion's columns, from the fit to the explanation."""

from __future__ import annotations

import json
import shutil
from typing import Any

from calmops_flows.read import explain, to_sentences
from calmops_flows.store import registry
from tests.steps.conftest import Stream, rows


def manifest(stream: Stream, version: int) -> dict[str, Any]:
    found = registry.version(stream.store.database, "stream", version)
    values: dict[str, Any] = json.loads(stream.store.artifacts.get(found.manifest))
    return values


def test_champion_carries_the_importance_of_its_columns(stream: Stream) -> None:
    stream.drop("a.csv", rows(1))
    stream.drain()

    importance = manifest(stream, 1)["importance"]

    # y follows from a + b, and c is noise
    assert (importance["metric"], importance["rows"]) == ("balanced_accuracy", 80)
    assert set(importance["columns"]) == {"a", "b", "c"}
    assert min(importance["columns"]["a"], importance["columns"]["b"]) > 0.1
    assert abs(importance["columns"]["c"]) < 0.05


def test_explanation_says_which_moved_columns_matter(stream: Stream) -> None:
    stream.declare(retrain={"when": "never"})
    stream.drop("a.csv", rows(1))
    moved = rows(2)
    moved["a"] += 3.0
    moved["c"] = "x"
    stream.drop("b.csv", moved)
    stream.drain()

    found = explain(stream.store, "stream", "b.csv")

    assert found.attribution is not None
    assert found.attribution.version == 1
    drifted = [column.name for column in found.attribution.columns if column.is_drift]
    assert drifted[:2] == ["a", "c"]
    assert any(
        s.startswith("Of what moved, these matter to version 1: a (") for s in to_sentences(found)
    )


def test_champion_whose_manifest_is_gone_has_a_reason(stream: Stream) -> None:
    stream.declare(retrain={"when": "never"})
    stream.drop("a.csv", rows(1))
    stream.drop("b.csv", rows(2, shift=3.0))
    stream.drain()
    shutil.rmtree(stream.store.artifacts.url.removeprefix("file://"))

    found = explain(stream.store, "stream", "b.csv").attribution

    assert found is not None
    assert found.metric is None
    assert "cannot read artifact" in (found.reason or "")
    assert any(column.is_drift for column in found.columns)
