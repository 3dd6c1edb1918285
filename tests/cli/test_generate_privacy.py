"""``calmops generate privacy`` writes a whole table and a whole report, or neither."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Calmops

PLAN = """
steps:
  - {kind: pseudonym, columns: [name], key: {env: PSEUDONYM_KEY}, prefix: p-}
  - {kind: bins, column: age, width: 20}
  - {kind: suppress, quasi_identifiers: [age], k: 2}
check: {quasi_identifiers: [age], sensitive: [ill], k: 2}
release:
  epsilon: 1
  figures: [{kind: mean, column: age, low: 0, high: 100, epsilon: 1}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PSEUDONYM_KEY", "0123456789abcdef")
    data = {"name": ["Ann", "Bea", "Cid"], "age": [21, 39, 77], "ill": [0, 1, 0]}
    pd.DataFrame(data).to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "plan.yaml").write_text(PLAN)
    return tmp_path


@pytest.mark.parametrize("suffix", [".json", ".md", ".html"])
def test_table_and_report_are_written(calmops: Calmops, folder: Path, suffix: str) -> None:
    report = folder / f"report{suffix}"

    done = calmops(
        "generate", "privacy", str(folder / "plan.yaml"), "--in", str(folder / "in.csv"),
        "--out", str(folder / "out.csv"), "--report", str(report), "--json",
    )  # fmt: skip

    assert done.code == 0, done.err
    after = pd.read_csv(folder / "out.csv")
    assert after["age"].tolist() == ["[20, 40)", "[20, 40)"]
    assert after["name"].str.fullmatch("p-[0-9a-f]{20}").all()
    told = done.fits("generate_privacy")["report"]
    assert (told["before"]["k"], told["after"]["k"], told["budget"]) == (1, 2, 1.0)
    text = report.read_text()
    assert ("l_diversity" if suffix == ".json" else "It does not protect") in text
    for secret in ("0123456789abcdef", "Ann", "Bea"):
        assert secret not in text + done.out


def test_words_say_what_is_not_protected(calmops: Calmops, folder: Path) -> None:
    (folder / "plan.yaml").write_text("steps: [{kind: shuffle, columns: [name]}]")

    done = calmops(
        "generate", "privacy", str(folder / "plan.yaml"), "--in", str(folder / "in.csv"),
        "--out", str(folder / "out.parquet"),
    )  # fmt: skip

    assert "not anonymous" in " ".join(done.out.split())
    assert sorted(pd.read_parquet(folder / "out.parquet")["name"]) == ["Ann", "Bea", "Cid"]


@pytest.mark.parametrize(
    ("old", "new", "more", "code", "message"),
    [
        ("k: 2}\ncheck", "k: 9}\ncheck", (), 2, "k is 9, and the table has 3 rows"),
        ("sensitive: [ill], k: 2", "k: 3", (), 2, "smallest group has 2 rows"),
        ("{env: PSEUDONYM_KEY}", "{env: NO_KEY}", (), 2, "not set"),
        ("epsilon: 1}", "epsilon: 2}", (), 2, "asks for epsilon 2"),
        ("steps", "stages", (), 2, "valid parameters"),
        ("", "", ("--report", "out.csv"), 2, ".json or .md or .html"),
        ("", "", ("--report", "no/folder/r.md"), 2, "no folder"),
        ("", "", ("--report", "plan.md"), 1, "exists"),
    ],
)
def test_refusal_leaves_no_file(
    calmops: Calmops, folder: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str,
    more: tuple[str, ...], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    (folder / "plan.md").write_text("")
    (folder / "plan.yaml").write_text(PLAN.replace(old, new) if old else PLAN)
    before = sorted(folder.rglob("*"))

    done = calmops("generate", "privacy", "plan.yaml", "--in", "in.csv", "--out", "out.csv", *more)

    assert done.code == code, done.err
    assert message in " ".join(done.err.split())
    assert sorted(folder.rglob("*")) == before
