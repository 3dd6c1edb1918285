"""What must not get out: values of the users' rows, and secrets of the settings."""

from __future__ import annotations

import gc
import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from tests.cli.conftest import Calmops, calmops
from tests.store_dump import dump

__all__ = ["calmops"]
pytestmark = pytest.mark.faults
OLD = (1_600_000_000, 1_600_000_000)
CANARIES = ("canary-7f3a", "271828.1828", "Jane Doe", "31.12.1999")
KINDS: dict[str, dict[str, Any]] = {
    "stream": {},
    "own rules": {"preprocess": {"function": "rules.py:clean"}, "target": None},
    "block": {"kind": "block", "block": {"column": "site"}},
    "ipip": {"kind": "ipip"},
}
FAILING = """
def clean(frame):
    if len(frame) == 61:
        raise ValueError("a rule of ours does not hold in column text")
    return frame.drop(columns="y"), frame["y"]
"""


def csv_of(n: int, *, shift: float = 0.0, cell: str = "canary-7f3a") -> str:
    lines = ["site,a,b,text,y"]
    for number in range(n):
        a = (number * 37 % n) / n + shift
        wild = 271828.1828 if number == 3 else 1 - a
        text = cell if number % 5 == 0 else ("Jane Doe" if number % 7 == 0 else "z")
        lines.append(f"s{number % 2},{a},{wild},{text},{int(a > 0.5 + shift)}")
    return "\n".join(lines) + "\n"


def arrive(folder: Path) -> None:
    """Write good files, drifted ones, and every way in which a value may spoil a file."""
    good, shifted = csv_of(120), csv_of(120, shift=3.0)
    files = {
        "0.csv": good,
        "1.csv": shifted,
        "2.csv": good.replace("0.5,", "canary-7f3a,", 1),  # a text among numbers
        "3.csv": good + "canary-7f3a,1,2",  # a record that is cut
        "4.csv": good + 's0,1,2,"canary-7f3a\n',  # a quote that is never closed
        "5.csv": good.replace("text", "other", 1),  # a missing column
        "6.csv": good.replace(",0\n", ",canary-7f3a\n"),  # other labels
        "7.csv": good.replace("z,", "31.12.1999,"),  # a date of no known order
        "8.csv": good.replace("s1,", "canary-7f3a,"),  # a block named by a value
        "9.csv": good + "s0,1,2,canary-7f3a\0,1\n",
        "10.csv": csv_of(1),
        "11.json": '[{"site": "s0", "a": 1, "text": "canary-7f3a"',
        "12.csv": csv_of(61),
        "13.csv": csv_of(120, cell="canary-7f3a" * 50),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
        os.utime(folder / name, OLD)
    (folder / "14.csv").write_bytes(good.encode().replace(b"Jane", b"Jane Doe \xff\xfe"))
    os.utime(folder / "14.csv", OLD)


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_of_a_row_is_printed_or_logged(
    calmops: Calmops,
    calmops_home: Path,
    tmp_path: Path,
    kind: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    arrive(folder)
    (tmp_path / "rules.py").write_text(FAILING)
    spec = {
        "name": "private",
        "target": "y",
        "source": {"path": str(folder), "settle_seconds": 0},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
        **KINDS[kind],
    }
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private.yaml").write_text(yaml.safe_dump(spec))

    runs = [calmops("-v", "run", str(tmp_path / "private.yaml"), "--no-prefect") for _ in range(2)]
    views = [
        calmops(*words)
        for words in (
            ("list",),
            ("status", "private"),
            ("history", "private"),
            ("history", "private", "--json"),
            ("explain", "private"),
            ("quarantine", "private"),
            ("audit", "private"),
            ("fsck",),
        )
    ]

    logs = [file.read_text(errors="replace") for file in (calmops_home / "logs").rglob("*")]
    said = [done.out + done.err for done in (*runs, *views)]
    # A block is named by a value of its column, and so are labels of classes: these are names.
    names = {"canary-7f3a"} if kind == "block" else set()
    for canary in set(CANARIES) - names:
        assert [text for text in (*logs, *said, caplog.text) if canary in text] == [], canary
    assert [done.code for done in (*runs, *views)] == [0] * (len(runs) + len(views))
    assert logs
    states = {o["state"] for o in json.loads(views[3].out)}
    assert {"processed", "quarantined"} <= states


def test_no_secret_of_the_settings_is_stored_shown_or_logged(
    calmops: Calmops,
    calmops_home: Path,
    tmp_path: Path,
    postgres_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A password in the database's URL and a token: neither is in what is written or printed."""
    secret = "hunter2-not-for-eyes"
    url = postgres_database.replace("@", f":{secret}@", 1)
    assert secret in url
    monkeypatch.setenv("CALMOPS_DATABASE_URL", url)
    monkeypatch.setenv("CALMOPS_TOKEN", secret)
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "0.csv").write_text(csv_of(120))
    os.utime(folder / "0.csv", OLD)
    spec = {
        "name": "private",
        "target": "y",
        "source": {"path": str(folder), "settle_seconds": 0},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
    }
    (tmp_path / "private.yaml").write_text(yaml.safe_dump(spec))

    said = [
        calmops(*words)
        for words in (
            ("-v", "run", str(tmp_path / "private.yaml"), "--no-prefect"),
            ("show", "private"),
            ("show", "private", "--json"),
            ("status", "private"),
            ("card", "private"),
            ("audit", "private"),
            ("fsck",),
            ("backup", str(tmp_path / "backup")),
            ("export", "private", str(tmp_path / "private.zip")),
            ("run", "nobody"),
        )
    ]
    with open_store(Settings(database_url=url)) as store:
        rows = repr(dump(store.database))
    monkeypatch.setenv("CALMOPS_DATABASE_URL", url + "_that_is_not_there")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # psycopg's, of the connection that was refused
        said.append(calmops("list"))
        gc.collect()

    files = [path for root in (calmops_home, tmp_path) for path in root.rglob("*")]
    leaks = [path for path in files if path.is_file() and secret.encode() in path.read_bytes()]
    assert leaks == []
    assert [done for done in said if secret in done.out + done.err] == []
    assert secret not in rows
    assert [done.code for done in said] == [0] * 9 + [2, 1]
