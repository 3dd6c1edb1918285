from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from calmops_flows.detectors.decision import check
from calmops_flows.errors import SpecError
from calmops_flows.records import DriftReport, Outcome
from calmops_flows.settings import Settings
from calmops_flows.steps import calibrate
from calmops_flows.store import open_store
from calmops_flows.store.history import decision
from calmops_flows.store.tables import (
    contracts,
    label_joins,
    metrics,
    model_versions,
    row_keys,
    snapshots,
)
from tests.steps.conftest import Stream, rows, settled


@dataclass
class Delayed:
    """A stream whose labels come in files of their own."""

    stream: Stream
    folder: Path

    def declare(self, *, wait: bool = True, **more: Any) -> None:
        labels = {"path": str(self.folder), "key": "id", "wait": wait, **more.pop("labels", {})}
        self.stream.declare(labels=labels, **more)

    def data(self, name: str, frame: pd.DataFrame, first: int, *, labelled: bool = False) -> None:
        """Drop rows with keys from ``first`` on, with or without their labels."""
        keyed = frame.assign(id=np.arange(first, first + len(frame)))
        self.stream.drop(name, keyed if labelled else keyed.drop(columns="y"))

    def labels(self, name: str, frame: pd.DataFrame, first: int, part: slice = slice(None)) -> None:
        """Drop the labels of some of the rows."""
        keyed = pd.DataFrame({"id": np.arange(first, first + len(frame)), "y": frame.y})[part]
        keyed.to_csv(self.folder / name, index=False)
        settled(self.folder / name)

    def drain(self) -> list[Outcome]:
        return self.stream.drain().outcomes

    def realised(self) -> dict[str, dict[str, float | None]]:
        """Return the realised scores by snapshot."""
        query = (
            select(snapshots.c.path, metrics.c.metric, metrics.c.value)
            .join(snapshots, snapshots.c.id == metrics.c.snapshot_id)
            .where(metrics.c.scope == "realised")
        )
        found: dict[str, dict[str, float | None]] = {}
        with self.stream.store.database.read() as connection:
            for path, metric, value in connection.execute(query):
                found.setdefault(path, {})[metric] = value
        return found

    def coverage(self) -> dict[str, tuple[int, int]]:
        """Return labelled and contradicted rows by snapshot, after its last label file."""
        query = (
            select(snapshots.c.path, label_joins.c.labelled, label_joins.c.contradictions)
            .join(snapshots, snapshots.c.id == label_joins.c.snapshot_id)
            .order_by(label_joins.c.position)
        )
        with self.stream.store.database.read() as connection:
            return {row.path: (row[1], row[2]) for row in connection.execute(query)}


@pytest.fixture
def delayed(tmp_path: Path, stream: Stream) -> Delayed:
    folder = tmp_path / "labels"
    folder.mkdir()
    opened = Delayed(stream, folder)
    opened.declare()
    return opened


def start(delayed: Delayed, **second: Any) -> pd.DataFrame:
    """Train on labelled rows, then let unlabelled ones arrive; return these with the truth."""
    delayed.data("1.csv", rows(1), 0, labelled=True)
    frame = rows(2, **second)
    delayed.data("2.csv", frame, 1000)
    delayed.drain()
    return frame


def test_rows_without_labels_wait_for_them(delayed: Delayed) -> None:
    start(delayed)

    first, second = delayed.stream.history()

    assert (first.decision, second.decision) == ("trained", "awaiting_labels")
    assert second.reason == "0 of 400 rows are labelled; training waits for the labels"
    assert second.metrics["champion"] is None


def test_labels_score_the_predictions_that_were_made(delayed: Delayed) -> None:
    frame = start(delayed)
    delayed.labels("june.csv", frame, 1000)

    (outcome,) = delayed.drain()

    assert (outcome.snapshot, outcome.decision) == ("labels:june.csv", "kept")
    assert outcome.rows == 400
    scores = outcome.metrics["champion"]
    assert scores is not None
    assert delayed.realised()["2.csv"] == pytest.approx(scores)
    assert delayed.coverage() == {"2.csv": (400, 0)}


def test_outcome_of_the_rows_is_not_rewritten_by_their_labels(delayed: Delayed) -> None:
    frame = start(delayed)
    before = delayed.stream.history()[1]
    delayed.labels("june.csv", frame, 1000)

    delayed.drain()

    assert delayed.stream.history()[1] == before


