from __future__ import annotations

import pandas as pd
import pytest
from sqlalchemy import select, update

from calmops_flows.errors import ArtifactError, DigestMismatchError, NotFoundError, StoreError
from calmops_flows.profiles import NumericColumn, from_bytes
from calmops_flows.records import Outcome
from calmops_flows.steps.drain import drain
from calmops_flows.steps.runner import PlainRunner
from calmops_flows.store import registry
from calmops_flows.store.history import decision
from calmops_flows.store.lease import acquire
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.tables import pipelines, snapshots
from tests.steps.conftest import Stream, rows


def decisions(outcomes: list[Outcome]) -> list[str | None]:
    return [o.decision for o in outcomes]


def test_first_snapshot_trains_and_the_next_one_without_drift_keeps(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2))

    drained = stream.drain()

    assert decisions(drained.outcomes) == ["trained", "kept"]
    assert [o.champion for o in drained.outcomes] == [1, 1]
    assert drained.outcomes[0].drift.is_drift is None
    assert drained.outcomes[1].drift.is_drift is False


def test_drift_with_a_new_concept_promotes_a_better_challenger(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, shift=3, sign=-1))

    second = stream.drain().outcomes[1]

    assert second.decision == "promoted"
    assert second.drift.columns == ("a", "b")
    assert (second.champion, second.challenger) == (2, 2)


def test_rejected_challenger_keeps_champion_and_stays_a_candidate(stream: Stream) -> None:
    stream.declare(retrain={"when": "always"}, evaluation={"promotion": {"rule": "better"}})
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2))

    second = stream.drain().outcomes[1]

    assert (second.decision, second.champion, second.challenger) == ("rejected", 1, 2)
    found = registry.versions(stream.store.database, "stream")
    assert [v.status for v in found] == ["champion", "candidate"]


def test_accepted_model_is_refitted_and_the_judged_one_is_kept(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))

    stream.drain()

    version = registry.version(stream.store.database, "stream", 1)
    assert version.judged_artifact is not None
    assert version.judged_artifact != version.artifact


def test_champion_is_scored_on_a_snapshot_before_it_learns_from_it(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, sign=-1))

    champion = stream.drain().outcomes[1].metrics["champion"]

    assert champion is not None
    assert champion["accuracy"] is not None
    assert champion["accuracy"] < 0.2


def test_drain_of_nothing_returns_nothing(stream: Stream) -> None:
    assert stream.drain().outcomes == []


def test_second_drain_finds_nothing_new(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drain()

    assert stream.drain().outcomes == []


def test_natural_order_of_names_is_kept(stream: Stream) -> None:
    for name in ("part10.csv", "part2.csv", "part1.csv"):
        stream.drop(name, rows(len(name)).iloc[: 100 + int(name[4:-4])])

    drained = stream.drain()

    assert [o.snapshot for o in drained.outcomes] == ["part1.csv", "part2.csv", "part10.csv"]


def test_order_by_a_column_reads_it_from_the_files(stream: Stream) -> None:
    stream.declare(source={"path": str(stream.folder), "settle_seconds": 0, "order": "column:when"})
    for name, day in (("a.csv", 9), ("b.csv", -1), ("c.csv", 10)):
        stream.drop(name, rows(day + 1).assign(when=day))

    assert [o.snapshot for o in stream.drain().outcomes] == ["b.csv", "a.csv", "c.csv"]


def test_failed_fit_is_kept_with_its_reason_and_counts_for_the_breaker(stream: Stream) -> None:
    stream.drop("1.csv", rows(1).assign(y=1))

    (outcome,) = stream.drain().outcomes

    assert outcome.decision == "kept"
    assert outcome.reason is not None
    assert outcome.reason.startswith("retrain_failed: ")
    assert load_state(stream.store.database, "stream").breaker.failures == 1


def test_breaker_defers_retraining_until_its_backoff_ends(stream: Stream) -> None:
    stream.declare(breaker={"max_failures": 1, "backoff_minutes": 60})
    stream.drop("1.csv", rows(1).assign(y=1))
    stream.drain()

    stream.drop("2.csv", rows(2))
    deferred = stream.drain().outcomes
    stream.later(minutes=61)
    stream.drop("3.csv", rows(3))
    trained = stream.drain().outcomes

    assert decisions(deferred) == ["deferred"]
    assert [(o.snapshot, o.decision) for o in trained] == [
        ("catch-up:2.csv", "trained"),
        ("3.csv", "kept"),
    ]
    assert load_state(stream.store.database, "stream").breaker.state == "closed"


def test_unreadable_breaker_fails_safe_and_scoring_goes_on(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drain()
    with stream.store.database.engine.begin() as connection:
        connection.execute(update(pipelines).values(breaker="{garbage"))

    stream.drop("2.csv", rows(2, shift=3, sign=-1))
    (outcome,) = stream.drain().outcomes

    assert (outcome.decision, outcome.champion) == ("deferred", 1)
    assert outcome.metrics["champion"] is not None


def test_first_model_below_its_threshold_does_not_serve(stream: Stream) -> None:
    stream.declare(evaluation={"thresholds": {"accuracy": 0.999}})
    stream.drop("1.csv", rows(1))

    (outcome,) = stream.drain().outcomes

    assert (outcome.decision, outcome.champion, outcome.challenger) == ("rejected", None, 1)


def test_broken_threshold_retrains_without_data_drift(stream: Stream) -> None:
    stream.declare(retrain={"when": "performance"}, evaluation={"thresholds": {"accuracy": 0.8}})
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, sign=-1))

    second = stream.drain().outcomes[1]

    assert second.decision == "promoted"


