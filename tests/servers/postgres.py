"""A real PostgreSQL server for the tests: own data folder, own port, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.servers.ports import free_port

START_SECONDS = 60
HINT = (
    "the tests need PostgreSQL's server programs (initdb, postgres) with contrib; "
    "install them (Debian, Ubuntu: apt-get install postgresql)"
)


def programs() -> Path:
    """Return the folder of PostgreSQL's server programs, Debian's newest first.

    Raises
    ------
    RuntimeError
        If there is none on this machine.
    """
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted(debian, key=lambda path: int(path.parts[-3].split(".")[0]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        raise RuntimeError(HINT)
    return Path(initdb).resolve().parent


def server_user() -> dict[str, Any]:
    """Return the arguments that make a subprocess run as somebody other than root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server while the block lasts; give the URL of its database ``postgres``."""
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server(*, is_durable: bool = False) -> Iterator[PostgresServer]:
    """Run a server while the block lasts; a durable one may crash and keeps what it confirmed."""
    user = server_user()
    # Not under pytest's own folder: it is closed to other users, and sockets need short paths.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if user:
            os.chown(folder, user["user"], user["group"])
        _initialise(folder / "data", folder, user)
        server = PostgresServer(folder, user, is_durable=is_durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


class PostgresServer:
    """A server over one data folder, which can crash and start again at the same port."""

    def __init__(self, folder: Path, user: dict[str, Any], *, is_durable: bool) -> None:
        self.folder = folder
        self.user = user
        port = free_port()
        self.command = _command(folder / "data", folder, port, is_durable=is_durable)
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers; after a crash the old children must be gone first."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    self.command, cwd=self.folder, stdout=log, stderr=log, **self.user
                )
            try:
                _wait(self.url, self.process, self.folder / "log")
            except RuntimeError:
                if time.monotonic() > deadline or self.process.poll() is None:
                    raise
                time.sleep(0.2)
            else:
                return

    def crash(self) -> None:
        """Kill the server as a power failure of its container would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End it orderly."""
        if self.process is not None and self.process.poll() is None:
            _stop(self.process)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Create a database on the server and drop it afterwards; give its URL."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(plain(server_url), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield server_url.removesuffix("/postgres") + f"/{name}"
    finally:
        with psycopg.connect(plain(server_url), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


def plain(url: str) -> str:
    """Return the URL as libpq reads it, without SQLAlchemy's driver name."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _initialise(data: Path, folder: Path, user: dict[str, Any]) -> None:
    command = [str(programs() / "initdb"), "--username=postgres", "--auth=trust"]
    options = ["--encoding=UTF8", "--locale=C", "--no-sync", str(data)]
    done = subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, check=False, **user
    )
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed: {done.stderr.strip()}; {HINT}")


def _command(data: Path, folder: Path, port: int, *, is_durable: bool) -> list[str | Path]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "fsync": "off",
        # Without fsync all is lost only when the machine dies, not when the server does.
        "synchronous_commit": "on" if is_durable else "off",
        "full_page_writes": "off",
        "max_connections": 60,
    }
    # A run that is killed must not leave a server behind.
    setpriv = shutil.which("setpriv")
    guard: list[str | Path] = [setpriv, "--pdeathsig", "INT"] if setpriv else []
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [*guard, programs() / "postgres", "-D", data, *options]


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(plain(url), connect_timeout=5).close()
        except psycopg.OperationalError as err:
            if server.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"PostgreSQL did not start: {said}") from err
            time.sleep(0.05)
        else:
            return


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # "fast": ends open connections, then stops
    try:
        server.wait(timeout=30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
