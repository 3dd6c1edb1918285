from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Calmops, write_csv


def test_a_repaired_file_is_tried_again_and_processed(calmops: Calmops, folder: Path) -> None:
    (folder / "data" / "m1.csv").write_text("a,b,label\n1,2")
    calmops("run", "small.yaml")

    listed = calmops("quarantine", "small", "--json").json
    retried = calmops("quarantine", "small", "retry", "m1.csv")

    assert [entry["snapshot"] for entry in listed] == ["m1.csv"]
    assert retried.out == "pending again: m1.csv\nNext: calmops run small\n"
    again = calmops("run", "small", "--json").json
    assert [entry["snapshot"] for entry in again["quarantined"]] == ["m1.csv"]
    write_csv(folder / "data" / "m1.csv", shift=0.0)
    assert len(calmops("run", "small", "--json").json["outcomes"]) == 1


def test_drop_needs_to_be_told_which(calmops: Calmops, folder: Path) -> None:
    (folder / "data" / "m1.csv").write_text("a,b,label\n1,2")
    calmops("run", "small.yaml")

    assert calmops("quarantine", "small", "drop").code == 2
    assert calmops("quarantine", "small", "drop", "--all").out == "dropped: m1.csv\n"
    assert "Nothing of small is quarantined" in calmops("quarantine", "small").out
    assert (
        "Nothing of small was quarantined" in calmops("quarantine", "small", "retry", "--all").out
    )