def test_every_second_snapshot_retrains(stream: Stream) -> None:
    stream.declare(retrain={"when": "every:2"})
    for number in range(5):
        stream.drop(f"{number}.csv", rows(number))

    challengers = [o.challenger for o in stream.drain().outcomes]

    assert challengers == [1, None, 2, None, 3]


def test_never_retrains_even_under_drift(stream: Stream) -> None:
    stream.declare(retrain={"when": "never"})
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, shift=3, sign=-1))

    assert decisions(stream.drain().outcomes) == ["trained", "kept"]


def test_snapshot_without_labels_awaits_them(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, shift=3).assign(y=None))

    second = stream.drain().outcomes[1]

    assert second.decision == "awaiting_labels"
    assert second.metrics["champion"] is None


def test_decision_names_rules_numbers_and_cost(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, shift=3, sign=-1))
    stream.drain()

    record = decision(stream.store.database, 2)

    assert record is not None
    assert {rule.name for rule in record.rules} >= {"no data drift", "breaker", "no_worse"}
    assert record.comparison is not None
    assert record.comparison.lower is not None
    assert {"ingest", "check_drift", "retrain"} <= set(record.cost_seconds)


def test_busy_pipeline_ends_at_once_and_the_holder_looks_again(stream: Stream) -> None:
    lease = acquire(stream.store.database, "stream", seconds=30)
    assert lease is not None

    assert stream.drain().is_busy
    assert not lease.release(0)


def test_file_that_arrives_while_the_last_one_is_processed_is_found(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))

    class Dropping(PlainRunner):
        def progress(self, done: int, total: int, outcome: Outcome | None) -> None:  # noqa: ARG002
            if done == 1:
                stream.drop("2.csv", rows(2))

    drained = stream.drain(runner=Dropping())

    assert [o.snapshot for o in drained.outcomes] == ["1.csv", "2.csv"]


def test_spec_applied_during_a_run_makes_the_snapshot_start_again(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    applied: list[bool] = []

    class Applying(PlainRunner):
        def step(self, name: str, label: str, call):  # type: ignore[no-untyped-def]
            if name == "commit" and not applied:
                applied.append(True)
                stream.declare(random_state=9)
            return super().step(name, label, call)

    (outcome,) = stream.drain(runner=Applying()).outcomes

    assert outcome.decision == "trained"
    assert load_state(stream.store.database, "stream").spec.random_state == 9


def test_changed_model_artifact_is_named_and_nothing_is_loaded(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))
    stream.drain()
    digest = registry.version(stream.store.database, "stream", 1).artifact
    file = stream.store.settings.home / "artifacts" / "sha256" / digest[:2] / digest
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    stream.drop("2.csv", rows(2))

    with pytest.raises(DigestMismatchError, match=digest[:12]):
        stream.drain()

    assert [o.state for o in stream.history()] == ["processed", "pending"]


def test_poisoned_pickle_is_never_opened(stream: Stream) -> None:
    import pickle

    stream.drop("1.csv", rows(1))
    stream.drain()
    sentinel = stream.folder.parent / "sentinel"

    class Poison:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (open, (str(sentinel), "w"))

    digest = registry.version(stream.store.database, "stream", 1).artifact
    file = stream.store.settings.home / "artifacts" / "sha256" / digest[:2] / digest
    file.write_bytes(pickle.dumps(Poison()))
    stream.drop("2.csv", rows(2))

    with pytest.raises(DigestMismatchError):
        stream.drain()

    assert not sentinel.exists()


def test_missing_artifact_store_stops_the_run_and_no_attempt_is_lost(stream: Stream) -> None:
    artifacts = stream.store.settings.home / "artifacts"
    stream.store.settings.home.mkdir(exist_ok=True)
    artifacts.write_text("a file where the folder should be")
    stream.drop("1.csv", rows(1))
    for _ in range(4):
        with pytest.raises(ArtifactError):
            stream.drain()

    artifacts.unlink()

    assert decisions(stream.drain().outcomes) == ["trained"]


def test_unknown_pipeline_is_named(stream: Stream) -> None:
    with pytest.raises(NotFoundError, match="'nobody'"):
        drain("nobody", stream.store)


