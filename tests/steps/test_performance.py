"""Performance drop, concept drift and estimated performance, through whole drains."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sqlalchemy import select

from calmops_flows.errors import ArtifactError, SpecError
from calmops_flows.evaluation import Holdout, Predictions
from calmops_flows.evaluation.holdout_file import Judged, from_bytes, to_bytes
from calmops_flows.read import explain, status, to_sentences
from calmops_flows.records import Rule
from calmops_flows.store import registry
from calmops_flows.store.history import decision
from calmops_flows.store.tables import metrics, outcomes
from tests.steps.conftest import Stream, rows

N = 2000


def rule(stream: Stream, snapshot: int, name: str) -> Rule:
    record = decision(stream.store.database, snapshot)
    assert record is not None
    return next(rule for rule in record.rules if rule.name == name)


def states(stream: Stream) -> list[str | None]:
    with stream.store.database.read() as connection:
        query = select(outcomes.c.stream_state).order_by(outcomes.c.snapshot_id)
        return list(connection.execute(query).scalars())


def estimated(stream: Stream, snapshot: int) -> dict[str, tuple[float | None, str | None]]:
    with stream.store.database.read() as connection:
        query = select(metrics).where(
            metrics.c.snapshot_id == snapshot, metrics.c.scope == "estimated"
        )
        return {row.metric: (row.value, row.note) for row in connection.execute(query)}


def half_flipped(seed: int, n: int = N) -> pd.DataFrame:
    """Return rows whose concept turns over in the middle, with features that do not move."""
    return pd.concat([rows(seed, n // 2), rows(seed + 1000, n // 2, sign=-1)])


def numbers(seed: int, n: int = N, *, noise: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    return pd.DataFrame({"a": a, "b": b, "y": a - 2 * b + noise * rng.normal(size=n)})


REGRESSION: dict[str, Any] = {"model": {"class": "sklearn.linear_model.LinearRegression"}}


def test_champion_that_does_as_well_as_on_its_holdout_is_kept(stream: Stream) -> None:
    stream.declare(drift={"performance": {"max_drop": 0.05}}, retrain={"when": "performance"})
    stream.drop("1.csv", rows(1, N))
    stream.drop("2.csv", rows(2, N))

    second = stream.drain().outcomes[1]

    assert second.decision == "kept"
    found = rule(stream, 2, "no performance drop")
    assert found.passed is True
    assert found.note is not None
    assert "balanced_accuracy" in found.note


@pytest.mark.parametrize("when", ["drift", "performance"])
def test_performance_drop_is_a_reason_to_retrain(stream: Stream, when: str) -> None:
    stream.declare(
        drift={"performance": {"max_drop": 0.1, "metric": "accuracy"}}, retrain={"when": when}
    )
    stream.drop("1.csv", rows(1, N))
    stream.drop("2.csv", rows(2, N, sign=-1))

    second = stream.drain().outcomes[1]

    assert second.decision == "promoted"
    assert (second.reason or "").startswith("the champion's performance dropped")
    found = rule(stream, 2, "no performance drop")
    assert found.passed is False
    assert isinstance(found.observed, float)
    assert found.observed > 0.5


def test_regression_drops_are_measured_against_the_loss(stream: Stream) -> None:
    stream.declare(**REGRESSION, drift={"performance": {"max_drop": 0.5, "metric": "mae"}})
    stream.drop("1.csv", numbers(1))
    stream.drop("2.csv", numbers(2, noise=0.55))
    stream.drop("3.csv", numbers(3, noise=1.5))

    stream.drain()

    assert rule(stream, 2, "no performance drop").passed is True
    assert rule(stream, 3, "no performance drop").passed is False


def test_drop_of_a_metric_of_the_other_task_is_refused(stream: Stream) -> None:
    with pytest.raises(SpecError, match=r"drift\.performance\.metric"):
        stream.declare(task="classification", drift={"performance": {"metric": "rmse"}})


def test_unknown_streaming_detector_is_refused(stream: Stream) -> None:
    with pytest.raises(SpecError, match=r"drift\.concept must be one of"):
        stream.declare(drift={"concept": "adwin9"})


def test_concept_drift_inside_a_snapshot_is_located_and_retrained(stream: Stream) -> None:
    stream.declare(drift={"concept": "auto"})
    stream.drop("1.csv", rows(1, N))
    stream.drop("2.csv", rows(2, N))
    stream.drop("3.csv", half_flipped(3))

    third = stream.drain().outcomes[2]

    assert (third.reason or "").startswith("the champion's errors rose (concept drift)")
    assert rule(stream, 2, "no concept drift").passed is True
    found = rule(stream, 3, "no concept drift")
    assert found.passed is False
    assert found.note is not None
    change = int(found.note.split("about row ")[1].split(" ")[0])
    assert abs(change - N // 2) < 50


def test_concept_drift_across_snapshots_needs_the_state_of_the_one_before(stream: Stream) -> None:
    stream.declare(drift={"concept": "auto"}, retrain={"when": "never"})
    first, second = rows(1, N), rows(2, N)
    worse = rows(3, 300)
    worse.loc[:80, "y"] = 1 - worse.loc[:80, "y"]
    for name, frame in (("1.csv", first), ("2.csv", second), ("3.csv", worse)):
        if name == "2.csv":
            stream.declare(drift={"concept": "auto"}, retrain={"when": "drift"})
        stream.drop(name, frame)

    stream.drain()

    assert rule(stream, 2, "no concept drift").passed is True
    assert rule(stream, 3, "no concept drift").passed is False


def test_state_goes_on_from_snapshot_to_snapshot_and_ends_with_a_promotion(stream: Stream) -> None:
    stream.declare(drift={"concept": "auto"})
    stream.drop("1.csv", rows(1, N))
    stream.drop("2.csv", rows(2, N))
    stream.drop("3.csv", rows(3, N))
    stream.drop("4.csv", rows(4, N, sign=-1))

    stream.drain()

    first, second, third, fourth = states(stream)
    assert stream.history()[3].decision == "promoted"
    assert first is None
    assert second is not None
    assert third not in {None, second}
    assert fourth is None
    assert stream.store.artifacts.exists(third or "")


def test_library_detector_watches_across_snapshots(stream: Stream) -> None:
    stream.declare(drift={"concept": "river_adwin"}, retrain={"when": "never"})
    stream.declare(drift={"concept": "river_adwin"})
    stream.drop("1.csv", rows(1, N))
    stream.drop("2.csv", rows(2, N))
    stream.drop("3.csv", rows(3, N, sign=-1))

    stream.drain()

    assert rule(stream, 2, "no concept drift").passed is True
    assert rule(stream, 3, "no concept drift").passed is False


def test_absolute_errors_of_a_regressor_are_watched(stream: Stream) -> None:
    stream.declare(**REGRESSION, drift={"concept": "auto"}, retrain={"when": "performance"})
    stream.drop("1.csv", numbers(1))
    stream.drop("2.csv", numbers(2))
    stream.drop("3.csv", numbers(3, noise=0.9))

    stream.drain()

    assert rule(stream, 2, "no concept drift").passed is True
    assert rule(stream, 3, "no concept drift").passed is False


def test_snapshot_without_labels_gets_estimated_scores(stream: Stream) -> None:
    stream.drop("1.csv", rows(1, N))
    stream.drop("2.csv", rows(2, N).assign(y=np.nan))

    second = stream.drain().outcomes[1]

    assert second.metrics["champion"] is None
    found = estimated(stream, 2)
    value, note = found["accuracy"]
    assert value == pytest.approx(0.9, abs=0.05)
    assert note is not None
    assert "P(y|x)" in note
    sentences = explain(stream.store, "stream", "2.csv")
    (accuracy,) = [one for one in sentences.estimated if one.metric == "accuracy"]
    assert accuracy.lower is not None
    assert accuracy.upper is not None
    assert value is not None
    assert accuracy.lower < value < accuracy.upper
    assert sentences.notes == {}
    said = " ".join(to_sentences(sentences))
    assert f"accuracy {value:.4g} ({accuracy.lower:.4g} to {accuracy.upper:.4g})" in said
    assert "Undefined here" not in said
    line = status(stream.store, "stream").pipeline.metric
    assert line is not None
    assert line.basis == "last snapshot, estimated"
    assert line.lower is not None
    shown = rule(stream, 2, "estimated balanced_accuracy")
    assert shown.passed is True
    assert shown.note is not None
    assert "P(y|x)" in shown.note


def test_snapshot_with_labels_gets_no_estimate(stream: Stream) -> None:
    stream.drop("1.csv", rows(1, N))
    stream.drop("2.csv", rows(2, N))

    stream.drain()

    assert estimated(stream, 2) == {}


def test_estimate_is_untestable_below_200_calibration_rows(stream: Stream) -> None:
    stream.drop("1.csv", rows(1, 400))
    stream.drop("2.csv", rows(2, 400).assign(y=np.nan))

    stream.drain()

    shown = rule(stream, 2, "estimated balanced_accuracy")
    assert shown.passed is None
    assert shown.note == "untestable: needs 200 calibration rows, found 80"
    assert {value for value, _ in estimated(stream, 2).values()} == {None}


def test_regressor_without_labels_gets_estimated_losses(stream: Stream) -> None:
    stream.declare(**REGRESSION, task="regression")
    stream.drop("1.csv", numbers(1))
    stream.drop("2.csv", numbers(2).assign(y=np.nan))

    stream.drain()

    found = estimated(stream, 2)
    assert set(found) == {"mae", "mse", "rmse"}
    assert found["rmse"][0] == pytest.approx(0.5, abs=0.08)


def test_manifest_names_the_holdout_of_each_version(stream: Stream) -> None:
    stream.declare(retrain={"when": "always"})
    stream.drop("1.csv", rows(1, N))
    stream.drop("2.csv", rows(2, N, sign=-1))
    stream.drain()
    store = stream.store

    kept = []
    for version in registry.versions(store.database, "stream"):
        manifest = json.loads(store.artifacts.get(version.manifest))
        kept.append(from_bytes(store.artifacts.get(manifest["holdout"])).holdout)

    assert [len(holdout.truth) for holdout in kept] == [400, 400]
    assert kept[0].rival is None
    assert kept[1].rival is not None
    assert kept[1].cut is not None


def test_holdout_survives_its_bytes() -> None:
    said = Predictions(
        np.array(["no", "yes", "no"], dtype=object),
        np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]),
        ("no", "yes"),
    )
    truth = np.array(["no", "yes", "yes"], dtype=object)
    holdout = Holdout("classification", truth, said, said, "accuracy", 0.01)

    found = from_bytes(to_bytes(Judged(holdout, pa.table({"a": [1, 2, 3]}))))

    assert found.holdout.truth.tolist() == truth.tolist()
    assert found.holdout.predictions.classes == ("no", "yes")
    assert found.holdout.rival is not None
    assert found.holdout.rival.probabilities is not None
    assert said.probabilities is not None
    np.testing.assert_array_equal(found.holdout.rival.probabilities, said.probabilities)
    assert (found.holdout.metric, found.holdout.cut) == ("accuracy", 0.01)
    assert found.features == pa.table({"a": [1, 2, 3]})


def test_foreign_bytes_are_no_holdout() -> None:
    with pytest.raises(ArtifactError, match="no holdout"):
        from_bytes(b"something else")
