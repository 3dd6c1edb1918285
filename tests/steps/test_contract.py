"""A contract grows when a person accepts a file that it refused."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from calmops_flows import api
from calmops_flows.data.contract import ColumnContract, Contract
from calmops_flows.data.widen import widen
from calmops_flows.errors import NotFoundError, SpecError, StoreError
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.contract import accept
from calmops_flows.steps.drain import utc_now
from calmops_flows.store import Store, open_store
from calmops_flows.store.pipelines import load_state


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def source(tmp_path: Path, store: Store) -> Path:
    """A pipeline that processed one file and refused another, which lacks a column."""
    folder = tmp_path / "source"
    folder.mkdir()
    write(folder / "m1.csv", "a,b,y", [f"{n},{n % 7},{n % 2}" for n in range(100)])
    write(folder / "m2.csv", "a,c,y", [f"{n / 2},x{n % 3},{n % 2}" for n in range(100)])
    spec = parse_spec(
        {
            "name": "p",
            "target": "y",
            "task": "classification",
            "source": {"path": str(folder), "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )
    drained = api.run(spec, store=store, prefect=False)
    assert [o.reason and o.reason[:14] for o in drained.quarantined] == ["missing_column"]
    return folder


def write(file: Path, header: str, rows: list[str]) -> None:
    file.write_text("\n".join([header, *rows]) + "\n")
    os.utime(file, (1_700_000_000, 1_700_000_000))


@pytest.mark.usefixtures("source")
def test_accepted_file_is_processed_by_the_next_run(store: Store) -> None:
    done = accept(store, "p", "m2.csv", now=utc_now())

    assert (done.version, done.requeued) == (2, 1)
    assert done.changes == ("a: int becomes float", "b: is optional now", "c: is new (string)")
    drained = api.run("p", store=store, prefect=False)
    assert [o.snapshot for o in drained.outcomes] == ["m2.csv"]


@pytest.mark.usefixtures("source")
def test_what_was_not_refused_is_not_accepted(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no quarantined snapshot 'm1"):
        accept(store, "p", "m1.csv", now=utc_now())


def test_file_that_was_replaced_meanwhile_is_not_accepted(store: Store, source: Path) -> None:
    write(source / "m2.csv", "a,y", ["1,0"])

    with pytest.raises(ValueError, match="no longer what was set aside"):
        accept(store, "p", "m2.csv", now=utc_now())


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("side", ["before", "after"])
def test_failure_leaves_all_or_nothing(
    store: Store, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calmops_flows.faults._passages", Counter())
    monkeypatch.setenv("CALMOPS_FAULT", f"contract.accept.{side}:1:eio")

    with pytest.raises(StoreError):
        accept(store, "p", "m2.csv", now=utc_now())

    expected = 1 if side == "before" else 2
    assert load_state(store.database, "p").contract_version == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("int", "float", "float"),
        ("float", "int", "float"),
        ("bool", "int", "int"),
        ("null", "string", "string"),
        ("string", "null", "string"),
        ("category", "string", "string"),
    ],
)
def test_types_grow_to_the_wider_one(old: str, new: str, expected: str) -> None:
    wider, _ = widen(Contract((ColumnContract("x", old),)), Contract((ColumnContract("x", new),)))

    assert wider.types == {"x": expected}


@pytest.mark.parametrize(("old", "new"), [("int", "string"), ("string", "float"), ("date", "int")])
def test_types_of_other_kinds_are_refused(old: str, new: str) -> None:
    with pytest.raises(SpecError, match="repair the file"):
        widen(Contract((ColumnContract("x", old),)), Contract((ColumnContract("x", new),)))


def test_target_is_no_optional_column() -> None:
    with pytest.raises(SpecError, match="lacks the target"):
        widen(Contract((ColumnContract("y", "int"),), "y"), Contract(()))
