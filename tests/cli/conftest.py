"""The command in this process, as the console script calls it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from calmops_flows.cli.main import main

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
SPEC = """
name: small
target: label
task: classification
source:
  path: data
  settle_seconds: 0
model:
  class: sklearn.linear_model.LogisticRegression
"""


@dataclass(frozen=True)
class Done:
    """What one call of the command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def fits(self, name: str) -> Any:
        """Return the JSON, which is as its schema in the docs says."""
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
        Draft202012Validator.check_schema(schema)
        wrong = [error.message for error in Draft202012Validator(schema).iter_errors(self.json)]
        assert wrong == [], name
        return self.json


Calmops = Callable[..., Done]


@pytest.fixture
def calmops(capsys: pytest.CaptureFixture[str]) -> Calmops:
    def call(*arguments: str) -> Done:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return call


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a working folder with a spec and two settled files, the second one shifted."""
    (tmp_path / "data").mkdir()
    (tmp_path / "small.yaml").write_text(SPEC)
    write_csv(tmp_path / "data" / "m1.csv", shift=0.0)
    write_csv(tmp_path / "data" / "m2.csv", shift=2.0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_csv(path: Path, *, shift: float, rows: int = 200) -> None:
    """Write rows whose label follows from ``a``; an older mtime makes the file settled."""
    numbers = [(n * 37 % rows) / rows for n in range(rows)]
    lines = [f"{a + shift},{1 - a},{'yes' if a > 0.5 else 'no'}" for a in numbers]
    path.write_text("a,b,label\n" + "\n".join(lines) + "\n")
    os.utime(path, (1_000_000_000, 1_000_000_000))
