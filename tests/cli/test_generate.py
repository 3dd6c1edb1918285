"""``calmops generate`` writes whole files, and nothing when it is used wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Calmops


def test_stream_is_written_with_its_changes(calmops: Calmops, tmp_path: Path) -> None:
    drift = tmp_path / "drift.yaml"
    drift.write_text("{kind: abrupt, position: 50, to: {variant: 2}}")

    done = calmops(
        "generate", "synthetic", "sea", "100", "--out", str(tmp_path / "sea.csv"),
        "--param", "variant=1", "--drift", str(drift), "--json",
    )  # fmt: skip

    assert done.code == 0
    assert done.fits("generate_synthetic")["change_points"] == [50]
    assert pd.read_csv(tmp_path / "sea.csv").shape == (100, 4)


def test_drift_is_injected_and_logged(calmops: Calmops, tmp_path: Path) -> None:
    pd.DataFrame({"a": range(10)}).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "plan.yaml").write_text("{kind: shift, columns: [a], magnitude: 1}")

    done = calmops(
        "generate", "inject", str(tmp_path / "a.csv"), str(tmp_path / "plan.yaml"),
        "--out", str(tmp_path / "b.parquet"), "--log", str(tmp_path / "log.csv"), "--json",
    )  # fmt: skip

    assert done.fits("generate_inject")["steps"] == [{"step": 0, "kind": "shift", "changes": 10}]
    assert len(pd.read_csv(tmp_path / "log.csv")) == 10
    assert len(pd.read_parquet(tmp_path / "b.parquet")) == 10


def test_texts_that_spreadsheets_would_run_are_escaped_when_asked(
    calmops: Calmops, tmp_path: Path
) -> None:
    texts = ["=1+1", "+2", "-x", "@sum", "plain", ""]
    frame = pd.DataFrame({"a": range(-1, 5), "=cmd|' /C calc'!A0": texts})
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    (tmp_path / "plan.yaml").write_text("{kind: shift, columns: [a], magnitude: 0}")
    inject = ("generate", "inject", str(tmp_path / "a.parquet"), str(tmp_path / "plan.yaml"))

    calmops(*inject, "--out", str(tmp_path / "as_it_is.csv"))
    calmops(*inject, "--out", str(tmp_path / "safe.csv"), "--escape-formulas")

    as_it_is = pd.read_csv(tmp_path / "as_it_is.csv", keep_default_na=False)
    safe = pd.read_csv(tmp_path / "safe.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(as_it_is, frame)
    assert list(safe) == ["a", "'=cmd|' /C calc'!A0"]
    assert safe["a"].tolist() == frame["a"].tolist()
    assert safe.iloc[:, 1].tolist() == ["'=1+1", "'+2", "'-x", "'@sum", "plain", ""]


def test_scenario_is_written_with_its_spec(calmops: Calmops, tmp_path: Path) -> None:
    done = calmops(
        "generate", "scenario", "seasonal_demand", "--out", str(tmp_path / "demand"),
        "--periods", "2", "--rows", "30",
    )  # fmt: skip
    again = calmops(
        "generate", "scenario", "seasonal_demand", "--out", str(tmp_path / "again"), "--periods",
        "1", "--rows", "30", "--json",
    )  # fmt: skip

    assert again.fits("generate_scenario")["spec"] == str(tmp_path / "again" / "pipeline.yaml")
    assert done.code == 0
    assert f"calmops run {tmp_path / 'demand' / 'pipeline.yaml'}" in " ".join(done.out.split())


def test_rows_like_those_of_a_file_are_written_with_a_report(
    calmops: Calmops, tmp_path: Path
) -> None:
    pd.DataFrame({"a": range(200), "b": [0, 1] * 100}).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "plan.yaml").write_text(
        "balance: {target: b, shares: {'1': 0.8, '0': 0.2}}\nbounds: {a: [50, 150]}\n"
    )
    arguments = (
        "generate", "synthesize", str(tmp_path / "a.csv"), "--rows", "50", "--target", "b",
        "--plan", str(tmp_path / "plan.yaml"),
    )  # fmt: skip

    done = calmops(
        *arguments, "--out", str(tmp_path / "b.csv"), "--report", str(tmp_path / "b.json"), "--json"
    )
    plain = calmops(*arguments, "--out", str(tmp_path / "c.csv"), "--json")
    words = calmops(
        *arguments, "--out", str(tmp_path / "d.csv"), "--report", str(tmp_path / "d.html")
    )

    told = done.fits("generate_synthesize")
    assert (told["holdout_rows"], told["quality"]["copies"]) == (40, 0)
    assert told["plan"]["bounds"] == {"a": [50.0, 150.0]}
    assert plain.fits("generate_synthesize")["quality"] is None
    new = pd.read_csv(tmp_path / "b.csv")
    assert new["b"].value_counts().to_dict() == {1: 40, 0: 10}
    assert new["a"].between(50, 150).all()
    report = json.loads((tmp_path / "b.json").read_text())
    assert report["fidelity"]["efficacy"]["target"] == "b"
    said = " ".join(words.out.split())
    assert "detection auc 0." in said
    assert f"the report is in {tmp_path / 'd.html'}" in said


def test_whole_numbers_and_flags_with_gaps_stay_what_they_are(
    calmops: Calmops, tmp_path: Path
) -> None:
    lines = ["n,ok,x", *(f"{row % 7},{row % 3 == 0},{row / 8}" for row in range(60)), ",,1.5"]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "plan.yaml").write_text("{kind: shift, columns: [x], magnitude: 1}")
    a, b, c = (str(tmp_path / name) for name in ("a.csv", "b.csv", "c.csv"))

    done = calmops("generate", "inject", a, str(tmp_path / "plan.yaml"), "--out", b)
    drawn = calmops("generate", "synthesize", a, "--out", c)

    assert (done.code, drawn.code) == (0, 0), done.err + drawn.err
    cells = [line.split(",")[:2] for line in (tmp_path / "b.csv").read_text().splitlines()]
    assert cells[1:] == [line.split(",")[:2] for line in lines[1:]]
    new = [line.split(",") for line in (tmp_path / "c.csv").read_text().splitlines()[1:]]
    assert {row[0] for row in new} <= {"", *"0123456"}
    assert {row[1] for row in new} <= {"", "True", "False"}


def test_a_report_that_cannot_be_made_leaves_nothing(calmops: Calmops, tmp_path: Path) -> None:
    pd.DataFrame({"a": range(50)}).to_csv(tmp_path / "a.csv", index=False)

    done = calmops(
        "generate", "synthesize", str(tmp_path / "a.csv"), "--out", str(tmp_path / "b.csv"),
        "--report", str(tmp_path / "b.html"), "--target", "nothing",
    )  # fmt: skip

    assert done.code == 2
    assert "no column 'nothing'" in " ".join(done.err.split())
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


def test_clinic_is_written_with_its_truth_and_spec(calmops: Calmops, tmp_path: Path) -> None:
    out = tmp_path / "trial"

    done = calmops(
        "generate", "clinic", "biomarker_trial", "--out", str(out), "--patients", "40", "--json"
    )

    told = done.fits("generate_clinic")
    assert (told["patients"], told["spec"]) == (40, str(out / "pipeline.yaml"))
    for file in told["files"]:
        assert len(pd.read_csv(out / "arrivals" / file["file"])) == file["rows"]
    assert [len(pd.read_csv(out / "truth" / f"{name}.csv")) > 0 for name in told["truth"]]


def test_clinic_says_what_comes_next(calmops: Calmops, tmp_path: Path) -> None:
    (tmp_path / "trial.yaml").write_text(
        "{name: trial, cohort: {patients: 20}, outcomes: {ill: {formula: '0'}}, target: ill}"
    )

    done = calmops("generate", "clinic", str(tmp_path / "trial.yaml"), "--out", str(tmp_path / "o"))

    assert "visit-001.csv: 20 rows" in done.out
    assert f"calmops run {tmp_path / 'o' / 'pipeline.yaml'}" in " ".join(done.out.split())


def test_list_names_every_family(calmops: Calmops) -> None:
    known = calmops("generate", "list", "--json").fits("generate_list")

    assert {one["family"] for one in known} == {
        "synthetic",
        "inject",
        "clinic",
        "clinic layer",
        "clinic effect",
        "privacy",
        "scenario",
        "synthesize",
    }
    assert all(one["about"] for one in known)
    parameters = {one["name"]: one["parameters"] for one in known}
    assert parameters["sea"] == ["variant", "threshold", "noise"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["synthetic", "nothing", "10"], "unknown generator"),
        (["synthetic", "sea", "10", "--param", "variant"], "KEY=VALUE"),
        (["synthetic", "sea", "0"], "n_samples"),
        (["inject", "no.csv", "plan.yaml"], "there is no file"),
        (["synthesize", "no.csv"], "there is no file"),
        (["synthesize", "no.csv", "--report", "report.txt"], ".json or .html"),
        (["scenario", "nothing"], "unknown scenario"),
        (["clinic", "nothing"], "ready: biomarker_trial"),
        (["clinic", "nothing.yaml"], "cannot read the study"),
        (["clinic", "biomarker_trial", "--patients", "0"], "greater than or equal to 1"),
    ],
)
def test_wrong_use_writes_nothing(
    calmops: Calmops, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = calmops("generate", *arguments, "--out", str(tmp_path / "out.csv"))

    assert done.code == 2
    assert message in " ".join(done.err.split())
    assert list(tmp_path.glob("*out.csv*")) == []
