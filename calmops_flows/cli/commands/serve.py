"""``calmops serve``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer


def serve(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Pipelines to answer for.")],
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: a free one.")
    ] = 5001,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on; off loopback CALMOPS_TOKEN is demanded."
        ),
    ] = "127.0.0.1",
    log: Annotated[
        Path | None,
        typer.Option("--log", help="Folder for what is asked and answered: a source of snapshots."),
    ] = None,
) -> None:
    """Answer with the champions' predictions over HTTP; a promotion is followed at once."""
    from calmops_flows.cli.output import tell
    from calmops_flows.errors import MissingExtraError
    from calmops_flows.settings import load_settings
    from calmops_flows.store.store import open_store

    missing = [
        name for name in ("uvicorn", "httptools", "prometheus_client") if find_spec(name) is None
    ]
    if missing:
        raise MissingExtraError(
            f"the server needs {' and '.join(missing)}: pip install 'calmops-flows[serve]'"
        )
    from calmops_flows.serving.run import Address, prepare

    with open_store(load_settings(), create=False) as store:
        ready = prepare(store, tuple(dict.fromkeys(names)), Address(host, port), log=log)
        tell(f"Answering for {', '.join(names)} at {ready.url} (Ctrl-C ends it).")
        if ready.demands_token:
            tell("Clients must show CALMOPS_TOKEN: Authorization: Bearer ...")
        ready.run()
