"""A deleted pipeline takes its artifacts along, and leaves those of others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.steps.delete import delete
from calmops_flows.steps.drain import drain
from calmops_flows.store.fsck import fsck
from calmops_flows.store.pipelines import load_state, pipeline_names
from calmops_flows.store.references import everywhere
from tests.steps.conftest import Stream, rows


def artifacts(stream: Stream) -> set[str]:
    return {digest for digest, _, _ in stream.store.artifacts.listing()}


def in_days(days: float) -> datetime:
    """Return a time so long after the artifacts were really written."""
    return datetime.now(UTC) + timedelta(days=days)


def add_twin(stream: Stream) -> None:
    """Run a second pipeline over the same files: equal bytes, equal artifacts."""
    spec = load_state(stream.store.database, "stream").spec.model_dump(mode="json", by_alias=True)
    apply(parse_spec({**spec, "name": "twin"}), stream.store)
    drain("twin", stream.store)


def test_deleting_removes_what_nobody_else_names(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drain()
    add_twin(stream)
    stream.drop("2.csv", rows(2, shift=3, sign=-1))
    stream.drain()
    before = artifacts(stream)

    removed = delete(stream.store, "stream", now=in_days(2))

    left = artifacts(stream)
    assert pipeline_names(stream.store.database) == ["twin"]
    assert removed.artifacts == len(before - left) > 0
    assert left == everywhere(stream.store)
    assert fsck(stream.store, now=in_days(2)) == ()


def test_young_artifacts_stay_until_fsck_removes_them(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drain()
    before = artifacts(stream)

    removed = delete(stream.store, "stream", now=in_days(0))

    assert (removed.artifacts, removed.too_young) == (0, len(before))
    assert artifacts(stream) == before
    fsck(stream.store, repair=True, now=in_days(2))
    assert artifacts(stream) == set()


def test_damaged_pipeline_is_deleted_and_all_artifacts_stay(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drain()
    with stream.store.database.read() as connection:
        manifest = connection.exec_driver_sql("SELECT manifest FROM model_versions").scalar_one()
    file = next(stream.store.settings.home.rglob(manifest))
    file.chmod(0o644)
    file.write_bytes(b"{}")
    before = artifacts(stream)

    removed = delete(stream.store, "stream", now=in_days(2))

    assert pipeline_names(stream.store.database) == []
    assert removed.artifacts == 0
    assert f"artifact {manifest[:12]}" in str(removed.problem)
    assert artifacts(stream) == before
