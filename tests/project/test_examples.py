"""The examples of the documentation run as they stand, and print what it says they print."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", ["labels"])
def test_example_prints_what_the_page_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ((code, printed),) = EXAMPLE.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALMOPS_PREFECT", "off")

    runpy.run_path("example.py")

    assert capsys.readouterr().out == printed
