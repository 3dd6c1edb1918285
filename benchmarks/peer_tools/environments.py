"""Where the peers live: in this environment, or in one of their own under ``build/peers``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "peers"
INSTALL_SECONDS = 600
CPU_SECONDS = "PEER_CPU_SECONDS"
WALL = 6  # a busy machine may take so much longer than its CPU time
# none of them shall report home
SILENCE = {
    "DO_NOT_TRACK": "1",
    "EVIDENTLY_DISABLE_TELEMETRY": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "WHYLOGS_NO_ANALYTICS": "True",
}
OWN = "calmops-flows"


@dataclass(frozen=True, slots=True)
class Peer:
    """One library: its module in this folder, and what its own environment holds."""

    module: str
    packages: tuple[str, ...] = ()
    """Empty for a dependency of this project."""


PEERS = {
    OWN: Peer("own_peer"),
    "Evidently": Peer("evidently_peer"),
    "frouros": Peer("frouros_peer"),
    # it holds numpy below 2
    "alibi-detect": Peer("alibi_peer", ("alibi-detect", "pyarrow<21")),
    # NannyML imports statsmodels without declaring it
    "NannyML": Peer("nannyml_peer", ("nannyml", "statsmodels", "pyarrow")),
    # it uses names that numpy 2 removed
    "whylogs": Peer("whylogs_peer", ("whylogs[viz]", "numpy<2", "pandas<3", "pyarrow<21")),
}

# not drift but rows like real ones: benchmarks/synthesis.py
SYNTHESIS = {
    # it calls what pandas 2 removed, and imports scikit-learn without declaring it
    "py-synthpop": Peer(
        "synthpop_peer",
        ("py-synthpop", "pandas<2", "numpy<2", "scikit-learn<1.6", "scipy<1.11", "pyarrow<21"),
    ),
}
KNOWN = PEERS | SYNTHESIS


def interpreter(name: str) -> Path | None:
    """Return the Python that has a peer; make its environment first; None if that fails."""
    peer = KNOWN[name]
    if not peer.packages:
        return Path(sys.executable)
    folder = HOME / name
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    commands = (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", *peer.packages],
    )
    for command in commands:
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            _say(name, f"not done after {INSTALL_SECONDS} s")
            return None
        if done.returncode != 0:
            _say(name, (done.stderr.strip().splitlines() or ["no output"])[-1])
            return None
    stamp.touch()
    return python


def _say(name: str, reason: str) -> None:
    print(f"{name} did not install: {reason}", flush=True)


def ask(name: str, question: str, *arguments: object, seconds: float) -> Any:
    """Run one question in a peer's interpreter for at most so many CPU seconds.

    None, with the reason printed, if it fails.
    """
    python = interpreter(name)
    if python is None:
        return None
    command = [str(python), "-W", "ignore", "-m", "benchmarks.peer_tools.answer"]
    command += [KNOWN[name].module, question, *map(str, arguments)]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | SILENCE | {CPU_SECONDS: str(round(seconds))},
            capture_output=True,
            text=True,
            timeout=WALL * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{name}, {question}: not finished in {WALL * seconds:g} s", flush=True)
        return None
    if done.returncode == -signal.SIGXCPU:
        print(f"{name}, {question}: not finished in {seconds:g} CPU s", flush=True)
        return None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        print(f"{name}, {question}: failed: {last}", flush=True)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])
