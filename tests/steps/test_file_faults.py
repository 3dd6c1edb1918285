"""Files as they come in real life: each is processed, waited for, or set aside with a reason."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from calmops_flows.records import Outcome
from calmops_flows.steps.runner import PlainRunner
from tests.steps.conftest import Stream, rows, settled

NAMES = [
    "a,b.csv",
    "new\nline.csv",
    "quote'\".csv",
    "emoji \N{SNAKE}.csv",
    "-rf.csv",
    " spaces .csv",
    "percent%41.csv",
    "[red]markup.csv",
    "x" * 251 + ".csv",
]


@pytest.fixture
def trained(stream: Stream) -> Stream:
    stream.drop("0.csv", rows(0))
    stream.drain()
    return stream


def put(stream: Stream, name: str, content: bytes) -> Path:
    file = stream.folder / name
    file.write_bytes(content)
    return settled(file)


def csv_of(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def last(stream: Stream) -> Outcome:
    return stream.history()[-1]


@pytest.mark.parametrize("name", NAMES)
def test_file_of_any_name_is_processed_once(trained: Stream, name: str) -> None:
    trained.drop(name, rows(1))

    first, second = trained.drain(), trained.drain()

    assert [o.decision for o in first.outcomes] == ["kept"]
    assert second.outcomes == []


def test_file_whose_name_is_not_text_is_processed_once(trained: Stream) -> None:
    name = os.fsencode(trained.folder) + b"/caf\xe9.csv"
    Path(os.fsdecode(name)).write_bytes(csv_of(rows(1)))
    settled(Path(os.fsdecode(name)))

    outcomes = trained.drain().outcomes

    assert [(o.snapshot, o.state) for o in outcomes] == [("caf%E9.csv", "processed")]
    assert trained.drain().outcomes == []


def test_rewrite_with_the_same_size_and_time_is_seen(trained: Stream) -> None:
    file = put(trained, "1.csv", csv_of(rows(1)))
    trained.drain()
    content = file.read_bytes()

    swapped = content.replace(b"x", b"q").replace(b"y\n", b"y\n", 1).replace(b"q", b"z")
    put(trained, "1.csv", swapped)
    trained.drain()

    old, new = trained.history()[1:]
    assert len(swapped) == len(content)
    assert (old.state, new.state) == ("processed", "processed")
    assert old.digest != new.digest


def test_replacement_with_an_older_time_is_seen(trained: Stream) -> None:
    trained.drop("1.csv", rows(1))
    trained.drain()
    file = put(trained, "1.csv", csv_of(rows(2)))
    os.utime(file, (1_000_000_000, 1_000_000_000))

    assert [o.decision for o in trained.drain().outcomes] == ["kept"]


def test_file_rewritten_before_its_turn_is_superseded(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2))

    class Rewriting(PlainRunner):
        def progress(self, done: int, total: int, outcome: Outcome | None) -> None:  # noqa: ARG002
            if done == 1:
                stream.drop("2.csv", rows(3))

    stream.drain(runner=Rewriting())

    states = [(o.snapshot, o.state) for o in stream.history()]
    assert states == [("1.csv", "processed"), ("2.csv", "superseded"), ("2.csv", "processed")]


def test_identical_copy_is_a_duplicate(trained: Stream) -> None:
    shutil.copy2(trained.folder / "0.csv", trained.folder / "copy.csv")

    assert trained.drain().outcomes == []
    assert last(trained).state == "duplicate"


def test_file_renamed_into_place_is_found(trained: Stream) -> None:
    part = trained.folder / "1.csv.tmp"
    part.write_bytes(csv_of(rows(1)))
    assert trained.drain().outcomes == []

    part.rename(trained.folder / "1.csv")

    assert [o.snapshot for o in trained.drain().outcomes] == ["1.csv"]


def test_fresh_file_waits_until_it_has_settled(trained: Stream) -> None:
    trained.declare(source={"path": str(trained.folder), "settle_seconds": 60})
    file = trained.folder / "1.csv"
    file.write_bytes(csv_of(rows(1)))
    moment = trained.now.timestamp()
    os.utime(file, (moment, moment))

    early = trained.drain(wait=False)
    trained.later(seconds=61)
    late = trained.drain(wait=False)

    assert (early.outcomes, early.waiting) == ([], ("1.csv",))
    assert [o.snapshot for o in late.outcomes] == ["1.csv"]


def test_run_waits_for_a_file_that_is_still_growing(stream: Stream) -> None:
    import threading
    import time
    from datetime import UTC, datetime

    from calmops_flows.steps.drain import drain

    stream.declare(source={"path": str(stream.folder), "settle_seconds": 0.6})
    content = csv_of(rows(1)).splitlines(keepends=True)

    def write() -> None:
        with (stream.folder / "1.csv").open("wb") as file:
            for start in range(0, len(content), 100):
                file.writelines(content[start : start + 100])
                file.flush()
                time.sleep(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    drained = drain("stream", stream.store, now=lambda: datetime.now(UTC))
    writer.join()

    assert [(o.snapshot, o.rows) for o in drained.outcomes] == [("1.csv", 400)]


def test_parquet_cut_anywhere_is_quarantined_and_the_others_go_on(trained: Stream) -> None:
    buffer = io.BytesIO()
    rows(1, 3000).to_parquet(buffer)
    whole = buffer.getvalue()
    cuts = range(4096, len(whole), 4096)
    for cut in cuts:
        put(trained, f"cut{cut}.parquet", whole[:cut])
    put(trained, "whole.parquet", whole)

    drained = trained.drain()

    assert len(cuts) > 5
    assert [o.snapshot for o in drained.outcomes] == ["whole.parquet"]
    assert {o.state for o in drained.quarantined} == {"quarantined"}
    assert all("parquet" in (o.reason or "") for o in drained.quarantined)


BAD = {
    "cut in a row": (b"a,b,c,y\n1,2,x,0\n1,2", "csv"),
    "cut in quotes": (b'a,b,c,y\n1,2,x,0\n1,2,"x', "csv"),
    "cut in a character": ("a,b,c,y\n1,2,x,0\n1,2,\N{EURO SIGN}".encode()[:-1], "csv_cut"),
    "empty": (b"", "empty_file"),
    "header only": (b"a,b,c,y\n", "header_only"),
    "NUL bytes": (b"a,b,c,y\n1,2,x\0,0\n", "nul_bytes"),
    "twice the same column": (b"a,b,b,y\n1,2,3,0\n", "duplicate_column"),
    "without a column": (b"a,c,y\n1,x,0\n", "missing_column"),
    "text for a number": (b"a,b,c,y\n1,two,x,0\n", "column_type"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_file_is_set_aside_with_a_reason_and_the_run_goes_on(
    trained: Stream, case: str
) -> None:
    content, reason = BAD[case]
    put(trained, "1 bad.csv", content)
    trained.drop("2 good.csv", rows(2))

    drained = trained.drain()

    assert [o.snapshot for o in drained.outcomes] == ["2 good.csv"]
    (bad,) = drained.quarantined
    assert bad.reason is not None
    assert reason in bad.reason


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encoding_is_detected(trained: Stream, encoding: str) -> None:
    frame = rows(1).assign(c="caf\N{LATIN SMALL LETTER E WITH ACUTE} cr\xe8me")
    put(trained, "1.csv", frame.to_csv(index=False).encode(encoding))

    assert [o.rows for o in trained.drain().outcomes] == [400]


def test_what_is_no_plain_file_is_skipped_with_a_reason(trained: Stream, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_bytes(csv_of(rows(1)))
    (trained.folder / "link.csv").symlink_to(outside)
    os.mkfifo(trained.folder / "pipe.csv")
    (trained.folder / "folder.csv").mkdir()

    drained = trained.drain()

    assert drained.outcomes == []
    assert {path for path, _ in drained.skipped} >= {"link.csv", "pipe.csv"}
    assert len(trained.history()) == 1


class Meddling(PlainRunner):
    """Changes the file just before it is read."""

    def __init__(self, change) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.change = change
        self.done = False

    def step(self, name, label, call):  # type: ignore[no-untyped-def]
        if name == "ingest" and not self.done:
            self.done = True
            self.change()
        return super().step(name, label, call)


def test_file_deleted_before_it_is_read_is_set_aside_and_taken_when_it_returns(
    trained: Stream,
) -> None:
    file = trained.drop("1.csv", rows(1))
    content = file.read_bytes()

    drained = trained.drain(runner=Meddling(file.unlink))
    put(trained, "1.csv", content)
    again = trained.drain()

    assert [o.reason for o in drained.quarantined] == [
        "vanished: the file is no longer in the source"
    ]
    assert [o.snapshot for o in again.outcomes] == ["1.csv"]


def test_file_replaced_before_it_is_read_is_processed_as_what_it_is_now(trained: Stream) -> None:
    trained.drop("1.csv", rows(1))

    drained = trained.drain(runner=Meddling(lambda: trained.drop("1.csv", rows(2, 333))))

    assert [(o.snapshot, o.rows) for o in drained.outcomes] == [("1.csv", 333)]
    assert [o.state for o in trained.history()] == ["processed", "superseded", "processed"]


def test_extra_and_reordered_columns_are_fine_and_the_extra_one_is_noted(trained: Stream) -> None:
    from calmops_flows.store.history import decision

    trained.drop("1.csv", rows(1).assign(new=1)[["y", "new", "c", "b", "a"]])

    (outcome,) = trained.drain().outcomes

    record = decision(trained.store.database, 2)
    assert outcome.decision == "kept"
    assert record is not None
    assert any("new" in warning for warning in record.warnings)
