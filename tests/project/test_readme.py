"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_python_of_the_readme_prints_what_the_readme_says(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    code, printed = re.findall(r"```python\n(.*?)```.*?prints\n\n```\n(.*?)```", text, re.DOTALL)[0]
    environment = {**os.environ, "CALMOPS_HOME": str(tmp_path / "home"), "CALMOPS_PREFECT": "off"}

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout == printed


def test_commands_of_the_readme_exist() -> None:
    from typer.main import get_command

    from calmops_flows.cli.main import app

    named = set(re.findall(r"^calmops ([a-z]+)", README.read_text("utf-8"), re.MULTILINE))
    known = get_command(app).commands  # type: ignore[attr-defined]

    assert named <= set(known)
    assert len(named) >= 7
