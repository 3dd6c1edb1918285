"""``calmops up``."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from enum import StrEnum
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from calmops_flows.services import Addresses, Service
    from calmops_flows.settings import Settings


class Persistence(StrEnum):
    """Who keeps the services running."""

    FOREGROUND = "foreground"
    PM2 = "pm2"
    DOCKER = "docker"
    SYSTEMD = "systemd"


def up(
    host: Annotated[
        str,
        typer.Option("--host", help="Address of Prefect's server; others need a token."),
    ] = "127.0.0.1",
    server_port: Annotated[
        int, typer.Option("--server-port", min=1, max=65535, help="Port of Prefect's server.")
    ] = 4200,
    worker_port: Annotated[
        int, typer.Option("--worker-port", min=1, max=65535, help="Port of the worker's health.")
    ] = 8080,
    dashboard_port: Annotated[
        int, typer.Option("--dashboard-port", min=1, max=65535, help="Port of the dashboard.")
    ] = 8501,
    pool: Annotated[str, typer.Option("--pool", help="Work pool of the worker.")] = "calmops",
    dashboard: Annotated[
        bool, typer.Option("--dashboard/--no-dashboard", help="With the dashboard or without.")
    ] = True,
    persistence: Annotated[
        Persistence,
        typer.Option("--persistence", help="Run here, in PM2, or write files for the others."),
    ] = Persistence.FOREGROUND,
) -> None:
    """Run Prefect's server, a worker, the watcher and the dashboard; Ctrl-C ends them all."""
    from calmops_flows.services import Addresses, plan
    from calmops_flows.settings import load_settings

    settings = load_settings()
    if dashboard:
        from calmops_flows.cli.commands.dashboard import dashboard_script

        dashboard_script()
    addresses = Addresses(host, server_port, worker_port, dashboard_port)
    if persistence is Persistence.DOCKER:
        _write_docker(addresses, settings, pool=pool, has_dashboard=dashboard)
        return
    services = plan(settings, addresses, pool=pool, has_dashboard=dashboard)
    if persistence is Persistence.SYSTEMD:
        _write_unit(addresses, settings, pool=pool, has_dashboard=dashboard)
        return
    with _held(settings, addresses, has_dashboard=dashboard) as home:
        if persistence is Persistence.PM2:
            _give_to_pm2(services, home)
        else:
            _supervise(services, settings.logs)


@contextmanager
def _held(settings: Settings, addresses: Addresses, *, has_dashboard: bool) -> Iterator[Path]:
    """Hold the home's services, see that their ports are free, and say where they will be."""
    from calmops_flows.cli.output import tell
    from calmops_flows.errors import SpecError
    from calmops_flows.services import hold_tree, pm2
    from calmops_flows.services.plan import check_ports
    from calmops_flows.store.store import open_store

    open_store(settings).close()
    home = settings.home.expanduser().absolute()
    with hold_tree(home):
        if pm2.find(home):
            raise SpecError(f"PM2 keeps the services of {str(home)!r}; `calmops down` ends them")
        check_ports(addresses, has_dashboard=has_dashboard)
        tell(f"Prefect: {addresses.api.removesuffix('/api')}")
        if has_dashboard:
            tell(f"Dashboard: http://127.0.0.1:{addresses.dashboard_port}")
        yield home


def _supervise(services: Sequence[Service], logs: Path) -> None:
    """Run the services as children of this process until it is interrupted."""
    from calmops_flows.services import Supervisor

    with _log(logs) as log:
        Supervisor(services, log).run()


def _give_to_pm2(services: Sequence[Service], home: Path) -> None:
    """Let PM2 keep the services, their secrets in a file that only the owner can read."""
    import os

    from calmops_flows.cli.output import say
    from calmops_flows.services import pm2
    from calmops_flows.services.environment import write_environment
    from calmops_flows.services.plan import private_variables

    environment = write_environment(home, private_variables(services, os.environ))
    say(f"Started with PM2 from {pm2.start(services, home, environment)}")
    say("See `pm2 list` and `pm2 logs`; at every start of the machine: pm2 save && pm2 startup")


@contextmanager
def _log(folder: Path) -> Iterator[logging.Logger]:
    """Give the one log: lines on stderr, and a rotating file beside those of the pipelines."""
    import sys

    from calmops_flows.logs import BACKUPS, MAX_BYTES, OneLineFormatter

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = logging.getLogger("calmops_up")
    log.propagate = False
    log.setLevel(logging.INFO)
    formatter = OneLineFormatter("%(asctime)s %(message)s")
    file = RotatingFileHandler(
        folder / "up.log", maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8"
    )
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr), file]
    for handler in handlers:
        handler.setFormatter(formatter)
        log.addHandler(handler)
    try:
        yield log
    finally:
        for handler in handlers:
            log.removeHandler(handler)
        file.close()


def _write_unit(
    addresses: Addresses, settings: Settings, *, pool: str, has_dashboard: bool
) -> None:
    """Write the user unit that runs this very command, and say how it is started."""
    import os
    import sys

    from calmops_flows.cli.output import say
    from calmops_flows.services.environment import carried
    from calmops_flows.services.systemd import write_unit

    home = settings.home.expanduser().absolute()
    variables = carried(os.environ) | {"CALMOPS_HOME": str(home)}
    command = [sys.executable, "-m", "calmops_flows.cli.main", "up", "--host", addresses.host]
    for option, port in addresses.ports.items():
        command += [option, str(port)]
    command += ["--pool", pool, "--dashboard" if has_dashboard else "--no-dashboard"]
    say(f"Wrote {write_unit(command, variables, home)}")
    say("Start it now and at every login:  systemctl --user enable --now calmops")


def _write_docker(
    addresses: Addresses, settings: Settings, *, pool: str, has_dashboard: bool
) -> None:
    """Write Dockerfile and Compose file for what is applied now, and say how they are started."""
    import os
    from dataclasses import replace

    from calmops_flows.cli.output import say
    from calmops_flows.services import plan
    from calmops_flows.services.docker import mounts_of, unprivileged_user, write_docker
    from calmops_flows.services.environment import write_environment
    from calmops_flows.services.plan import private_variables
    from calmops_flows.store.store import open_store

    home = settings.home.expanduser().absolute()
    everywhere = "0.0.0.0"  # noqa: S104 - within the containers' own network
    inside = replace(addresses, host=everywhere, dashboard_host=everywhere, name="server")
    services = plan(settings, inside, pool=pool, has_dashboard=has_dashboard, python="python")
    with open_store(settings) as store:
        mounts = mounts_of(store, home)
    environment = write_environment(home, private_variables(services, os.environ))
    user = unprivileged_user(home)
    file = write_docker(services, mounts, environment, user)
    say(f"Wrote {file}")
    if os.getuid() == 0:
        say(f"The containers run as {user}; let them write:  chown -R {user} {home}")
    say(f"Start it:  docker compose --file {file} up --build --detach")
    say(f"End it:    docker compose --file {file} down")
