from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calmops_flows.errors import NotFoundError
from calmops_flows.read import explain, to_sentences
from calmops_flows.read.sources import find_sources
from calmops_flows.reports import drift, drift_document
from calmops_flows.reports.evidently_report import Rendered
from calmops_flows.store import Store
from calmops_flows.store.pipelines import delete_pipeline
from tests.steps.conftest import Stream, rows, stream  # noqa: F401 - a fixture

NOW = datetime(2013, 2, 1, tzinfo=UTC)


@pytest.fixture
def drained(stream: Stream) -> Stream:  # noqa: F811 - it is the fixture
    stream.declare(retrain={"when": "never"})
    stream.drop("a.csv", rows(1))
    stream.drop("b.csv", rows(2, shift=1.0))
    stream.drain()
    return stream


@pytest.mark.slow
def test_report_is_rendered_once_kept_and_linked(drained: Stream) -> None:
    first = drift_document(drained.store, "stream", "b.csv", now=NOW)
    second = drift_document(drained.store, "stream", "b.csv", now=NOW)

    assert (first.is_new, second.is_new) == (True, False)
    assert second.html == first.html == drained.store.artifacts.get(first.artifact)
    found = explain(drained.store, "stream", "b.csv")
    assert found.reports == {"evidently": first.artifact}
    assert any("report by evidently" in sentence for sentence in to_sentences(found))
    delete_pipeline(drained.store.database, "stream", now=NOW)


def test_snapshot_without_a_reference_has_no_report(drained: Stream) -> None:
    with pytest.raises(NotFoundError, match="compared with no reference"):
        drift_document(drained.store, "stream", "a.csv", now=NOW)


def test_sources_are_the_copies_that_were_compared(drained: Stream) -> None:
    first = find_sources(drained.store, "stream", "a.csv")
    second = find_sources(drained.store, "stream", "b.csv")

    assert second.reference_data == first.current_data
    assert first.reference_profile is None
    assert set(second.drifted) >= {"a", "b"}


def test_lost_copy_falls_back_to_the_sample_of_the_profile(drained: Stream) -> None:
    sources = find_sources(drained.store, "stream", "b.csv")
    remove(drained.store, sources.reference_data)

    rows_shown = drift._reference(drained.store, sources)

    assert {"a", "b", "c"} <= set(rows_shown.column_names)
    assert rows_shown.num_rows == 400


def test_lost_rows_of_the_snapshot_are_named(drained: Stream) -> None:
    remove(drained.store, find_sources(drained.store, "stream", "b.csv").current_data)

    with pytest.raises(NotFoundError, match=r"b\.csv.*not kept any more"):
        drift_document(drained.store, "stream", "b.csv", now=NOW)


def test_large_copy_is_sampled_alike_at_every_call(drained: Stream) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": range(30_000)}), sink)
    digest = drained.store.artifacts.put(bytes(sink.getvalue()))

    sample = drift._rows(drained.store, digest)

    assert sample is not None
    assert sample.num_rows == drift.MAX_ROWS
    assert sample == drift._rows(drained.store, digest)


def test_key_of_delayed_labels_is_not_shown(
    stream: Stream,  # noqa: F811 - it is the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream.declare(labels={"path": str(tmp_path / "labels"), "key": "c"}, retrain={"when": "never"})
    for number in (1, 2):
        frame = rows(number)
        stream.drop(f"{number}.csv", frame.assign(c=frame.index + 1000 * number))
    stream.drain()
    shown: list[list[str]] = []

    def watched(reference: pa.Table, current: pa.Table, *, first: Sequence[str]) -> Rendered:
        shown.extend([reference.column_names, current.column_names])
        return Rendered(f"page of {first}".encode())

    monkeypatch.setattr(drift, "render", watched)
    drift_document(stream.store, "stream", "2.csv", now=NOW)

    assert shown == [["a", "b", "y"]] * 2


def remove(store: Store, digest: str | None) -> None:
    assert digest is not None
    assert store.artifacts._local is not None
    (store.artifacts._local / store.artifacts._key(digest)).unlink()