def test_labels_of_a_new_concept_promote_a_model_that_learnt_them(delayed: Delayed) -> None:
    delayed.declare(drift={"performance": {"max_drop": 0.1}}, retrain={"when": "performance"})
    frame = start(delayed, sign=-1)
    delayed.labels("june.csv", frame, 1000)

    (outcome,) = delayed.drain()

    assert (outcome.decision, outcome.champion) == ("promoted", 2)
    assert outcome.reason is not None
    assert outcome.reason.startswith("the champion's performance dropped")


def test_first_model_is_trained_when_the_first_labels_come(delayed: Delayed) -> None:
    frame = rows(1)
    delayed.data("1.csv", frame, 0)
    delayed.drain()
    delayed.labels("1.csv", frame, 0)

    (outcome,) = delayed.drain()

    assert (outcome.decision, outcome.champion) == ("trained", 1)
    with delayed.stream.store.database.read() as connection:
        assert connection.execute(select(contracts.c.version)).scalars().all() == [1, 2]
        assert connection.execute(select(model_versions.c.snapshot_id)).scalar() == 2


def test_key_is_no_feature_and_does_not_drift(delayed: Delayed) -> None:
    start(delayed)

    second = delayed.stream.history()[1]

    assert second.drift.is_drift is False
    with delayed.stream.store.database.read() as connection:
        manifest = connection.execute(select(model_versions.c.manifest)).scalar_one()
    assert b'"id":"key"' in delayed.stream.store.artifacts.get(manifest)


def test_labels_that_come_before_their_rows_wait_for_them(delayed: Delayed) -> None:
    delayed.data("1.csv", rows(1), 0, labelled=True)
    delayed.drain()
    frame = rows(2)
    delayed.labels("june.csv", frame, 1000)
    (early,) = delayed.drain()
    delayed.data("2.csv", frame, 1000)

    (outcome,) = delayed.drain()

    assert (early.decision, early.rows) == ("kept", 0)
    assert early.reason == "the rows of these keys have not come yet; the labels wait for them"
    assert outcome.decision == "kept"
    assert outcome.metrics["champion"] == pytest.approx(delayed.realised()["2.csv"])


def test_labels_before_everything_else_train_the_first_rows(delayed: Delayed) -> None:
    frame = rows(1)
    delayed.labels("a.csv", frame, 0)
    delayed.drain()
    delayed.data("1.csv", frame, 0)

    (outcome,) = delayed.drain()

    assert outcome.decision == "trained"


def test_same_labels_again_change_nothing(delayed: Delayed) -> None:
    delayed.declare(retrain={"when": "always"})
    frame = start(delayed)
    delayed.labels("june.csv", frame, 1000)
    delayed.drain()
    before = (delayed.realised(), delayed.coverage())
    delayed.labels("june again.csv", frame, 1000)

    (outcome,) = delayed.drain()

    assert (outcome.decision, outcome.challenger) == ("kept", None)
    assert outcome.reason == "the file brings no label that is new"
    assert (delayed.realised(), delayed.coverage()) == before


def test_last_file_by_name_decides_and_contradictions_are_counted(delayed: Delayed) -> None:
    frame = start(delayed)
    wrong = frame.assign(y=1 - frame.y)
    delayed.labels("part10.csv", frame, 1000)
    delayed.drain()
    delayed.labels("part9.csv", wrong, 1000, slice(0, 40))

    (outcome,) = delayed.drain()

    record = decision(delayed.stream.store.database, 4)
    assert outcome.decision == "kept"
    assert delayed.coverage()["2.csv"] == (400, 40)
    assert delayed.realised()["2.csv"]["accuracy"] > 0.8  # type: ignore[operator]
    assert record is not None
    assert any("40 rows were given different labels" in said for said in record.warnings)


def test_few_labels_add_up_until_there_are_enough_to_learn_from(delayed: Delayed) -> None:
    delayed.declare(retrain={"when": "always"})
    frame = start(delayed, sign=-1)
    delayed.labels("a.csv", frame, 1000, slice(0, 8))
    delayed.labels("b.csv", frame, 1000, slice(8, 300))

    few, many = delayed.drain()

    assert (few.decision, few.rows) == ("awaiting_labels", 8)
    assert (many.decision, many.rows) == ("promoted", 300)


def test_rows_that_taught_a_model_do_not_judge_it_again(delayed: Delayed) -> None:
    delayed.declare(retrain={"when": "always"})
    frame = start(delayed, sign=-1)
    delayed.labels("a.csv", frame, 1000, slice(0, 300))
    delayed.drain()
    delayed.labels("b.csv", frame, 1000, slice(200, 400))

    (outcome,) = delayed.drain()

    assert outcome.rows == 100


