"""Hostile names of columns, categories and files: processed, and inert wherever they are shown."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.cli.conftest import Calmops, calmops
from tests.steps.conftest import rows

__all__ = ["calmops"]
pytestmark = pytest.mark.faults
OLD = (1_600_000_000, 1_600_000_000)
FORGED = "2013-01-01 00:00:00,000 INFO calmops: forged"
NAMES = [
    "=cmd|' /C calc'!A0",
    "\x1b[31mred\x1b]0;title\x07",
    f"line\n{FORGED}",
    "carriage\rreturn",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "%s %n {0} ${HOME}",
    "__class__",
    "\u202egnirts\u2028",
    "x" * 300,
    "'; DROP TABLE pipelines; --",
]
COMMANDS = [
    ("list",),
    ("status", "hostile"),
    ("show", "hostile"),
    ("history", "hostile"),
    ("explain", "hostile"),
    ("card", "hostile"),
    ("audit", "hostile"),
    ("contract", "hostile"),
    ("quarantine", "hostile"),
    ("fsck",),
]
WITH_JSON = {"list", "status", "show", "history", "explain"}


def hostile(seed: int, shift: float) -> pd.DataFrame:
    """Return rows whose columns and categories have the names above."""
    frame = rows(seed, 300, shift=shift)
    for number, name in enumerate(NAMES):
        frame[name] = frame["a"].to_numpy() * (number + 1)
    categories = [NAMES[number % len(NAMES)] for number in range(len(frame))]
    return frame.assign(c=categories)


def test_hostile_names_are_processed_and_shown_inert(
    calmops: Calmops, calmops_home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    files = ["0.parquet", "=1+1\x1b[2J\n2.parquet", "3.parquet"]
    for number, name in enumerate(files):
        hostile(number, shift=3.0 * (number > 0)).to_parquet(folder / name)
        os.utime(folder / name, OLD)
    (folder / f"bad\n{FORGED}.parquet").write_bytes(b"PAR1 no PAR1")
    os.utime(folder / f"bad\n{FORGED}.parquet", OLD)
    spec = {
        "name": "hostile",
        "target": "y",
        "source": {"path": str(folder), "settle_seconds": 0},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
    }
    (tmp_path / "hostile.yaml").write_text(yaml.safe_dump(spec))

    done = [calmops("-v", "run", str(tmp_path / "hostile.yaml"), "--no-prefect")]
    done += [calmops(*words) for words in COMMANDS]
    as_json = [calmops(*words, "--json") for words in COMMANDS if words[0] in WITH_JSON]

    said = [text for one in (*done, *as_json) for text in (one.out, one.err)]
    said += [file.read_text() for file in (calmops_home / "logs").iterdir()]
    assert [one.code for one in (*done, *as_json)] == [0] * len([*done, *as_json])
    assert [text for text in said if "\x1b" in text or "\u202e" in text or "\r" in text] == []
    assert [text for text in said if f"\n{FORGED}" in text] == []
    assert {o["state"] for o in as_json[3].json} == {"processed", "quarantined"}
    assert all(json.loads(one.out) for one in as_json)
    assert (calmops_home / "calmops.db").exists()
