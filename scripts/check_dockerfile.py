"""Run the RUN lines of the Dockerfile in a temporary folder, without a container engine.

Each COPY, ENV, WORKDIR and RUN is done as the builder would do it, with every absolute path put
under the folder of its stage, and a new virtual environment in the place of the image's Python.
What needs the engine itself (the base image, the user at run time) is not covered.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(slots=True)
class Stage:
    """One stage of the build: its root folder, working folder and variables."""

    root: Path
    cwd: Path
    variables: dict[str, str] = field(default_factory=dict)

    def inside(self, path: str) -> Path:
        """Return where a path of the image lies on this machine."""
        return self.root / path.lstrip("/") if path.startswith("/") else self.cwd / path


def instructions(text: str) -> list[tuple[str, str]]:
    """Split a Dockerfile into pairs of instruction and argument."""
    joined = text.replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    pairs = (line.split(None, 1) for line in lines)
    return [(name, argument) for name, argument in pairs]


def context_names(ignored: str) -> list[str]:
    """List what the builder may see: the entries that .dockerignore takes back in."""
    return [line[1:] for line in ignored.splitlines() if line.startswith("!")]


def begin(argument: str, folder: Path, stages: dict[str, Stage]) -> Stage:
    """Start a stage with a Python of its own."""
    root = folder / str(len(stages))
    subprocess.run([sys.executable, "-m", "venv", root / "python"], check=True)
    stage = Stage(root, root)
    stages[argument.rsplit(" AS ", maxsplit=1)[-1]] = stage
    return stage


def copy(argument: str, stage: Stage, stages: dict[str, Stage]) -> None:
    """Copy from the context or from an earlier stage."""
    words = shlex.split(argument)
    if words[0].startswith("--from="):
        origin = stages[words[0].removeprefix("--from=")]
        sources = [origin.inside(word) for word in words[1:-1]]
    elif words[0] == ".":
        names = context_names((ROOT / ".dockerignore").read_text(encoding="utf-8"))
        sources = [ROOT / name for name in names if (ROOT / name).exists()]
    else:
        sources = [ROOT / word for word in words[:-1]]
    target = stage.inside(words[-1])
    into = words[-1].endswith(("/", ".")) or len(sources) > 1
    for source in sources:
        place = target / source.name if into else target
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=_is_cache)
        else:
            shutil.copy(source, place)


def run(argument: str, stage: Stage) -> None:
    """Run a shell line with the stage's Python, folder and variables."""
    path = f"{stage.root / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = argument
    if os.getuid() != 0:
        command = command.replace("--owner=1000 --group=1000 ", "")
    print(f"RUN {argument}", flush=True)
    environment = {**os.environ, **stage.variables, "PATH": path}
    subprocess.run(["/bin/sh", "-ec", command], cwd=stage.cwd, env=environment, check=True)


def build(folder: Path) -> Stage:
    """Do all instructions and return the last stage."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder, folder)
    for instruction, argument in instructions((ROOT / "Dockerfile").read_text(encoding="utf-8")):
        if instruction == "FROM":
            stage = begin(argument, folder, stages)
        elif instruction == "WORKDIR":
            stage.cwd = stage.inside(argument)
            stage.cwd.mkdir(parents=True)
        elif instruction == "ENV":
            name, value = argument.split("=", 1)
            stage.variables[name] = str(stage.inside(value)) if value.startswith("/") else value
        elif instruction == "COPY":
            copy(argument, stage, stages)
        elif instruction == "RUN":
            run(argument, stage)
        elif instruction not in {"USER", "VOLUME", "CMD"}:
            raise SystemExit(f"this script does not know the instruction {instruction!r}")
    return stage


def _is_cache(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if fnmatch(name, "__pycache__")}


def main() -> None:
    """Build in a temporary folder and ask the result for its version of the package."""
    with tempfile.TemporaryDirectory() as folder:
        stage = build(Path(folder))
        run(
            "prefect version >/dev/null && python -c 'import calmops_flows, uvicorn, streamlit'",
            stage,
        )
    print("all RUN lines work")


if __name__ == "__main__":
    main()