def test_without_waiting_the_labels_at_hand_are_learnt_from(delayed: Delayed) -> None:
    delayed.declare(wait=False, retrain={"when": "always"})
    delayed.data("1.csv", rows(1), 0, labelled=True)
    frame = rows(2, n=700, sign=-1).assign(id=np.arange(1000, 1700))
    frame.loc[300:, "y"] = np.nan
    delayed.stream.drop("2.csv", frame)

    decided = [o.decision for o in delayed.drain()]

    assert decided == ["trained", "promoted"]


def test_prediction_only_pipeline_realises_its_performance_and_trains_nothing(
    delayed: Delayed,
) -> None:
    frame = start(delayed, sign=-1)
    delayed.declare(prediction_only=True, retrain={"when": "always"})
    third = rows(3)
    delayed.data("3.csv", third, 2000)
    delayed.labels("both.csv", pd.concat([frame, third]), 1000, slice(0, 0))
    both = pd.DataFrame({"id": [*range(1000, 1400), *range(2000, 2400)], "y": [*frame.y, *third.y]})
    both.to_csv(delayed.folder / "both.csv", index=False)
    settled(delayed.folder / "both.csv")

    outcomes = delayed.drain()

    assert {o.challenger for o in outcomes} == {None}
    assert set(delayed.realised()) == {"2.csv", "3.csv"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id,z\n1,2\n", "missing_column: a label file needs 'id' and 'y'"),
        ("id,y\n", "header_only"),
        ("id,y\n1000,\n", "no_labels: no row has both a key and a label"),
        ("id,y\n1000,late\n", "column_type: column 'y'"),
        ('id,y\n1000,"1', "csv_"),
    ],
)
def test_bad_label_file_is_set_aside(text: str, reason: str, delayed: Delayed) -> None:
    start(delayed)
    (delayed.folder / "bad.csv").write_text(text)
    settled(delayed.folder / "bad.csv")

    (outcome,) = delayed.stream.drain().quarantined

    assert outcome.snapshot == "labels:bad.csv"
    assert outcome.reason is not None
    assert outcome.reason.startswith(reason)


def test_rows_with_a_key_twice_are_set_aside(delayed: Delayed) -> None:
    frame = rows(1).assign(id=7)
    delayed.stream.drop("1.csv", frame)

    (outcome,) = delayed.stream.drain().quarantined

    assert outcome.reason is not None
    assert outcome.reason.startswith("duplicate_key: labels.key must name one row each")


def test_unlabelled_rows_without_key_are_set_aside(delayed: Delayed) -> None:
    delayed.stream.drop("1.csv", rows(1))
    delayed.stream.drop("2.csv", rows(2).drop(columns="y"))

    drained = delayed.stream.drain()

    assert [o.decision for o in drained.outcomes] == ["trained"]
    assert [o.reason[:14] for o in drained.quarantined if o.reason] == ["missing_column"]


def test_other_name_and_type_of_the_columns_still_join(delayed: Delayed) -> None:
    delayed.declare(labels={"target": "truth"})
    frame = start(delayed)
    table = pd.DataFrame({"id": np.arange(1000, 1400).astype(float), "truth": frame.y})
    table.to_parquet(delayed.folder / "june.parquet")
    settled(delayed.folder / "june.parquet")

    (outcome,) = delayed.drain()

    assert (outcome.decision, outcome.rows) == ("kept", 400)


def test_regression_is_realised_too(delayed: Delayed) -> None:
    delayed.declare(model={"class": "sklearn.linear_model.Ridge"}, task="regression")
    rng = np.random.default_rng(0)
    frame = rows(1)
    frame["y"] = frame.a + rng.normal(0, 0.1, 400)
    delayed.data("1.csv", frame, 0, labelled=True)
    later = rows(2)
    later["y"] = later.a.round()
    delayed.data("2.csv", later, 1000)
    delayed.drain()
    delayed.labels("a.csv", later.assign(y=later.y.astype(int)), 1000, slice(0, 50))
    delayed.labels("b.csv", later.assign(y=later.y + 0.25), 1000, slice(50, 100))

    delayed.drain()

    assert delayed.coverage()["2.csv"] == (100, 0)
    assert 0.1 < (delayed.realised()["2.csv"]["rmse"] or 0) < 0.6


@pytest.mark.parametrize(
    ("folder", "pattern"), [("", "*"), ("inside", "*"), ("..", "*.csv")], ids=str
)
def test_labels_must_not_arrive_as_data(folder: str, pattern: str, stream: Stream) -> None:
    with pytest.raises(SpecError, match="overlap"):
        stream.declare(
            labels={
                "path": str(stream.folder / folder),
                "key": "id",
                "pattern": "*" if folder == ".." else pattern,
            }
        )


