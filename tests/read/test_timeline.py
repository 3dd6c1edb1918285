"""What pages read of a window of the past."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from calmops_flows.errors import SpecError, StoreError
from calmops_flows.read import explain, list_pipelines
from calmops_flows.read.drift_past import drift_past
from calmops_flows.read.happened import happened
from calmops_flows.read.judged import judged
from calmops_flows.read.ledger import ledger
from calmops_flows.read.log_lines import log_lines
from calmops_flows.read.pulse import pulse
from calmops_flows.read.quality import quality
from calmops_flows.read.recent import needs, recent
from calmops_flows.read.timeline import timeline
from calmops_flows.read.window import Window
from calmops_flows.records import DecisionKind, Evaluation
from calmops_flows.store import Store, tables
from tests.read.seed import HOUR, NOW, Seed, a_year

LATER = NOW + 100 * HOUR


def test_timeline_holds_what_happened_in_order(store: Store) -> None:
    a_year(store)

    past = timeline(store, "flights", Window(), now=LATER)

    assert [(p.snapshot, p.decision or p.state) for p in past.points] == [
        ("m01.csv", "trained"),
        ("m02.csv", "kept"),
        ("m03.csv", "promoted"),
        ("m04.csv", "rejected"),
        ("m05.csv", "quarantined"),
        ("m06.csv", "kept"),
        ("m07.csv", "pending"),
    ]
    third = past.points[2]
    assert (third.n_drifted, third.n_tested, third.is_drift) == (1, 1, True)
    assert third.scores["balanced_accuracy"].value == 0.7
    assert past.metric == "balanced_accuracy"


def test_timeline_keeps_the_bounds_of_scores(store: Store) -> None:
    seed = Seed(store)
    seed.process("m01.csv", DecisionKind.TRAINED)
    scores = Evaluation(9, {"accuracy": 0.8}, bounds={"accuracy": (0.7, 0.9)})
    seed.process("m02.csv", champion_scores=scores)

    score = timeline(store, "flights", Window(), now=LATER).points[1].scores["accuracy"]

    assert (score.value, score.lower, score.upper) == (0.8, 0.7, 0.9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", ["m06.csv", "m07.csv"]),
        ("1d", ["m01.csv", "m02.csv", "m03.csv", "m04.csv", "m05.csv", "m06.csv", "m07.csv"]),
        ("2013-01-30..2013-01-30", []),
    ],
)
def test_window_chooses_snapshots(store: Store, text: str, expected: list[str]) -> None:
    a_year(store)

    past = timeline(store, "flights", Window.parse(text), now=NOW + timedelta(hours=20))

    assert [point.snapshot for point in past.points] == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "7w", "2013-01-01..", "../..", "1e9"])
def test_window_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="a range must be"):
        Window.parse(text)


def test_drift_of_the_past_ranks_columns_and_marks_cells(store: Store) -> None:
    a_year(store)

    past = drift_past(store, "flights", Window(), now=LATER)

    assert [(c.name, c.n_tested, c.n_drifted) for c in past.columns] == [
        ("temp", 4, 2),
        ("wind", 0, 0),
    ]
    drifted = [(past.snapshots[c.sequence], c.name) for c in past.cells if c.is_drift]
    assert drifted == [("m03.csv", "temp"), ("m04.csv", "temp")]


def test_recent_scores_and_shares_come_oldest_first(store: Store) -> None:
    a_year(store)

    found = recent(store)["flights"]

    assert found.scores == (None, 0.7, 0.7, 0.7, None)
    assert found.drifted == (None, 0.0, 1.0, 1.0, 0.0)
    assert found.wakes == "when a file arrives, every 5 min"


def test_needs_name_what_a_person_must_do(store: Store) -> None:
    a_year(store)

    (view,) = list_pipelines(store)

    assert needs(view) == "1 file is quarantined"


def test_pulse_counts_what_waits(store: Store) -> None:
    a_year(store)

    found = pulse(store)

    assert (found.pipelines, found.running, found.pending, found.quarantined) == (1, 0, 1, 1)


def test_ledger_is_filtered_by_state_and_path(store: Store) -> None:
    a_year(store)

    by_state = ledger(store, "flights", states=["quarantined", "duplicate"])
    by_path = ledger(store, "flights", containing="m0%")

    assert [one.snapshot for one in by_state.entries] == ["copy.csv", "m05.csv"]
    assert by_path.entries == ()
    assert by_path.counts["processed"] == 5


def test_quality_counts_reasons_and_names_columns(store: Store) -> None:
    a_year(store)

    found = quality(store, "flights")

    assert [column.name for column in found.columns] == ["temp"]
    assert found.codes == {"csv_cut": 1}
    assert found.aside == (("m05.csv", "csv_cut", "the last row is cut"),)


def test_switches_of_the_breaker_stand_at_their_snapshots(plain_store: Store) -> None:
    seed = Seed(plain_store)
    seed.process("m01.csv", DecisionKind.TRAINED)
    seed.process("m02.csv", DecisionKind.REJECTED, circuit="opened")
    seed.process("m03.csv")
    seed.process("m04.csv", DecisionKind.PROMOTED, circuit="closed")
    damaged = tables.outbox.c.kind == "calmops.circuit.closed"

    points = timeline(plain_store, "flights", Window(), now=LATER).points
    with plain_store.database.engine.begin() as connection:
        connection.execute(update(tables.outbox).where(damaged).values(payload='{"cut'))
    later = timeline(plain_store, "flights", Window(), now=LATER).points

    assert [point.breaker for point in points] == [None, "opened", None, "closed"]
    assert [point.breaker for point in later] == [None, "opened", None, None]
    history = [(one.kind, one.about) for one in happened(plain_store, "flights").breaker]
    assert history == [
        ("closed", "the entry is damaged; see `calmops audit`"),
        ("opened", "failures 3"),
    ]


def test_happened_leaves_decisions_out(store: Store) -> None:
    a_year(store)

    kinds = [entry.kind for entry in happened(store, "flights").entries]

    assert kinds == ["quarantined", "applied"]


def test_records_that_are_damaged_are_named_and_the_others_read(plain_store: Store) -> None:
    a_year(plain_store)
    cut = update(tables.decisions).where(tables.decisions.c.snapshot_id == 2)
    with plain_store.database.engine.begin() as connection:
        connection.execute(cut.values(record='{"cut'))

    found = judged(plain_store, "flights", Window(), now=LATER)

    assert [name for _, name, _ in found.seconds] == ["m01.csv", "m03.csv", "m04.csv", "m06.csv"]
    assert len(found.damaged) == 1
    assert "m02.csv" in found.damaged[0]
    with pytest.raises(StoreError, match="calmops fsck"):
        explain(plain_store, "flights", "m02.csv")


def test_log_is_filtered_by_level_text_and_time(plain_store: Store) -> None:
    a_year(plain_store)
    folder = plain_store.settings.logs
    folder.mkdir(parents=True)
    (folder / "flights.log").write_text(
        "2024-01-01 10:00:00,001 INFO a.b: first\n"
        "2024-01-01 11:00:00,001 WARNING a.b: Second\n"
        "no form at all\n"
    )

    every = log_lines(plain_store, "flights")
    some = log_lines(
        plain_store,
        "flights",
        levels=["WARNING"],
        containing="SECOND",
        since="2024-01-01 10:30",
        until="2024-01-01 11",
    )

    assert [line.text for line in every.lines] == ["no form at all", "Second", "first"]
    assert [line.at for line in some.lines] == ["2024-01-01 11:00:00"]
