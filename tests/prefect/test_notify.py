"""People are told through Prefect's blocks: at least once, and never in the way of the work."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.types import SecretDict

from calmops_flows import api as calmops
from calmops_flows.blocks import CalmopsMail
from calmops_flows.flows.notifier import BlockNotifier
from calmops_flows.read import status
from calmops_flows.records import Outcome
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import drain
from calmops_flows.steps.runner import PlainRunner
from calmops_flows.store.outbox import NOTIFICATION, Message, undelivered
from calmops_flows.store.store import Store
from tests.prefect.conftest import Source
from tests.prefect.receivers import Mailbox, Webhook, smtp_sink, webhook

pytestmark = pytest.mark.prefect
TOKEN = "T0PSECRET"
CANARY = 987654.25


def save_webhook(hook: Webhook, name: str) -> str:
    """Save a block that posts what Slack's incoming webhooks take."""
    block = CustomWebhookNotificationBlock(
        name="calmops",
        url=hook.url,
        json_data={"text": "{{subject}}\n{{body}}"},
        secrets=SecretDict({"token": TOKEN}),
    )
    block.save(name, overwrite=True)
    return f"custom-webhook/{name}"


def save_mail(box: Mailbox, name: str) -> str:
    block = CalmopsMail(
        host="127.0.0.1",
        port=box.port,
        security="none",
        sender="calmops@example.org",
        recipients=["a@example.org", "b@example.org"],
    )
    block.save(name, overwrite=True)
    return f"calmops-mail/{name}"


def waiting(store: Store, pipeline: str) -> list[Message]:
    return [m for m in undelivered(store.database, pipeline) if m.kind == NOTIFICATION]


def drain_telling(store: Store, pipeline: str, seconds: float = 20.0) -> list[Outcome]:
    """Drain in this process, with a notifier whose patience is short."""
    notifier = BlockNotifier(pipeline, patience_seconds=seconds)
    runner = PlainRunner(notifier=notifier)
    return drain(pipeline, store, runner=runner, wait=False).outcomes


def test_run_tells_each_block_once_what_happened_and_nothing_of_rows_or_secrets(
    client: SyncPrefectClient, store: Store, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    source.drop("1.csv", 1)
    (source.folder / "2 <!channel>.csv").write_text(f"a,b\n{CANARY},1\n")
    with webhook() as hook, smtp_sink() as box, caplog.at_level(logging.DEBUG):
        slack, mail = save_webhook(hook, "told"), save_mail(box, "told")
        notify = {"model.promoted": [slack, mail], "snapshot.quarantined": [slack]}

        drained = calmops.run(source.spec("people", notify=notify), store=store)
        again = calmops.run("people", store=store)

    assert again.outcomes == []
    assert waiting(store, "people") == []
    promoted, quarantined = sorted(post["text"] for post in hook.posts)
    assert promoted.startswith("CalmOps: model promoted in people\npipeline: people\n")
    assert "snapshot: 1.csv" in promoted
    assert f"/runs/flow-run/{drained.outcomes[0].run_id}" in promoted
    assert "snapshot: 2 \u2039!channel\u203a.csv" in quarantined
    (sent,) = box.mails
    assert "Subject: CalmOps: model promoted in people" in sent
    assert box.recipients == ["a@example.org", "b@example.org"]
    said = f"{promoted}\n{quarantined}\n{sent}\n{caplog.text}"
    assert str(CANARY) not in said
    assert TOKEN not in said


def test_failing_block_hinders_neither_run_nor_other_blocks_and_is_tried_again(
    client: SyncPrefectClient, store: Store, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    source.drop("1.csv", 1)
    with webhook() as closed:
        refusing = save_webhook(closed, "refusing")
    with webhook(status=500) as bad, webhook() as good:
        blocks = [save_webhook(bad, "bad"), "custom-webhook/nobody", save_webhook(good, "good")]
        blocks.append(refusing)
        notify = {"model.promoted": blocks, "snapshot.processed": blocks[:1]}
        apply(source.spec("failing", notify=notify), store)

        with caplog.at_level(logging.WARNING):
            outcomes = drain_telling(store, "failing")
        left = waiting(store, "failing")
        view = status(store, "failing")
        bad.status = 200
        drain_telling(store, "failing")

        assert [o.decision for o in outcomes] == ["trained"]
        assert len(good.posts) == 1
        assert view.notifications_waiting == len(left) == 4
        assert f"{refusing}: " in caplog.text
        assert "nobody" in caplog.text
        assert TOKEN not in caplog.text + str(view.to_dict())
        # Each under the id it had before; nothing is forgotten behind a failure.
        told = {post["text"].rpartition("id: ")[2] for post in bad.posts}
        assert told == {m.id for m in left if m.payload["block"] == blocks[0]}
        assert [m.payload["block"] for m in waiting(store, "failing")] == [blocks[1], refusing]


def test_hanging_blocks_count_as_failed_and_others_are_told(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    source.drop("1.csv", 1)
    with webhook(hangs=True) as deaf, webhook(hangs=True) as mute, webhook() as good:
        blocks = [
            save_webhook(deaf, "deaf"),
            save_webhook(mute, "mute"),
            save_webhook(good, "well"),
        ]
        apply(source.spec("hanging", notify={"model.promoted": blocks}), store)

        outcomes = drain_telling(store, "hanging", seconds=8.0)

        left = [str(m.payload["block"]) for m in waiting(store, "hanging")]
        error = status(store, "hanging").delivery_error
        assert [o.decision for o in outcomes] == ["trained"]
        assert len(good.posts) == 1
        assert left == blocks[:2]
        assert error in {f"{block}: no answer for 8 s" for block in left}


def test_server_that_was_saved_a_block_that_cannot_notify_is_named(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    from prefect.blocks.system import Secret

    Secret(value="x").save("mute", overwrite=True)
    source.drop("1.csv", 1)
    notify: dict[str, Any] = {"model.promoted": ["secret/mute"]}
    apply(source.spec("mute", notify=notify), store)

    drain_telling(store, "mute")

    assert "cannot notify" in str(status(store, "mute").delivery_error)