def test_label_file_of_the_name_of_a_data_file_is_another_file(delayed: Delayed) -> None:
    frame = start(delayed)
    delayed.labels("2.csv", frame, 1000)

    delayed.drain()

    assert [o.snapshot for o in delayed.stream.history()] == ["1.csv", "2.csv", "labels:2.csv"]


def test_data_file_named_like_a_label_file_is_a_data_file(delayed: Delayed) -> None:
    frame = start(delayed)
    delayed.labels("3.csv", frame, 1000)
    delayed.data("labels:3.csv", rows(3), 2000, labelled=True)

    delayed.drain()
    again = delayed.drain()

    told = [(o.snapshot, o.rows, o.decision) for o in delayed.stream.history()[2:]]
    assert told == [("labels:3.csv", 400, "kept"), ("labels%3A3.csv", 400, "kept")]
    assert again == []


def test_key_is_not_compared_when_alarms_are_measured(
    delayed: Delayed, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed.data("1.csv", rows(1), 0, labelled=True)
    delayed.data("2.csv", rows(2), 1000, labelled=True)
    delayed.drain()
    compared: set[str] = set()

    def watched(*args: Any) -> DriftReport:
        report = check(*args)
        compared.update(test.name for test in report.columns)
        return report

    monkeypatch.setattr(calibrate, "check", watched)
    calibrate.calibrate(delayed.stream.store, "stream", n_splits=20, rng=np.random.default_rng(0))

    assert compared == {"a", "b", "c", "y"}


FRAME = rows(2, n=30)
TRUTH = dict(enumerate(FRAME.y.tolist(), start=1000))


@st.composite
def label_files(draw: st.DrawFn) -> list[tuple[str, dict[int, int]]]:
    """Draw overlapping, partly wrong files, some twice, some with keys that never come."""
    n = draw(st.integers(1, 4))
    keys = st.integers(1000, 1034)
    files = [
        (f"part{i}.csv", draw(st.dictionaries(keys, st.integers(0, 1), min_size=1, max_size=20)))
        for i in range(n)
    ]
    again = draw(st.sampled_from([None, *range(n)]))
    return files if again is None else [*files, (f"part{n}.csv", files[again][1])]


@settings(max_examples=4, deadline=None)
@given(files=label_files(), data=st.data())
def test_order_and_partition_of_label_files_do_not_matter(
    files: list[tuple[str, dict[int, int]]], data: st.DataObject, tmp_path_factory: Any
) -> None:
    order = data.draw(st.permutations(files))
    early = data.draw(st.integers(0, len(files)))
    root = tmp_path_factory.mktemp("orders")

    found = [
        realise(root / "sorted", files, early=0, at_once=True),
        realise(root / "drawn", order, early=early, at_once=False),
    ]

    assert found[0] == found[1]
    winners = {k: v for _, labels in sorted(files) for k, v in labels.items() if k in TRUTH}
    assert found[0][1].get("2.csv", (0, 0))[0] == len(winners)


def realise(
    root: Path, files: list[tuple[str, dict[int, int]]], *, early: int, at_once: bool
) -> tuple[Any, Any]:
    """Drain label files in an order, ``early`` of them before their rows; return the end."""
    source, labels = root / "source", root / "labels"
    source.mkdir(parents=True)
    labels.mkdir()
    with open_store(Settings(home=root / "home")) as store:
        delayed = Delayed(Stream(store, source), labels)
        delayed.declare(retrain={"when": "never"})
        delayed.data("1.csv", rows(1), 0, labelled=True)
        delayed.drain()
        for position, (name, said) in enumerate([*files[:early], ("", {}), *files[early:]]):
            if position == early:
                delayed.data("2.csv", FRAME, 1000)
                delayed.drain()
                continue
            pd.DataFrame({"id": said.keys(), "y": said.values()}).to_csv(labels / name, index=False)
            settled(labels / name)
            if not at_once:
                delayed.drain()
        delayed.drain()
        return delayed.realised(), delayed.coverage()


def test_keys_of_rows_and_labels_are_kept(delayed: Delayed) -> None:
    frame = start(delayed)
    delayed.labels("june.csv", frame, 1000, slice(0, 3))

    delayed.drain()

    with delayed.stream.store.database.read() as connection:
        found = connection.execute(
            select(row_keys.c.n_keys, row_keys.c.low, row_keys.c.high).order_by(
                row_keys.c.snapshot_id
            )
        ).all()
    assert [tuple(row) for row in found] == [
        (400, "0", "99"),
        (400, "1000", "1399"),
        (3, "1000", "1002"),
    ]
