from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from calmops_flows.errors import SpecError
from calmops_flows.steps.predictions import from_bytes
from calmops_flows.steps.runner import PlainRunner
from calmops_flows.store.tables import metrics, outbox, predictions
from tests.steps.conftest import Stream, rows


def switch(stream: Stream, **more: object) -> None:
    """Let a pipeline that has a champion only predict from now on."""
    stream.drop("1.csv", rows(1, n=1500))
    stream.drain()
    stream.declare(prediction_only=True, target=None, **more)


def test_champion_predicts_rows_that_have_no_target(stream: Stream) -> None:
    switch(stream)
    stream.drop("2.csv", rows(2).drop(columns="y"))

    (outcome,) = stream.drain().outcomes

    assert (outcome.decision, outcome.champion, outcome.rows) == ("predicted", 1, 400)
    with stream.store.database.read() as connection:
        row = connection.execute(select(predictions)).one()
    said = from_bytes(stream.store.artifacts.get(row.artifact))
    assert (row.version, len(said), said.classes) == (1, 400, (0, 1))
    assert said.probabilities is not None
    assert (said.values == rows(2).y).mean() > 0.8


def test_drift_and_estimated_performance_are_recorded_but_nothing_is_trained(
    stream: Stream,
) -> None:
    switch(stream, retrain={"when": "always"})
    stream.drop("2.csv", rows(2, shift=3).drop(columns="y"))

    (outcome,) = stream.drain().outcomes

    assert (outcome.decision, outcome.challenger) == ("predicted", None)
    assert outcome.drift.columns == ("a", "b")
    with stream.store.database.read() as connection:
        estimated = connection.execute(
            select(metrics.c.metric).where(metrics.c.scope == "estimated")
        ).scalars()
        assert "accuracy" in set(estimated)


def test_open_breaker_does_not_stop_predictions(stream: Stream) -> None:
    switch(stream)
    stream.open_breaker()
    stream.drop("2.csv", rows(2).drop(columns="y"))

    (outcome,) = stream.drain().outcomes

    assert outcome.decision == "predicted"


def test_without_champion_files_stay_pending_and_the_run_says_why(stream: Stream) -> None:
    stream.declare(prediction_only=True, target=None)
    stream.drop("1.csv", rows(1).drop(columns="y"))

    drained = stream.drain()

    assert drained.outcomes == []
    assert [(path, reason[:20]) for path, reason in drained.skipped] == [
        ("1.csv", "waits for a champion")
    ]
    assert [o.state for o in stream.history()] == ["pending"]


def test_files_that_waited_are_predicted_once_there_is_a_champion(stream: Stream) -> None:
    stream.declare(prediction_only=True, target=None)
    stream.drop("2.csv", rows(2))
    for _ in range(4):
        stream.drain()
    stream.declare()
    stream.drop("1.csv", rows(1))

    decided = [(o.snapshot, o.decision) for o in stream.drain().outcomes]

    assert decided == [("1.csv", "trained"), ("2.csv", "kept")]


def test_target_that_is_there_all_the_same_is_scored(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drain()
    stream.declare(prediction_only=True)
    stream.drop("2.csv", rows(2))

    (outcome,) = stream.drain().outcomes

    scores = outcome.metrics["champion"]
    assert outcome.decision == "predicted"
    assert scores is not None
    assert scores["accuracy"] > 0.8  # type: ignore[operator]


def test_predictions_are_exported_under_one_name(tmp_path: Path, stream: Stream) -> None:
    out = tmp_path / "predictions" / "daily"
    stream.declare(predictions={"path": str(out), "probabilities": True})
    stream.drop("1.csv", rows(1))
    stream.drop("june 2.csv", rows(2))

    outcomes = stream.drain().outcomes

    (file,) = out.iterdir()
    assert file.name == f"june_2-{outcomes[1].digest[:16]}.parquet"
    table = pq.read_table(file)
    assert table.column_names == ["prediction", "probability_0", "probability_1"]
    assert table.num_rows == 400


def test_probabilities_are_left_out_unless_asked_for(tmp_path: Path, stream: Stream) -> None:
    stream.declare(predictions={"path": f"file://{tmp_path}/out"})
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2))

    stream.drain()

    (file,) = (tmp_path / "out").iterdir()
    assert pq.read_table(file).column_names == ["prediction"]


def test_predictions_go_to_a_url(stream: Stream) -> None:
    import fsspec

    stream.declare(predictions={"path": "memory://exports/here"})
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2))

    stream.drain()

    (name,) = fsspec.filesystem("memory").find("/exports/here")
    with fsspec.open(f"memory://{name}") as file:
        assert len(pd.read_parquet(file)) == 400


def test_folder_that_cannot_be_written_is_tried_again_by_the_next_run(
    tmp_path: Path, stream: Stream
) -> None:
    blocked = tmp_path / "out"
    blocked.write_text("a file where the folder should be")
    stream.declare(predictions={"path": str(blocked)})
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2))
    outcomes = stream.drain().outcomes
    with stream.store.database.read() as connection:
        waiting = connection.execute(
            select(outbox.c.kind).where(outbox.c.delivered_at.is_(None))
        ).scalars()
        assert list(waiting) == ["calmops.predictions.export"]

    blocked.unlink()
    stream.drain()

    assert [o.decision for o in outcomes] == ["trained", "kept"]
    assert len(list(blocked.iterdir())) == 1


def test_export_needs_no_outside_that_takes_messages(tmp_path: Path, stream: Stream) -> None:
    stream.declare(predictions={"path": str(tmp_path / "out")})
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2))

    stream.drain(runner=PlainRunner(sink=None))

    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize("inside", ["", "out", "a/b"])
def test_predictions_must_not_arrive_as_files(inside: str, stream: Stream) -> None:
    with pytest.raises(SpecError, match=r"lies in source\.path"):
        stream.declare(predictions={"path": str(stream.folder / inside)})
