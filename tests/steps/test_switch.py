from __future__ import annotations

import pytest

from calmops_flows.errors import DigestMismatchError, NotFoundError, SpecError, StaleRunError
from calmops_flows.steps.switch import promote, roll_back
from calmops_flows.store import outbox, registry
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.switch import switch_champion
from tests.steps.conftest import Stream, rows


@pytest.fixture
def two(stream: Stream) -> Stream:
    """A stream whose version 1 is retired and whose version 2 serves."""
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, shift=3, sign=-1))
    assert [o.champion for o in stream.drain().outcomes] == [1, 2]
    return stream


def champion(stream: Stream) -> int | None:
    return load_state(stream.store.database, "stream").champion


def test_rollback_brings_the_version_before_back_and_again_takes_it_back(two: Stream) -> None:
    first = roll_back(two.store, "stream", now=two.now)
    second = roll_back(two.store, "stream", now=two.now)

    assert (first.before, first.champion) == (2, 1)
    assert (second.before, second.champion) == (1, 2)
    assert champion(two) == 2


def test_switch_moves_status_revision_audit_and_outbox_together(two: Stream) -> None:
    before = load_state(two.store.database, "stream").revision

    promote(two.store, "stream", 1, now=two.now)

    found = registry.versions(two.store.database, "stream")
    assert [v.status for v in found] == ["champion", "retired"]
    assert load_state(two.store.database, "stream").revision == before + 1
    kinds = [m.kind for m in outbox.undelivered(two.store.database, "stream")]
    assert kinds == ["calmops.model.promoted"]


def test_changed_artifact_is_not_promoted(two: Stream) -> None:
    artifact = registry.version(two.store.database, "stream", 1).artifact
    (file,) = [f for f in two.store.settings.home.rglob("*") if artifact in f.name]
    file.chmod(0o600)
    file.write_bytes(b"something else")

    with pytest.raises(DigestMismatchError):
        promote(two.store, "stream", 1, now=two.now)

    assert champion(two) == 2


def test_version_that_serves_or_is_not_there_is_refused(two: Stream) -> None:
    with pytest.raises(SpecError, match="serves already"):
        promote(two.store, "stream", 2, now=two.now)
    with pytest.raises(NotFoundError, match="no version 9"):
        roll_back(two.store, "stream", to=9, now=two.now)


def test_rollback_without_an_earlier_champion_says_so(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drain()

    with pytest.raises(NotFoundError, match="no other version"):
        roll_back(stream.store, "stream", now=stream.now)


def test_switch_on_an_old_revision_writes_nothing(two: Stream) -> None:
    revision = load_state(two.store.database, "stream").revision - 1

    with pytest.raises(StaleRunError, match="changed meanwhile"):
        switch_champion(
            two.store.database, "stream", 1, kind="promoted", revision=revision, now=two.now
        )

    assert champion(two) == 2
