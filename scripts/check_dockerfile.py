"""Run the RUN lines of the Dockerfile in a temporary folder, and start what the image is for.

Each COPY, ENV, WORKDIR and RUN is done as the builder would do it, with every absolute path put
under the folder of its stage, and a new virtual environment in the place of the image's Python.
Then server, worker and dashboard are started from there, and asked how they are. What needs an
engine (the base image, the user at run time) is covered where one answers: it builds the image.
With ``--sample`` the libraries are those of this environment, and nothing is started.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
START_SECONDS = 300
STOP_SECONDS = 30


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


def borrow(argument: str, stage: Stage) -> str:
    """Let a stage use the libraries of this environment, and install only the package itself."""
    if "pip install" not in argument:
        return argument
    [here] = (Path(sys.prefix) / "lib").glob("python3.*/site-packages")
    [there] = (stage.root / "python" / "lib").glob("python3.*/site-packages")
    (there / "borrowed.pth").write_text(f"{here}\n", encoding="utf-8")
    return argument.replace("pip install", "pip install --no-deps --ignore-installed")


def build(folder: Path, *, is_sample: bool = False) -> Stage:
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
            run(borrow(argument, stage) if is_sample else argument, stage)
        elif instruction not in {"USER", "VOLUME", "CMD"}:
            raise SystemExit(f"this script does not know the instruction {instruction!r}")
    return stage


def _is_cache(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if fnmatch(name, "__pycache__")}


def commands(ports: dict[str, int]) -> dict[str, tuple[str, str]]:
    """Return the three commands of the image on free ports, with the URLs that must answer."""
    api = f"http://127.0.0.1:{ports['server']}/api"
    default = next(a for i, a in instructions((ROOT / "Dockerfile").read_text()) if i == "CMD")
    worker = " ".join(word.strip(' "') for word in default.strip("[]").split(","))
    return {
        "server": (f"prefect server start --port {ports['server']}", f"{api}/health"),
        "worker": (worker, f"http://127.0.0.1:{ports['worker']}/health"),
        "dashboard": (
            f"calmops dashboard --host 0.0.0.0 --port {ports['dashboard']}",
            f"http://127.0.0.1:{ports['dashboard']}/_stcore/health",
        ),
    }


@contextmanager
def started(command: str, stage: Stage, variables: dict[str, str]) -> Iterator[None]:
    """Run a command of the image within the block, and end it with all that it started."""
    path = f"{stage.root / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **stage.variables, **variables, "PATH": path}
    process = subprocess.Popen(
        ["/bin/sh", "-ec", f"exec {command}"],
        cwd=stage.cwd,
        env=environment,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(name: str, url: str) -> None:
    """Wait until a URL answers 200."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
                print(f"{name} answers", flush=True)
                return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"{name} did not answer at {url} within {START_SECONDS} s")


def free_ports(*names: str) -> dict[str, int]:
    """Return a free port of 127.0.0.1 for each name."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    found = {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}
    for probe in probes:
        probe.close()
    return found


def start_all(stage: Stage) -> None:
    """Start server, worker and dashboard from the stage, and see each of them answer."""
    ports = free_ports("server", "worker", "dashboard")
    (server, server_url), *others = commands(ports).values()
    variables = {
        "PREFECT_API_URL": server_url.removesuffix("/health"),
        "PREFECT_WORKER_WEBSERVER_PORT": str(ports["worker"]),
        "CALMOPS_TOKEN": "for this check only",
    }
    with started(server, stage, variables):
        wait_for("server", server_url)
        for name, (command, url) in zip(("worker", "dashboard"), others, strict=True):
            with started(command, stage, variables):
                wait_for(name, url)


def build_with_engine() -> None:
    """Build the image where a container engine answers, and say so where none does."""
    engine = next((name for name in ("docker", "podman") if shutil.which(name)), None)
    if (
        engine is None
        or subprocess.run([engine, "info"], capture_output=True, check=False).returncode
    ):
        print(f"no container engine answers here ({engine or 'none installed'}): image not built")
        return
    subprocess.run([engine, "build", "--tag", "calmops:check", str(ROOT)], check=True)
    print(f"{engine} has built the image")


def main() -> None:
    """Run the lines, start what they made, and build the image if that can be done here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="borrow the libraries, start nothing")
    is_sample = parser.parse_args().sample
    with tempfile.TemporaryDirectory() as folder:
        stage = build(Path(folder), is_sample=is_sample)
        run("calmops modes >/dev/null && python -m prefect version >/dev/null", stage)
        run("python -c 'import calmops_flows, lightgbm, streamlit, uvicorn'", stage)
        if not is_sample:
            start_all(stage)
    print("all RUN lines work")
    if not is_sample:
        build_with_engine()


if __name__ == "__main__":
    main()
