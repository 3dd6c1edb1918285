from __future__ import annotations

from datetime import UTC, datetime

import pytest

from calmops_flows.breaker import Breaker
from calmops_flows.errors import NotFoundError
from calmops_flows.read import show, status
from calmops_flows.records import DecisionKind
from calmops_flows.store import Store
from calmops_flows.store.pipelines import apply_spec
from tests.read.seed import NOW, Seed, a_spec, a_year


def test_status_adds_details_to_the_line(store: Store) -> None:
    a_year(store)

    view = status(store, "flights")

    assert (view.spec_revision, view.versions, view.last_run_id) == (1, 3, "run-1")
    assert view.outbox_waiting == 6
    assert view.lease is None
    assert [(q.snapshot, q.reason) for q in view.quarantined] == [
        ("m05.csv", "csv_cut: the last row is cut")
    ]
    assert any("calmops run flights" in step for step in view.next_steps)


def test_status_is_a_superset_of_the_line_of_list(store: Store) -> None:
    a_year(store)

    view = status(store, "flights")

    assert view.pipeline.to_dict().items() <= view.to_dict().items()


def test_status_names_at_most_ten_quarantined_files_newest_first(store: Store) -> None:
    seed = Seed(store)
    for number in range(12):
        seed.quarantine(f"{number}.csv")

    names = [entry.snapshot for entry in status(store, "flights").quarantined]

    assert names == [f"{number}.csv" for number in range(11, 1, -1)]


def test_status_tells_who_holds_the_lease(store: Store) -> None:
    Seed(store)

    lease = status(store, "flights").lease

    assert lease is not None
    assert lease.is_held
    assert datetime.fromisoformat(lease.expires_at) > datetime.now(UTC)
    assert lease.owner


def test_deferred_counts_until_a_catch_up_makes_it_good(store: Store) -> None:
    is_open = Breaker.closed().after_failures(3, now=NOW)
    seed = Seed(store)
    seed.process("1.csv", DecisionKind.TRAINED)
    seed.process("2.csv", DecisionKind.DEFERRED, is_drift=True, breaker=is_open)
    seed.process("3.csv", DecisionKind.DEFERRED, is_drift=True)
    before = status(store, "flights")

    seed.process("4.csv", DecisionKind.PROMOTED, breaker=Breaker.closed())

    # Only a decision about the deferred rows themselves settles them: tests/steps/test_catch_up.py
    assert (before.deferred, status(store, "flights").deferred) == (2, 2)
    assert before.circuit.state == "open"
    assert before.circuit.open_until is not None


def test_unknown_pipeline_is_not_found_with_near_names(store: Store) -> None:
    Seed(store)

    with pytest.raises(NotFoundError, match="did you mean 'flights'"):
        status(store, "flihgts")


def test_show_returns_spec_revisions_contract_and_versions(store: Store) -> None:
    a_year(store)
    apply_spec(store.database, a_spec(random_state=1), now=NOW)

    view = show(store, "flights")

    assert view.spec["random_state"] == 1
    assert [revision.spec_revision for revision in view.revisions] == [1, 2]
    assert view.contract is not None
    assert view.contract["columns"][0]["name"] == "temp"
    assert [(v.version, v.status, v.parent, v.snapshot) for v in view.versions] == [
        (1, "retired", None, "m01.csv"),
        (2, "champion", 1, "m03.csv"),
        (3, "candidate", 2, "m04.csv"),
    ]


def test_show_of_a_pipeline_that_saw_nothing_has_no_contract(store: Store) -> None:
    Seed(store)

    view = show(store, "flights")

    assert (view.contract, view.contract_version, view.versions) == (None, None, ())
