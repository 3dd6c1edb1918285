"""Notifications are written with what they tell, and wait while there is nobody to send them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from calmops_flows.errors import SpecError
from calmops_flows.read import status
from calmops_flows.store.outbox import NOTIFICATION, Message, undelivered
from calmops_flows.store.tables import outbox
from tests.steps.conftest import Stream, rows


def waiting(stream: Stream) -> list[Message]:
    return [m for m in undelivered(stream.store.database, "stream") if m.kind == NOTIFICATION]


def test_each_event_makes_one_notification_per_block_and_they_wait_without_prefect(
    stream: Stream,
) -> None:
    stream.declare(
        notify={
            "model.promoted": ["slack-webhook/a", "slack-webhook/b"],
            "snapshot.drifted": ["slack-webhook/a"],
            "circuit.opened": ["slack-webhook/a"],
        }
    )
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, shift=3, sign=-1))

    stream.drain()

    found = waiting(stream)
    told = [(m.payload["event"], m.payload["block"], m.payload["about"]["snapshot"]) for m in found]
    assert sorted(told) == [
        ("calmops.model.promoted", "slack-webhook/a", "1.csv"),
        ("calmops.model.promoted", "slack-webhook/a", "2.csv"),
        ("calmops.model.promoted", "slack-webhook/b", "1.csv"),
        ("calmops.model.promoted", "slack-webhook/b", "2.csv"),
        ("calmops.snapshot.drifted", "slack-webhook/a", "2.csv"),
    ]
    view = status(stream.store, "stream")
    assert (view.outbox_waiting, view.notifications_waiting) == (5, 5)
    assert any("5 notifications wait" in step for step in view.next_steps)


def test_quarantine_notifies_again_when_the_same_snapshot_is_set_aside_again(
    stream: Stream,
) -> None:
    from calmops_flows.store.quarantine import retry

    stream.declare(notify={"snapshot.quarantined": ["calmops-mail/ops"]})
    stream.drop("1.csv", rows(1).drop(columns="y"))
    stream.drain()
    retry(stream.store.database, "stream", None, now=stream.now)
    stream.drain()

    assert len({m.id for m in waiting(stream)}) == 2


def test_nobody_is_notified_where_the_spec_names_nobody(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))

    stream.drain()

    with stream.store.database.read() as connection:
        kinds = set(connection.execute(select(outbox.c.kind)).scalars())
    assert NOTIFICATION not in kinds


@pytest.mark.parametrize(
    "notify",
    [
        {"model.exploded": ["slack-webhook/a"]},
        {"model.promoted": ["ops"]},
        {"model.promoted": [""]},
    ],
)
def test_unknown_event_or_block_name_is_refused(
    stream: Stream, notify: dict[str, list[str]]
) -> None:
    with pytest.raises(SpecError, match="notify"):
        stream.declare(notify=notify)
