"""``calmops dashboard``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

LOOPBACK = "127.0.0.1"
LOCAL = frozenset({LOOPBACK, "::1", "localhost"})


def dashboard(
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")
    ] = 8501,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; others need a token.")
    ] = LOOPBACK,
) -> None:
    """Show the pipelines in the browser; others than this machine's need CALMOPS_TOKEN."""
    from calmops_flows.cli.output import tell
    from calmops_flows.errors import SpecError
    from calmops_flows.settings import load_settings

    if host not in LOCAL and load_settings().token is None:
        raise SpecError(
            f"the dashboard would listen on {host!r}, where others reach it: set CALMOPS_TOKEN "
            "to a secret first, or leave --host out"
        )
    script = dashboard_script()
    tell(f"The dashboard is at http://{host}:{port} (Ctrl-C ends it).")
    raise typer.Exit(_serve(script, host, port))


def dashboard_script() -> Path:
    """Find the dashboard's entry script, in the installed package or in a checkout.

    Raises
    ------
    MissingExtraError
        If the libraries of the dashboard are not installed.
    NotFoundError
        If the script is not there.
    """
    import calmops_flows
    from calmops_flows.errors import MissingExtraError, NotFoundError

    missing = [name for name in ("streamlit", "plotly") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"the dashboard needs {' and '.join(missing)}: pip install 'calmops-flows[dashboard]'"
        )
    package = Path(calmops_flows.__file__).parent
    places = (package / "_dashboard" / "app.py", package.parent / "dashboard" / "app.py")
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise NotFoundError(f"the dashboard's script is not at {' or at '.join(map(str, places))}")
    return found


def _serve(script: Path, host: str, port: int) -> int:
    """Run Streamlit until it ends, with telemetry off."""
    import subprocess
    import sys

    options = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "viewer",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += [f"--{name}={value}" for name, value in options.items()]
    with subprocess.Popen(command) as server:  # noqa: S603 - our own arguments
        try:
            return server.wait()
        finally:
            server.terminate()
