"""Every invariant that is broken by hand is found; what can be repaired is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, text

from calmops_flows.errors import ArtifactError, StoreError
from calmops_flows.steps.drain import utc_now
from calmops_flows.store import Store, tables
from calmops_flows.store.artifacts import ArtifactStore
from calmops_flows.store.fsck import fsck
from calmops_flows.store.references import COLUMNS, NOT_ARTIFACTS, referenced
from tests.store.conftest import FailAt
from tests.store.filled import fill


def sql(statement: str) -> Callable[[Store], None]:
    def run(store: Store) -> None:
        with store.database.write("commit.snapshot") as connection:
            connection.execute(text(statement))

    return run


def file_of(store: Store, digest: str) -> Path:
    return Path(store.artifacts.url) / "sha256" / digest[:2] / digest


def a_model(store: Store) -> str:
    with store.database.read() as connection:
        return str(connection.execute(text("SELECT artifact FROM model_versions")).scalar())


def flip_a_bit(store: Store) -> None:
    file = file_of(store, a_model(store))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def lose_the_holdout(store: Store) -> None:
    with store.database.read() as connection:
        named = {digest for digest, _ in referenced(connection)}
    holdouts = [digest for digest, _, _ in store.artifacts.listing() if digest not in named]
    assert holdouts
    for digest in holdouts:
        store.artifacts.remove(digest)


def test_store_in_order_has_no_finding(filled: Store) -> None:
    assert fsck(filled, now=utc_now()) == ()


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (sql("UPDATE audit SET payload = '{}' WHERE position = 2"), "audit"),
        (sql("DELETE FROM audit WHERE position = 2"), "audit"),
        (sql("DELETE FROM audit WHERE position = (SELECT max(position) FROM audit)"), "audit"),
        (sql("DELETE FROM audit"), "audit"),
        (sql("UPDATE pipelines SET champion = 1"), "champion"),
        (sql("UPDATE pipelines SET champion = NULL"), "champion"),
        (sql("UPDATE pipelines SET breaker = 'x'"), "breaker"),
        (sql("UPDATE pipelines SET spec = '{}'"), "spec"),
        (sql("UPDATE pipelines SET contract_version = 7"), "contract"),
        (sql("UPDATE snapshots SET state = 'pending' WHERE path = 'part0.csv'"), "state"),
        (sql("UPDATE snapshots SET state = 'processed' WHERE path = 'odd.csv'"), "outcome"),
        (sql("UPDATE decisions SET record = '{'"), "text"),
        (flip_a_bit, "artifact_changed"),
        (lambda store: file_of(store, a_model(store)).unlink(), "artifact_missing"),
        (lose_the_holdout, "artifact_missing"),
    ],
)
def test_damage_is_found(filled: Store, damage: Callable[[Store], None], check: str) -> None:
    damage(filled)

    assert {finding.check for finding in fsck(filled, now=utc_now())} == {check}


def test_old_leftovers_are_removed_and_young_ones_kept(filled: Store) -> None:
    orphan, young = filled.artifacts.put(b"orphan"), filled.artifacts.put(b"young")
    partial = file_of(filled, orphan).with_name(".tmp-abc")
    partial.write_bytes(b"half")
    for file in (file_of(filled, orphan), partial):
        os.utime(file, (1_000_000_000, 1_000_000_000))

    found = fsck(filled, repair=True, now=utc_now())

    assert {(f.check, f.is_repaired) for f in found} == {("orphan", True), ("unfinished", True)}
    assert not partial.exists()
    assert not filled.artifacts.exists(orphan)
    assert filled.artifacts.exists(young)
    assert fsck(filled, now=utc_now()) == ()


def test_old_leftovers_beside_exported_predictions_are_removed(
    filled: Store, tmp_path: Path
) -> None:
    exports = tmp_path / "predictions"
    exports.mkdir()
    wanted = {"path": str(exports)}
    with filled.database.write("pipeline.apply") as connection:
        spec = json.loads(str(connection.execute(text("SELECT spec FROM pipelines")).scalar()))
        changed = json.dumps({**spec, "predictions": {**wanted, "probabilities": True}})
        connection.execute(text("UPDATE pipelines SET spec = :s"), {"s": changed})
    for name in (".tmp-old", ".tmp-young", "june.parquet"):
        (exports / name).write_bytes(b"half")
    for name in (".tmp-old", "june.parquet"):
        os.utime(exports / name, (1_000_000_000, 1_000_000_000))

    told = fsck(filled, now=utc_now())
    found = fsck(filled, repair=True, now=utc_now())

    where = str(exports / ".tmp-old")
    assert [(f.check, f.where, f.is_repaired) for f in told] == [("unfinished", where, False)]
    assert [(f.check, f.where, f.is_repaired) for f in found] == [("unfinished", where, True)]
    assert {path.name for path in exports.iterdir()} == {".tmp-young", "june.parquet"}


def test_pointer_follows_the_one_version_that_is_marked(filled: Store) -> None:
    sql("UPDATE pipelines SET champion = NULL")(filled)

    (finding,) = fsck(filled, repair=True, now=utc_now())

    assert (finding.check, finding.is_repaired) == ("champion", True)
    assert fsck(filled, now=utc_now()) == ()
    with filled.database.read() as connection:
        query = text("SELECT kind, payload FROM audit ORDER BY position DESC LIMIT 1")
        kind, payload = connection.execute(query).one()
        champion = connection.execute(text("SELECT champion FROM pipelines")).scalar_one()
    assert (kind, json.loads(payload)) == (
        "repaired",
        {"before": None, "champion": champion, "version": champion},
    )


def test_later_day_makes_no_orphan_of_what_is_named(filled: Store) -> None:
    assert fsck(filled, repair=True, now=utc_now() + timedelta(days=400)) == ()


def test_every_column_of_digests_is_a_reference() -> None:
    digests = {
        f"{table.name}.{column.name}"
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if _is_digest(column)
    }

    assert digests == {f"{c.table.name}.{c.name}" for c in COLUMNS} | NOT_ARTIFACTS


def _is_digest(column: Column[object]) -> bool:
    return getattr(column.type, "length", None) == tables.DIGEST.length and (
        column.name not in {"pipeline", "name", "detector", "metric", "kind"}
    )


@pytest.mark.parametrize("side", ["before", "after"])
def test_removal_that_fails_says_so(tmp_path: Path, side: str, fail_at: FailAt) -> None:
    artifacts = ArtifactStore(str(tmp_path))
    digest = artifacts.put(b"content")
    fail_at(f"artifact.remove.{side}")

    with pytest.raises(ArtifactError, match="cannot remove"):
        artifacts.remove(digest)

    assert artifacts.exists(digest) == (side == "before")


@pytest.mark.parametrize("side", ["before", "after"])
def test_repair_of_the_pointer_is_all_or_nothing(
    filled: Store, side: str, fail_at: FailAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql("UPDATE pipelines SET champion = NULL")(filled)
    fail_at(f"fsck.champion.{side}")

    with pytest.raises(StoreError, match="fault point"):
        fsck(filled, repair=True, now=utc_now())

    monkeypatch.delenv("CALMOPS_FAULT")
    left = [finding.check for finding in fsck(filled, now=utc_now())]
    assert left == (["champion"] if side == "before" else [])


def test_postgres_is_checked_too(store: Store, tmp_path: Path) -> None:
    fill(store, tmp_path / "source")
    sql("UPDATE pipelines SET champion = NULL")(store)

    assert [f.check for f in fsck(store, repair=True, now=utc_now())] == ["champion"]
    assert fsck(store, now=utc_now()) == ()
