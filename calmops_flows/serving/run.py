"""Bind, say where, and serve until told to stop."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import uvicorn

from calmops_flows.errors import SpecError
from calmops_flows.serving.app import create_app
from calmops_flows.serving.gate import Gate
from calmops_flows.serving.guard import LOCAL_NAMES
from calmops_flows.serving.journal import Journal, Rotation
from calmops_flows.serving.limits import Limits
from calmops_flows.serving.protocol import protocol
from calmops_flows.serving.slots import Slots
from calmops_flows.store.pipelines import load_state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from calmops_flows.store.store import Store

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens; port 0 takes a free one."""

    host: str = LOOPBACK
    port: int = 5001

    @property
    def is_local(self) -> bool:
        """Whether nobody from outside this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that is bound and has yet to run."""

    server: uvicorn.Server
    listening: socket.socket
    url: str
    demands_token: bool

    def run(self) -> None:
        """Serve until SIGINT, SIGTERM, or ``server.should_exit``."""
        with self.listening:
            self.server.run(sockets=[self.listening])


def prepare(
    store: Store,
    names: Sequence[str],
    address: Address,
    *,
    limits: Limits | None = None,
    log: Path | None = None,
) -> Ready:
    """Bind a server that answers for pipelines.

    Parameters
    ----------
    store : Store
        Where the champions are.
    names : sequence of str
        Pipelines.
    address : Address
        Where to listen.
    limits : Limits, optional
        How much to take on.
    log : Path, optional
        Folder for what is asked and answered.

    Returns
    -------
    Ready
        To be run.

    Raises
    ------
    NotFoundError
        If there is no pipeline of a name.
    SpecError
        If it shall listen off loopback and there is no token, it cannot listen there, or what a
        pipeline is asked cannot be logged.
    """
    limits = limits or Limits()
    token = _token(store, address)
    gate = Gate(limits)
    slots = Slots(store, names, in_turn=gate.in_turn)
    hosts = LOCAL_NAMES | {address.host} if address.is_local else None
    config = uvicorn.Config(
        create_app(
            slots, gate, limits, journal=_journal(store, names, log), token=token, hosts=hosts
        ),
        http=protocol(limits.body_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=round(limits.stop_seconds),
    )
    listening = _bind(address)
    shown = f"[{address.host}]" if ":" in address.host else address.host
    url = f"http://{shown}:{listening.getsockname()[1]}"
    return Ready(uvicorn.Server(config), listening, url, demands_token=token is not None)


def _journal(store: Store, names: Sequence[str], folder: Path | None) -> Journal | None:
    if folder is None:
        return None
    for name in names:
        if load_state(store.database, name).spec.preprocess is not None:
            raise SpecError(
                f"what pipeline {name!r} is asked cannot be logged as its source: its files go "
                "through preprocess, and requests hold rows from after it; leave --log out"
            )
    return Journal(folder, Rotation(), lambda: datetime.now(UTC))


def _token(store: Store, address: Address) -> str | None:
    if address.is_local:
        return None
    token = store.settings.token
    if token is None or not token.get_secret_value():
        raise SpecError(
            f"the server would listen on {address.host!r}, where others reach it: set "
            "CALMOPS_TOKEN to a secret first, or leave --host out"
        )
    return token.get_secret_value()


def _bind(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.host, address.port))
    except OSError as err:
        listening.close()
        raise SpecError(
            f"cannot listen on {address.host} port {address.port} ({err.strerror}); choose another "
            "one with --port or --host"
        ) from err
    return listening
