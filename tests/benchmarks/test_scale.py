"""The benchmarks of scale still fit the store, in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import known_files, rows, scale, seeding
from calmops_flows.api import apply
from calmops_flows.settings import load_settings
from calmops_flows.store import open_store
from calmops_flows.store.pipelines import pipeline_names


def test_ticks_find_new_files_among_those_that_the_seeded_ledger_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_store(load_settings()) as store:
        seeding.seed(store, n_pipelines=3, n_snapshots=4)
        names = pipeline_names(store.database)
        for name in names:
            scale.make_files(store, name, 4)

        figures = scale.ticks(store, names[1:])

    assert [figure.bar for figure in figures] == [5.0, None, 5.0, None]


def test_one_new_file_is_found_among_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = rows.spec(known_files.NAME, tmp_path / "arrivals", when="never")
    with open_store(load_settings()) as store:
        known_files.make_files(tmp_path / "arrivals", 5)
        apply(spec, store)
        known_files.make_known(store, spec)
        (tmp_path / "arrivals" / "new.parquet").write_bytes(b"new")

        known_files.look(store, 5)

    assert "one new file among 5 known ones" in capsys.readouterr().out
