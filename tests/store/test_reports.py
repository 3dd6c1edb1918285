from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from calmops_flows import faults
from calmops_flows.errors import StoreError
from calmops_flows.store import Store
from calmops_flows.store.pipelines import delete_pipeline
from calmops_flows.store.reports import link_report, linked_reports
from tests.read.seed import NOW, Seed

OLD, NEW = "a" * 64, "b" * 64


@pytest.fixture
def snapshot(store: Store) -> int:
    seed = Seed(store)
    found = seed.process("m1.csv")
    seed.end()
    return found.id


def test_newer_report_takes_the_place_of_the_older(store: Store, snapshot: int) -> None:
    link_report(store.database, snapshot, "evidently", OLD, now=NOW)
    link_report(store.database, snapshot, "evidently", NEW, now=NOW + timedelta(hours=1))
    link_report(store.database, snapshot, "other", OLD, now=NOW)

    assert linked_reports(store.database, snapshot) == {"evidently": NEW, "other": OLD}


def test_link_to_a_snapshot_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="refused"):
        link_report(store.database, 99, "evidently", OLD, now=NOW)


def test_deleted_pipeline_takes_its_links_along(store: Store, snapshot: int) -> None:
    link_report(store.database, snapshot, "evidently", OLD, now=NOW)

    delete_pipeline(store.database, "flights", now=NOW)

    assert linked_reports(store.database, snapshot) == {}


@pytest.mark.parametrize("side", ["before", "after"])
def test_full_disk_keeps_the_older_link(
    store: Store, snapshot: int, side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_report(store.database, snapshot, "evidently", OLD, now=NOW)
    passage = faults._passages[f"report.link.{side}"] + 1
    monkeypatch.setenv("CALMOPS_FAULT", f"report.link.{side}:{passage}:enospc")

    with pytest.raises(StoreError, match="No space left"):
        link_report(store.database, snapshot, "evidently", NEW, now=NOW)

    expected = OLD if side == "before" else NEW
    assert linked_reports(store.database, snapshot) == {"evidently": expected}
