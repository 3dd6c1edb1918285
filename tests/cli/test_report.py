from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Calmops
from tests.cli.test_views import errors


@pytest.mark.slow
def test_report_is_written_and_said_where(calmops: Calmops, folder: Path) -> None:
    calmops("run", "small.yaml")

    done = calmops("report", "small", "m2.csv", "--out", "page.html")

    assert done.code == 0
    assert "Wrote page.html" in done.out
    assert (folder / "page.html").read_text().lstrip().startswith("<!DOCTYPE html>")
    again = calmops("report", "small", "m2.csv", "--json")
    assert errors("report", again.json) == []
    assert again.json["is_new"] is False
    assert (folder / "small-m2.csv.html").read_bytes() == (folder / "page.html").read_bytes()
    assert again.json["artifact"][:12] in calmops("explain", "small", "m2.csv", "--full").out


def test_report_of_a_first_snapshot_says_that_there_was_no_reference(
    calmops: Calmops, folder: Path
) -> None:
    calmops("run", "small.yaml")

    done = calmops("report", "small", "m1.csv")

    assert done.code == 2
    assert "no reference" in done.err
    assert not list(folder.glob("*.html"))


def test_report_of_an_unknown_pipeline_is_wrong_use(calmops: Calmops, folder: Path) -> None:
    calmops("apply", "small.yaml")

    done = calmops("report", "smal", "m1.csv")

    assert done.code == 2
    assert "did you mean 'small'" in done.err
