"""Golden rows tell a model from another one, and are kept for every version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from calmops_flows.data.contract import Contract
from calmops_flows.errors import ArtifactError, DigestMismatchError, ModelError
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import drain
from calmops_flows.steps.golden import GOLDEN_ROWS, check_golden
from calmops_flows.steps.ingest import read_copy
from calmops_flows.steps.models import read_model
from calmops_flows.store import registry
from calmops_flows.store.pipelines import load_state
from tests.steps.conftest import Stream, rows


def contract_of(stream: Stream, name: str = "stream") -> Contract:
    number = load_state(stream.store.database, name).contract_version
    return Contract.from_json(registry.contract_text(stream.store.database, name, number or 0))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"evaluation": {"refit": False}},
        {"task": "regression", "model": {"class": "sklearn.linear_model.Ridge"}},
        {"model": {"class": "sklearn.svm.LinearSVC"}},
        {"kind": "block", "block": {"column": "c"}},
        {"kind": "ipip"},
    ],
)
def test_each_version_predicts_its_golden_rows_again(stream: Stream, more: dict[str, Any]) -> None:
    spec = {"name": "other", "target": "y", "source": {"path": str(stream.folder)}}
    model = {"class": "sklearn.linear_model.LogisticRegression"}
    apply(parse_spec({**spec, "model": model, **more}), stream.store)
    stream.drop("a.csv", rows(1))

    drain("other", stream.store, now=lambda: stream.now)

    versions = registry.versions(stream.store.database, "other")
    assert versions
    for version in versions:
        assert version.golden is not None
        estimator = read_model(stream.store.artifacts, version.artifact)
        contract = contract_of(stream, "other")
        check_golden(stream.store.artifacts, version.golden, estimator, contract)
        kept = read_copy(stream.store.artifacts, version.golden)
        assert kept.num_rows <= GOLDEN_ROWS
        assert "y" not in kept.column_names


def test_another_model_is_noticed(stream: Stream) -> None:
    stream.declare(retrain={"when": "always"}, evaluation={"promotion": {"rule": "always"}})
    stream.drop("a.csv", rows(1))
    stream.drop("b.csv", rows(2, sign=-1))
    stream.drain()
    first, second = registry.versions(stream.store.database, "stream")
    assert first.golden is not None
    estimator = read_model(stream.store.artifacts, second.artifact)

    with pytest.raises(ModelError, match="16 of 16 golden rows are predicted otherwise"):
        check_golden(stream.store.artifacts, first.golden, estimator, contract_of(stream))


def test_what_is_no_golden_row_is_refused(stream: Stream) -> None:
    digest = stream.store.artifacts.put(json.dumps({"no": "rows"}).encode())

    with pytest.raises(ArtifactError, match="holds no golden rows"):
        check_golden(stream.store.artifacts, digest, None, Contract(()))


def test_changed_golden_rows_are_not_read(stream: Stream) -> None:
    stream.drop("a.csv", rows(1))
    stream.drain()
    (version,) = registry.versions(stream.store.database, "stream")
    golden = str(version.golden)
    (stream.folder.parent / "home/artifacts/sha256" / golden[:2] / golden).write_bytes(b"other")

    with pytest.raises(DigestMismatchError):
        check_golden(stream.store.artifacts, golden, None, contract_of(stream))
