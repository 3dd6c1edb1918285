"""MLflow's scoring server in an environment of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.peer_tools.environments import HOME, INSTALL_SECONDS, SILENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("mlflow", "scikit-learn", "pandas")
START_SECONDS = 120
FIT = """
import sys, pandas, mlflow.sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
frame = pandas.read_csv(sys.argv[1])
X, y = frame.drop(columns="y"), frame["y"]
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
signature = mlflow.models.infer_signature(X, y)
mlflow.sklearn.save_model(model, sys.argv[2], signature=signature)
"""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> Path | None:
    """Return the folder of the environment; None, with the reason printed, if it fails."""
    folder = HOME / "MLflow"
    if (folder / "installed").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    python = str(folder / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "--quiet", *PACKAGES],
    ):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            print(f"MLflow did not install: {last}", flush=True)
            return None
    (folder / "installed").touch()
    return folder


@contextmanager
def mlflow_server(data: Path, model: Path) -> Iterator[tuple[int, int] | None]:
    """Fit a model on a CSV file and serve it; give port and process id, None if that fails."""
    folder = environment()
    if folder is None:
        yield None
        return
    variables = {**os.environ, **SILENCE, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    python = str(folder / "bin" / "python")
    subprocess.run(
        [python, "-W", "ignore", "-c", FIT, str(data), str(model)], env=variables, check=True
    )
    port = free_port()
    command = [python, "-m", "mlflow", "models", "serve", "-m", str(model), "-p", str(port)]
    with subprocess.Popen(
        [*command, "--env-manager", "local"],
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:
        try:
            yield (port, server.pid) if _is_up(port) else None
        finally:
            os.killpg(server.pid, 15)


def _is_up(port: int) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.2)
    print(f"MLflow's server was not up in {START_SECONDS} s", flush=True)
    return False
