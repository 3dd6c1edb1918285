"""``calmops generate report`` writes one whole page, or JSON, or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import Calmops


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    for name, move in (("real", 0.0), ("made", 1.0)):
        frame = pd.DataFrame({"a": rng.normal(move, 1, 300), "g": rng.choice(list("xy"), 300)})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("suffix", ["html", "json", "md"])
def test_tables_are_compared(calmops: Calmops, folder: Path, suffix: str) -> None:
    done = calmops("generate", "report", "real.csv", "made.csv", "--out", f"r.{suffix}", "--json")

    assert done.code == 0, done.err
    values = done.fits("generate_report")
    assert values["verdict"]["columns"] == ["a"]
    text = (folder / f"r.{suffix}").read_text()
    if suffix == "json":
        assert json.loads(text) == {name: value for name, value in values.items() if name != "file"}
    else:
        assert "Real and generated data" in text


def test_snapshots_of_a_scenario_are_judged_beside_its_truth(
    calmops: Calmops, folder: Path
) -> None:
    made = calmops(
        "generate", "scenario", "clinical_batch_effect", "--out", "study", "--periods", "6",
        "--rows", "400",
    )  # fmt: skip
    done = calmops(
        "generate", "report", "study/arrivals/period-001.csv", "study/arrivals",
        "--truth", "study/truth.csv", "--out", "r.html", "--json",
    )  # fmt: skip

    assert (made.code, done.code) == (0, 0), done.err
    snapshots = done.fits("generate_report")["snapshots"]
    assert [one["snapshot"] for one in snapshots] == [f"period-00{n}.csv" for n in range(2, 7)]
    assert [list(one["truth"]) for one in snapshots] == [[], [], [], ["marker"], ["marker"]]
    assert [one["found"] for one in snapshots[3:]] == [["marker"], ["marker"]]
    assert "<svg" in (folder / "r.html").read_text()


def test_blocks_of_a_file_are_judged_one_by_one(calmops: Calmops, folder: Path) -> None:
    real, made = (pd.read_csv(folder / f"{name}.csv") for name in ("real", "made"))
    parts = [real[::2].assign(site="s2"), made.assign(site="s1")]
    pd.concat(parts).to_csv(folder / "stream.csv", index=False)

    done = calmops(
        "generate", "report", "real.csv", "stream.csv", "--block", "site", "--out", "r.html",
        "--json",
    )  # fmt: skip

    assert done.code == 0, done.err
    snapshots = done.fits("generate_report")["snapshots"]
    assert [(one["snapshot"], one["columns"]) for one in snapshots] == [("s2", []), ("s1", ["a"])]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("real.csv", "made.csv", "--out", "r.pdf"), 2, ".html or .json or .md"),
        (("real.csv", "no.csv", "--out", "r.html"), 2, "there is no file"),
        (("real.csv", "made.csv", "--truth", "t.csv", "--out", "r.html"), 2, "belongs to a folder"),
        (("real.csv", "made.csv", "--out", "real.csv"), 1, "exists"),
        (("real.csv", "made.csv", "--block", "q", "--out", "r.html"), 2, "no column 'q'; columns"),
        (("real.csv", "empty", "--block", "a", "--out", "r.html"), 2, "--block belongs to a file"),
        (("real.csv", "empty", "--out", "r.html"), 2, "no snapshot to judge"),
        (("real.csv", "mixed", "--out", "r.html"), 1, "mixed/notes.yaml': expected one of"),
    ],
)
def test_wrong_use_writes_nothing(
    calmops: Calmops, folder: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    (folder / "empty").mkdir()
    (folder / "mixed").mkdir()
    (folder / "mixed" / "notes.yaml").write_text("a: 1")
    before = sorted(folder.rglob("*"))

    done = calmops("generate", "report", *arguments)

    assert done.code == code, done.err
    assert message in " ".join(done.err.split())
    assert sorted(folder.rglob("*")) == before
