"""``calmops dashboard``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

LOOPBACK = "127.0.0.1"
LOCAL = frozenset({LOOPBACK, "localhost", "::1"})


def dashboard(
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")
    ] = 8501,
    host: Annotated[
        str, typer.Option("--host", help="Address to bind; off loopback CALMOPS_TOKEN is asked.")
    ] = LOOPBACK,
    actions: Annotated[
        bool, typer.Option("--actions", help="Offer to promote and roll back models.")
    ] = False,
) -> None:
    """Show the pipelines in the browser; unless told otherwise for this machine only."""
    from calmops_flows.cli.output import tell

    script = dashboard_script()
    check_bind(host)
    tell(f"The dashboard is at http://{host}:{port} (Ctrl-C ends it).")
    raise typer.Exit(_serve(script, host, port, actions=actions))


def check_bind(host: str) -> None:
    """Refuse an address off loopback while there is no token.

    Raises
    ------
    SpecError
        If ``CALMOPS_TOKEN`` is not set and the address is not of loopback.
    """
    from calmops_flows.errors import SpecError
    from calmops_flows.settings import load_settings

    token = load_settings().token
    if host not in LOCAL and (token is None or not token.get_secret_value()):
        raise SpecError(
            f"--host {host} opens the dashboard to other machines: set CALMOPS_TOKEN first, which "
            f"its pages then ask for, or bind to {LOOPBACK}"
        )


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


def _serve(script: Path, host: str, port: int, *, actions: bool) -> int:
    """Run Streamlit until it ends, with telemetry off."""
    import os
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
    environment = os.environ | {"CALMOPS_DASHBOARD_ACTIONS": "1" if actions else "0"}
    with subprocess.Popen(command, env=environment) as server:  # noqa: S603 - our own arguments
        try:
            return server.wait()
        finally:
            server.terminate()
