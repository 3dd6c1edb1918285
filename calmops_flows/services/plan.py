"""Which services there are: their commands, variables, and how they show that they live."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calmops_flows.errors import SpecError
from calmops_flows.services.environment import carried

if TYPE_CHECKING:
    from calmops_flows.settings import Settings

LOOPBACK = "127.0.0.1"
_LOCAL = frozenset({LOOPBACK, "::1", "localhost"})
AUTH_USER = "calmops"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the services listen.

    ``host`` is that of Prefect's server, ``dashboard_host`` that of the dashboard. ``name`` is
    how the other services reach the server: by another one only where they are other machines.
    """

    host: str = LOOPBACK
    server_port: int = 4200
    worker_port: int = 8080
    dashboard_port: int = 8501
    dashboard_host: str = LOOPBACK
    name: str = LOOPBACK

    @property
    def is_local(self) -> bool:
        """Whether nobody from outside this machine reaches the server."""
        return self.host in _LOCAL

    @property
    def api(self) -> str:
        """URL of Prefect's API for the other services."""
        return f"http://{self.name}:{self.server_port}/api"

    @property
    def local_api(self) -> str:
        """URL of Prefect's API for a browser on this machine, and for the server itself."""
        return f"http://{LOOPBACK}:{self.server_port}/api"

    @property
    def ports(self) -> Mapping[str, int]:
        """The ports by the name of the option that changes them."""
        return {
            "--server-port": self.server_port,
            "--worker-port": self.worker_port,
            "--dashboard-port": self.dashboard_port,
        }


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the tree.

    ``health`` is the URL that answers 200 while it is well (None: it is well while it
    runs); ``ends`` marks a job that is done once; ``secrets`` are variables that must
    never stand in a file that others may read; ``port`` is what people open in a browser.
    """

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    health: str | None = None
    ends: bool = False
    port: int | None = None


def plan(
    settings: Settings,
    addresses: Addresses,
    *,
    pool: str = "calmops",
    has_dashboard: bool = True,
    python: str = sys.executable,
) -> tuple[Service, ...]:
    """Return the services, the server first, for the others need it.

    Parameters
    ----------
    settings : Settings
        Names the home; holds the token that a server off loopback demands.
    addresses : Addresses
        Where they listen.
    pool : str, default "calmops"
        Work pool of the worker.
    has_dashboard : bool, default True
        Whether the dashboard is among them.
    python : str, optional
        The interpreter that runs them; default: this one.

    Returns
    -------
    tuple of Service
        Server, deployer, worker, watcher and dashboard.

    Raises
    ------
    SpecError
        If the server shall listen off loopback and there is no token.
    """
    shared = _shared(settings, addresses)
    server_secrets, client_secrets = _secrets(settings, addresses)
    prefect = (python, "-m", "prefect")
    calmops = (python, "-m", "calmops_flows.cli.main")
    port = str(addresses.server_port)
    server = Service(
        "server",
        (*prefect, "server", "start", "--host", addresses.host, "--port", port),
        shared | {"PREFECT_SERVER_UI_API_URL": addresses.local_api},
        server_secrets,
        health=f"{addresses.local_api}/health",
        port=addresses.server_port,
    )
    deployer = Service(
        "deployer",
        (python, "-m", "calmops_flows.services.deploying", pool),
        shared,
        client_secrets,
        ends=True,
    )
    worker = Service(
        "worker",
        (*prefect, "worker", "start", "--pool", pool, "--type", "process", "--with-healthcheck"),
        shared
        | {
            "PREFECT_WORKER_WEBSERVER_HOST": LOOPBACK,
            "PREFECT_WORKER_WEBSERVER_PORT": str(addresses.worker_port),
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        },
        client_secrets,
        health=f"http://{LOOPBACK}:{addresses.worker_port}/health",
    )
    watcher = Service("watcher", (*calmops, "watch"), shared, client_secrets)
    dashboard = Service(
        "dashboard",
        (*calmops, "dashboard", *_dashboard_options(addresses)),
        shared,
        client_secrets,
        health=f"http://{LOOPBACK}:{addresses.dashboard_port}/_stcore/health",
        port=addresses.dashboard_port,
    )
    services = (server, deployer, worker, watcher)
    return (*services, dashboard) if has_dashboard else services


def check_ports(addresses: Addresses, *, has_dashboard: bool = True) -> None:
    """Refuse ports that somebody else listens on.

    Raises
    ------
    SpecError
        Naming the first one and the option that changes it.
    """
    for option, port in addresses.ports.items():
        if option == "--dashboard-port" and not has_dashboard:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as err:
                raise SpecError(
                    f"port {port} is taken ({err.strerror}); choose another one with {option}"
                ) from err


def private_variables(
    services: Sequence[Service], environment: Mapping[str, str]
) -> dict[str, str]:
    """Return what the services need and what no file that others may read shall hold.

    These are their secrets, and those variables of the environment that the plan leaves open.
    """
    open_ones = carried(environment)
    for service in services:
        open_ones = {k: v for k, v in open_ones.items() if k not in service.variables}
    return open_ones | {k: v for service in services for k, v in service.secrets.items()}


def _dashboard_options(addresses: Addresses) -> tuple[str, ...]:
    return ("--host", addresses.dashboard_host, "--port", str(addresses.dashboard_port))


def _shared(settings: Settings, addresses: Addresses) -> dict[str, str]:
    return {
        "CALMOPS_HOME": str(settings.home.expanduser().absolute()),
        "CALMOPS_DASHBOARD_URL": settings.dashboard_url
        or f"http://{LOOPBACK}:{addresses.dashboard_port}",
        "PREFECT_API_URL": addresses.api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _secrets(settings: Settings, addresses: Addresses) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the server demands and what its clients show."""
    if addresses.is_local:
        return {}, {}
    if settings.token is None:
        raise SpecError(
            f"the server would listen on {addresses.host!r}, where others reach it: set "
            "CALMOPS_TOKEN to a secret first, or leave --host out"
        )
    word = f"{AUTH_USER}:{settings.token.get_secret_value()}"
    client = {"PREFECT_API_AUTH_STRING": word}
    return client | {"PREFECT_SERVER_API_AUTH_STRING": word}, client
