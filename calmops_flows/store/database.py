"""The database behind the store: connections, transactions, schema version."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from calmops_flows.errors import MissingExtraError, SchemaVersionError, SpecError, StoreError
from calmops_flows.faults import durable
from calmops_flows.store.uninterrupted import uninterrupted

HEAD = "0001"  # newest migration; a test compares it with the folder
KNOWN_REVISIONS = (HEAD,)
BUSY_TIMEOUT_SECONDS = 30
IDLE_TIMEOUT_SECONDS = 30  # of a machine that froze within a write; a write pauses for no work
_NETWORK_FILE_SYSTEMS = frozenset(
    {
        "afs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)


class Database:
    """Connections to SQLite or PostgreSQL, and nothing about their meaning.

    Parameters
    ----------
    url : str
        SQLAlchemy URL: ``sqlite:///path`` or ``postgresql+psycopg://...``.

    Raises
    ------
    SpecError
        If the URL is not one of these, or SQLite would lie on a network file system.
    """

    def __init__(self, url: str) -> None:
        self.url = _checked_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._connect()

    def _connect(self) -> Engine:
        if not self.is_sqlite:
            try:
                return create_engine(self.url, pool_pre_ping=True)
            except ModuleNotFoundError as err:
                raise MissingExtraError(
                    "PostgreSQL needs the extra `postgres`: pip install 'calmops-flows[postgres]'"
                ) from err
        engine = create_engine(self.url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    @property
    def file(self) -> Path | None:
        """The SQLite file, None for PostgreSQL."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a consistent view for reading; it takes no lock."""
        with self._view(calmops_read=True) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a view in which all queries see the same moment, however many there are."""
        level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._view(calmops_read=True, **level) as connection:
            yield connection

    @contextmanager
    def _view(self, **options: Any) -> Iterator[Connection]:
        with _as_store_error(self.url):
            with uninterrupted():  # the pool's own locks do not survive an interruption
                connection = self.engine.connect()
            try:
                yield connection.execution_options(**options)
            finally:
                with uninterrupted():
                    connection.close()

    @contextmanager
    def write(self, name: str) -> Iterator[Connection]:
        """Open the one transaction of the durable write ``name``; no signal cuts it.

        An exception that Ctrl-C raises in the middle would keep the transaction open, and its
        locks, for as long as it is handled: nothing could be given back meanwhile. PostgreSQL
        ends a transaction that its machine has left alone for half a minute, so that others can
        take over what it locks.

        Raises
        ------
        StoreError
            If the database refuses; nothing was written then.
        """
        with (
            uninterrupted(),
            _as_store_error(self.url),
            durable(name),
            self.engine.begin() as connection,
        ):
            if not self.is_sqlite:
                bound = f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_TIMEOUT_SECONDS}s'"
                connection.execute(text(bound))
            yield connection

    def clock(self) -> str:
        """Return SQL for the database's own time in seconds since 1970."""
        if self.is_sqlite:
            return "((julianday('now') - 2440587.5) * 86400.0)"
        return "extract(epoch from clock_timestamp())"

    def revision(self) -> str | None:
        """Return the schema's revision, None when there is no schema yet."""
        if self.file is not None and not self.file.exists():
            return None
        with self.read() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return str(found) if found is not None else None

    def ensure_schema(self) -> None:
        """Create or migrate the schema; an older SQLite file is backed up first.

        Raises
        ------
        SchemaVersionError
            If the schema was made by a newer version.
        """
        found = self.revision()
        if found == HEAD:
            return
        if found is not None and found not in KNOWN_REVISIONS:
            raise SchemaVersionError(
                f"the database has schema {found!r}, this version knows up to {HEAD!r}; "
                "install a newer calmops-flows, or point CALMOPS_DATABASE_URL elsewhere"
            )
        from calmops_flows.store.migrate import upgrade

        upgrade(self, found)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _checked_url(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as err:
        raise SpecError(f"CALMOPS_DATABASE_URL is not a database URL: {err}") from err
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise SpecError(
            "CALMOPS_DATABASE_URL must be sqlite:///path or postgresql://..., "
            f"got {parsed.render_as_string(hide_password=True)!r}"
        )
    _refuse_network_file_system(Path(parsed.database))
    return parsed


def _refuse_network_file_system(file: Path) -> None:
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    resolved = os.path.realpath(file)
    best, kind = "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        point = fields[1].replace("\\040", " ")
        inside = resolved == point or resolved.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    if kind in _NETWORK_FILE_SYSTEMS:
        raise SpecError(
            f"SQLite is not safe on a network file system ({kind} at {best}); set CALMOPS_HOME to "
            "a local folder, or CALMOPS_DATABASE_URL to a PostgreSQL database"
        )


def _prepare_sqlite(connection: object, _record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # BEGIN is ours
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("calmops_read", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def _as_store_error(url: URL) -> Iterator[None]:
    try:
        yield
    # Of a damaged file, sqlite3 may not be able to decode its own message.
    except (SQLAlchemyError, OSError, UnicodeDecodeError) as err:
        cause = str(getattr(err, "orig", None) or err).splitlines()[0]
        where = url.render_as_string(hide_password=True)
        raise StoreError(f"the database {where} refused: {cause}") from err