def test_messages_that_nobody_took_are_delivered_by_the_next_run(stream: Stream) -> None:
    delivered: list[str] = []

    class Deaf(PlainRunner):
        def deliver(self, messages):  # type: ignore[no-untyped-def]  # noqa: ARG002
            raise ConnectionRefusedError(111, "refused")

    class Hearing(PlainRunner):
        def deliver(self, messages):  # type: ignore[no-untyped-def]
            delivered.extend(m.kind for m in messages)

    stream.drop("1.csv", rows(1))
    stream.drain(runner=Deaf())
    stream.drain(runner=Hearing())
    stream.drain(runner=Hearing())

    assert delivered == ["calmops.snapshot.processed", "calmops.model.promoted"]


def test_regression_runs_end_to_end(stream: Stream) -> None:
    stream.declare(model={"class": "sklearn.linear_model.Ridge"})
    for number, shift in enumerate([0.0, 0.0, 4.0]):
        frame = rows(number, shift=shift)
        stream.drop(f"{number}.csv", frame.assign(y=frame.a * (1 if shift == 0 else -2) + frame.b))

    outcomes = stream.drain().outcomes

    assert decisions(outcomes) == ["trained", "kept", "promoted"]
    assert outcomes[1].metrics["champion"] is not None
    assert "rmse" in outcomes[1].metrics["champion"]


def test_store_error_in_the_middle_gives_the_attempt_back(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))

    class Failing(PlainRunner):
        def step(self, name: str, label: str, call):  # type: ignore[no-untyped-def]
            if name == "commit":
                raise StoreError("database gone")
            return super().step(name, label, call)

    for _ in range(4):
        with pytest.raises(StoreError, match="gone"):
            stream.drain(runner=Failing())

    assert decisions(stream.drain().outcomes) == ["trained"]


def test_wide_frame_of_mixed_types_needs_no_user_code(stream: Stream) -> None:
    frame = rows(1).assign(
        flag=lambda f: f.a > 0,
        day=pd.date_range("2013-01-01", periods=400).strftime("%Y-%m-%d"),
        nothing=None,
        constant=1,
        text=[f"id{i}" for i in range(400)],
    )
    stream.drop("1.csv", frame)
    stream.drop("2.csv", frame.sample(frac=1, random_state=0))

    assert decisions(stream.drain().outcomes) == ["trained", "kept"]


def test_source_folder_that_is_not_there_yet_is_nothing_pending(stream: Stream) -> None:
    stream.folder.rmdir()

    drained = stream.drain()

    assert drained.outcomes == []
    assert drained.skipped == ((str(stream.folder), "the source folder does not exist (yet)"),)


def test_cancelled_run_gives_its_attempt_back(stream: Stream) -> None:
    stream.drop("1.csv", rows(1))

    class Cancelled(BaseException):
        pass

    class Cancelling(PlainRunner):
        def step(self, name: str, label: str, call):  # type: ignore[no-untyped-def]
            if name == "retrain":
                raise Cancelled
            return super().step(name, label, call)

    for _ in range(4):
        with pytest.raises(Cancelled):
            stream.drain(runner=Cancelling())

    assert decisions(stream.drain().outcomes) == ["trained"]


def test_window_of_snapshots_is_a_reference(stream: Stream) -> None:
    stream.declare(drift={"reference": "window:2"}, retrain={"when": "never"})
    for number, shift in enumerate([0.0, 0.0, 3.0, 3.0, 3.0]):
        stream.drop(f"{number}.csv", rows(number, shift=shift))

    outcomes = stream.drain().outcomes

    assert [o.drift.is_drift for o in outcomes] == [None, False, True, True, False]


def test_change_that_no_single_column_shows_is_found_by_the_joint_test(stream: Stream) -> None:
    frame = rows(2)
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", frame.assign(b=frame.a * 0.9 + frame.b * 0.43))

    outcome = stream.drain().outcomes[1]

    assert outcome.drift.is_drift is True


def test_drift_counts_only_when_it_persists(stream: Stream) -> None:
    stream.declare(drift={"persist": {"k": 2, "n": 3}})
    for number, shift in enumerate([0.0, 3.0, 0.0, 3.0]):
        stream.drop(f"{number}.csv", rows(number, shift=shift, sign=-1 if shift else 1))

    outcomes = stream.drain().outcomes

    assert decisions(outcomes) == ["trained", "kept", "kept", "promoted"]
    assert outcomes[1].reason == "drift, but not in 2 of the last 3 snapshots"


def test_coarse_profiles_keep_no_rows(stream: Stream) -> None:
    stream.declare(drift={"coarsen": {"points": 16, "min_rows": 10}})
    stream.drop("1.csv", rows(1))

    stream.drain()

    with stream.store.database.read() as connection:
        digest = connection.execute(select(snapshots.c.profile_digest)).scalar_one()
    kept = from_bytes(stream.store.artifacts.get(digest))
    column = kept.columns["a"]
    assert isinstance(column, NumericColumn)
    assert kept.sample is None
    assert len(column.values) <= 16
