"""The examples of the documentation run as they stand, and print what it says they print."""

from __future__ import annotations

import re
import runpy
from collections import Counter
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", re.DOTALL)


PAGES = ("labels", "generators")
EXAMPLES = [
    pytest.param(code, printed, id=f"{page}{number}")
    for page in PAGES
    for number, (code, printed) in enumerate(
        EXAMPLE.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    )
]


def test_pages_have_their_examples() -> None:
    found = Counter(str(example.id).rstrip("0123456789") for example in EXAMPLES)

    assert set(found) == set(PAGES)
    assert found["generators"] >= 3  # one for each family


@pytest.mark.parametrize(("code", "printed"), EXAMPLES)
def test_example_prints_what_the_page_says(
    code: str,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALMOPS_PREFECT", "off")

    runpy.run_path("example.py")

    assert capsys.readouterr().out == printed
