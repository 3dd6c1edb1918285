"""A new virtual environment that holds the built wheel and what its bounds resolve to today."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class FreshEnvironment:
    """A virtual environment with the wheel in it, and nothing of this checkout."""

    folder: Path
    """Root of the environment."""
    wheel: Path
    """The wheel that was installed."""
    home: Path
    """Home, working folder and ``CALMOPS_HOME`` of its processes."""

    def program(self, name: str) -> Path:
        """Return the path of one of its programs."""
        return self.folder / "bin" / name

    def variables(self, **more: str) -> dict[str, str]:
        """Return the environment variables for its processes."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CALMOPS_", "PREFECT_", "PYTHON", "VIRTUAL_ENV", "COV_"))
        }
        own = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "CALMOPS_HOME": str(self.home / "calmops"),
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
        return kept | own | more

    def run(
        self, *command: str, seconds: float = 120, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs outside the checkout."""
        return subprocess.run(
            [self.program(command[0]), *command[1:]],
            cwd=self.home,
            env=self.variables(**more),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )


def build(folder: Path) -> FreshEnvironment:
    """Build the wheel and install it with the extra ``demo``, from the bounds, not the lock."""
    home = folder / "home"
    home.mkdir(parents=True)
    wheel = build_wheel(folder / "dist")
    environment = folder / "environment"
    _call(sys.executable, "-m", "venv", str(environment))
    _install(environment, f"{wheel}[demo]")
    return FreshEnvironment(environment, wheel, home)


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    _call(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT), cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _install(environment: Path, requirement: str) -> None:
    """Install with uv where it is there and can, else with pip."""
    python = str(environment / "bin" / "python")
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is not None:
        done = subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", python, requirement],
            capture_output=True,
            check=False,
            timeout=600,
        )
        if done.returncode == 0:
            return
    _call(python, "-m", "pip", "install", "--quiet", requirement)


def _call(*command: str, cwd: Path | None = None) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[:4]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
