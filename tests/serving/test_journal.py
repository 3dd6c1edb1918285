"""What was answered becomes files that the pipeline takes in, and labels find their rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from calmops_flows import faults
from calmops_flows.errors import SpecError
from calmops_flows.serving.answer import Answer, Question, answer
from calmops_flows.serving.journal import Journal, Rotation
from calmops_flows.serving.limits import Limits
from calmops_flows.serving.model import load_served
from calmops_flows.serving.problems import to_json
from calmops_flows.serving.run import Address, prepare
from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from calmops_flows.store.history import history
from tests.serving.served import RECORD, Client, more_files, rows, serving, trained

START = datetime(2013, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def said(server: Client) -> Answer:
    """One answer of the pipeline without delayed labels."""
    body = to_json({"dataframe_records": [RECORD, RECORD]})
    question = Question(body, "application/json", "mine", gives_ids=True)
    return answer(question, load_served(server.store, "stream", 1), Limits())


def logged(folder: Path) -> list[dict[str, object]]:
    """Return all rows, file by file."""
    files = sorted(folder.rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_rows_are_written_when_they_are_many_or_old(tmp_path: Path, said: Answer) -> None:
    clock = Clock()
    journal = Journal(tmp_path, Rotation(rows=5, seconds=60), clock)
    counts = []
    for _ in range(3):
        journal.add(said)
        journal.rotate()
        counts.append(len(logged(tmp_path)))
    journal.add(said)
    clock.now += timedelta(seconds=61)
    journal.rotate()

    # the same answer three times has the same ids, and each row is written once
    assert [*counts, len(list(tmp_path.rglob("*.parquet")))] == [0, 0, 2, 2]
    first = logged(tmp_path)[0]
    assert {name: first[name] for name in RECORD} == RECORD
    assert (first["calmops_prediction"], first["calmops_version"]) == (1, 1)
    assert first["calmops_id"] == said.ids[0]
    assert first["calmops_at"] == START


def test_folder_that_refuses_costs_no_row(tmp_path: Path, said: Answer) -> None:
    (tmp_path / "stream").write_text("in the way")
    journal = Journal(tmp_path, Rotation(held_rows=4), Clock())
    for _ in range(3):
        journal.add(said)
        journal.rotate(is_last=True)
    refused = (journal.fault, journal.dropped)
    (tmp_path / "stream").unlink()
    journal.rotate(is_last=True)

    assert refused[0] is not None
    assert (refused[1], journal.fault, len(logged(tmp_path))) == (2, None, 2)


@pytest.mark.parametrize("side", ["before", "after"])
def test_fault_while_a_file_is_written_leaves_whole_files(
    tmp_path: Path, said: Answer, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    faults._passages.clear()
    monkeypatch.setenv("CALMOPS_FAULT", f"serving.log.{side}:1:enospc")
    journal = Journal(tmp_path, Rotation(), Clock())
    journal.add(said)

    journal.rotate(is_last=True)
    fault, files = journal.fault, len(logged(tmp_path))
    journal.rotate(is_last=True)

    assert "No space left" in str(fault)
    assert (files, len(logged(tmp_path))) == ((0, 2) if side == "before" else (2, 2))


def test_answers_come_back_as_a_snapshot_and_labels_find_their_rows(tmp_path: Path) -> None:
    home, log, truth = tmp_path / "home", tmp_path / "log", tmp_path / "truth"
    truth.mkdir()
    first = rows(1).assign(id=np.arange(400))
    with open_store(Settings(home=home)) as store:
        labels = {"path": str(truth), "key": "id"}
        trained(store, log / "stream", first, labels=labels)
    frame = rows(2, 60)
    records = frame.drop(columns="y").to_dict("records")
    for number, record in enumerate(records[:20]):
        record["id"] = f"order-{number}"
    with serving(home, "stream", log=log) as client:
        answered = [
            client.predict(*records[place : place + 10]).json() for place in range(0, 60, 10)
        ]
    ids = [name for one in answered for name in one["ids"]]
    with open_store(Settings(home=home)) as store:
        more_files(store, "stream")
        frame.assign(id=ids)[["id", "y"]].to_csv(truth / "labels.csv", index=False)
        more_files(store, "stream")
        outcomes = history(store.database, "stream")

    assert ids[:20] == [f"order-{number}" for number in range(20)]
    assert len(set(ids)) == 60
    served, labelled = outcomes[1:]
    assert (served.state, served.rows, served.decision) == ("processed", 60, "awaiting_labels")
    assert (labelled.state, labelled.rows) == ("processed", 60)
    assert labelled.metrics["champion"] is not None
    assert (labelled.metrics["champion"]["accuracy"] or 0) > 0.9


def test_rows_after_user_code_are_no_source_and_refused(tmp_path: Path) -> None:
    code = tmp_path / "prepare.py"
    code.write_text("def prepare(frame):\n    return frame.drop(columns='y'), frame['y']\n")
    with open_store(Settings(home=tmp_path / "home")) as store:
        trained(store, tmp_path / "source", rows(1), preprocess={"function": f"{code}:prepare"})

        with pytest.raises(SpecError, match="preprocess"):
            prepare(store, ("stream",), Address(port=0), log=tmp_path / "log")
