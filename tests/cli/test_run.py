from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from calmops_flows.store import open_store
from calmops_flows.store.lease import acquire
from tests.cli.conftest import Calmops, write_csv


def test_run_of_a_file_applies_and_processes(calmops: Calmops, folder: Path) -> None:
    done = calmops("run", "small.yaml")

    assert done.code == 0
    assert "trained" in done.out
    assert "Next: calmops explain small" in done.out
    assert "[1/2] m1.csv: trained" in done.err


def test_run_as_json_prints_json_only(calmops: Calmops, folder: Path) -> None:
    done = calmops("run", "small.yaml", "--json")

    assert done.code == 0
    assert done.json["outcomes"][0]["decision"] == "trained"
    assert (done.json["pipeline"], done.json["is_busy"]) == ("small", False)
    assert "m2.csv" in done.err


def test_run_with_nothing_pending_says_so(calmops: Calmops, folder: Path) -> None:
    calmops("run", "small.yaml")

    done = calmops("run", "small")

    assert (done.code, done.out) == (0, "Nothing was pending.\n")


def test_run_writes_the_log_of_the_pipeline(
    calmops: Calmops, folder: Path, calmops_home: Path
) -> None:
    calmops("run", "small.yaml")

    text = (calmops_home / "logs" / "small.log").read_text()
    assert "'m1.csv': trained" in text


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 1)])
def test_quarantine_is_no_failure_unless_strict(
    calmops: Calmops, folder: Path, options: tuple[str, ...], code: int
) -> None:
    (folder / "data" / "m3.csv").write_text('a,b,label\n1,2,"yes')

    done = calmops("run", "small.yaml", "--no-wait", *options)

    assert done.code == code
    assert "quarantined m3.csv: csv_cut" in done.out


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 1)])
def test_busy_is_no_failure_unless_strict(
    calmops: Calmops, folder: Path, options: tuple[str, ...], code: int
) -> None:
    calmops("apply", "small.yaml")
    with open_store() as store:
        lease = acquire(store.database, "small", seconds=60)
        assert lease is not None
        with lease:
            done = calmops("run", "small", *options)

    assert done.code == code
    assert "Another run holds small" in done.out


def test_hostile_file_name_is_shown_inert(calmops: Calmops, folder: Path) -> None:
    write_csv(folder / "data" / "m0 \x1b[31m[red]\nx.csv", shift=0.0)

    done = calmops("run", "small.yaml")
    listed = calmops("history", "small")

    for text in (done.out, done.err, listed.out, calmops("list").out):
        assert "\x1b" not in text
    assert r"m0 \x1b[31m[red]\nx.csv" in done.out
    assert len(listed.out.splitlines()) == 4


def test_column_name_of_control_characters_is_shown_inert(calmops: Calmops, folder: Path) -> None:
    for number, shift in enumerate((0.0, 3.0), start=1):
        file = folder / "data" / f"m{number}.csv"
        write_csv(file, shift=shift)
        file.write_text(file.read_text().replace("a,b,", "a\x1b[2J,b,", 1))

    calmops("run", "small.yaml")
    done = calmops("explain", "small", "--full")

    assert done.code == 0
    assert "\x1b" not in done.out
    assert r"a\x1b[2J" in done.out


def test_debug_shows_the_traceback_and_keeps_the_line(
    calmops: Calmops, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALMOPS_DEBUG", "1")

    done = calmops("run", "nowhere.yaml")

    assert done.code == 2
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("calmops: cannot read a spec")


def test_run_against_a_silent_prefect_api_fails_when_it_is_demanded(
    calmops: Calmops, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")

    done = calmops("run", "small.yaml", "--prefect")

    assert done.code == 1
    assert "no Prefect API answers" in done.err
    assert "Traceback" not in done.err


def test_person_closes_a_breaker_that_cannot_be_read(
    calmops: Calmops, calmops_home: Path, folder: Path
) -> None:
    calmops("run", "small.yaml")
    with closing(sqlite3.connect(calmops_home / "calmops.db")) as database, database:
        database.execute("UPDATE pipelines SET breaker = '{garbage'")

    told = calmops("status", "small").out
    done = calmops("relaunch", "small", "--close-breaker")
    again = calmops("relaunch", "small", "--close-breaker")

    assert "at once by `calmops relaunch small --close-breaker`" in told
    assert (done.code, again.code) == (0, 0)
    assert "was open, and is closed" in done.err
    assert "was closed, and is closed" in again.err
    assert calmops("status", "small", "--json").json["circuit"]["state"] == "closed"
    kinds = [one["kind"] for one in calmops("audit", "small", "--json").json["entries"]]
    assert kinds.count("breaker_closed") == 1
