"""Retraining modes through the drain: old rows, what they cost, and what they must not see."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from calmops_flows.data.contract import learn
from calmops_flows.learning import RETRAINERS
from calmops_flows.learning.memory import from_bytes
from calmops_flows.learning.overlap import row_digests
from calmops_flows.learning.retraining import Fitted, TrainingContext
from calmops_flows.read import card
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.registry import version
from tests.steps.conftest import Stream, rows

MODES = pytest.mark.parametrize("mode", RETRAINERS)
BAYES = {"class": "sklearn.naive_bayes.GaussianNB"}


def declare(stream: Stream, mode: str, **more: Any) -> None:
    retrain = {"mode": mode, "when": "always", **more}
    stream.declare(model=BAYES, retrain=retrain)


def drop(stream: Stream, *numbers: int, n: int = 100) -> None:
    for number in numbers:
        stream.drop(f"f{number}.csv", rows(number, n))


def reservoir_of(stream: Stream) -> Any:
    digest = load_state(stream.store.database, "stream").reservoir
    return None if digest is None else from_bytes(stream.store.artifacts.get(digest))


def taught_by(stream: Stream, number: int) -> list[str]:
    return [source.snapshot for source in card(stream.store, "stream", number).sources]


@MODES
def test_mode_runs_through_the_drain(stream: Stream, mode: str) -> None:
    declare(stream, mode)
    drop(stream, 1, 2, 3)

    stream.drain()

    found = stream.history()
    assert [outcome.state for outcome in found] == ["processed"] * 3
    assert all("retrain_failed" not in (outcome.reason or "") for outcome in found)
    assert found[0].decision == "trained"
    number = found[-1].challenger
    assert number is not None
    assert version(stream.store.database, "stream", number).mode == mode
    continued = [o.snapshot for o in found[:2] if o.decision in {"trained", "promoted"}]
    taught = {"full": [], "incremental": continued, "recalibration": continued}
    earlier = taught.get(mode, ["f1.csv", "f2.csv"])
    assert taught_by(stream, number) == [*earlier, "f3.csv"]


def test_window_reaches_over_snapshots(stream: Stream) -> None:
    declare(stream, "window", window_size=250)
    drop(stream, 1, 2, 3, 4)

    stream.drain()

    fitted = version(stream.store.database, "stream", 4)
    assert json.loads(stream.store.artifacts.get(fitted.manifest))["rows"] == 250


def test_scope_all_learns_from_all_kept_rows(stream: Stream) -> None:
    declare(stream, "full", scope="all")
    drop(stream, 1, 2, 3)

    stream.drain()

    fitted = version(stream.store.database, "stream", 3)
    assert json.loads(stream.store.artifacts.get(fitted.manifest))["rows"] == 280


@pytest.mark.parametrize("mode", ["full", "incremental", "window", "recalibration"])
def test_only_modes_that_replay_keep_a_reservoir(stream: Stream, mode: str) -> None:
    declare(stream, mode)
    drop(stream, 1, 2)

    stream.drain()

    assert reservoir_of(stream) is None


def test_reservoir_holds_all_rows_so_far(stream: Stream) -> None:
    declare(stream, "replay_mix")
    drop(stream, 1, 2, 3)

    stream.drain()

    assert reservoir_of(stream).rows.num_rows == 300


def test_reservoir_begins_with_the_snapshots_before_the_mode(stream: Stream) -> None:
    declare(stream, "full")
    drop(stream, 1, 2)
    stream.drain()
    declare(stream, "replay_mix")
    drop(stream, 3)

    stream.drain()

    assert reservoir_of(stream).rows.num_rows == 300


def test_rows_of_a_rewritten_file_leave_the_reservoir(stream: Stream) -> None:
    declare(stream, "replay_mix")
    drop(stream, 1, 2)
    stream.drain()
    stream.drop("f2.csv", rows(9, 60))
    drop(stream, 3)

    stream.drain()

    assert reservoir_of(stream).rows.num_rows == 100 + 60 + 100


def content(frame: pd.DataFrame) -> set[tuple[Any, ...]]:
    return set(frame.round(12).itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("mode", "more"),
    [
        ("window", {"window_size": 10_000}),
        ("replay_mix", {"replay_fraction": 0.9}),
        ("full", {"scope": "all"}),
    ],
)
def test_no_judging_row_teaches_though_a_file_repeats_earlier_rows(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, mode: str, more: dict[str, Any]
) -> None:
    taught: list[set[int]] = []
    real = RETRAINERS[mode]

    def watched(context: TrainingContext) -> Fitted:
        fitted = real(context)
        past = context.before(None) if mode != "replay_mix" else context.replayed(10_000)
        digests = [row_digests(part, context.contract) for part in (past, context.table)]
        taught.append(set(np.concatenate(digests).tolist()))
        return fitted

    monkeypatch.setitem(RETRAINERS, mode, watched)
    stream.declare(
        model=BAYES,
        retrain={"mode": mode, "when": "always", **more},
        evaluation={"refit": False},
    )
    first, second = rows(1, 100), rows(2, 100)
    repeated = pd.concat([second, first.head(20)])  # the last fifth judges: rows of the first file
    stream.drop("f1.csv", first)
    stream.drop("f2.csv", repeated)

    stream.drain()

    judging = pa.Table.from_pandas(repeated.tail(24), preserve_index=False)
    digests = set(row_digests(judging, learn(judging, target="y")).tolist())
    assert len(taught) == 2
    assert not taught[1] & digests
    record = stream.history()[-1]
    assert record.challenger == 2
