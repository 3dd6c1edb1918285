"""The store: one database and one artifact store, opened together."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from calmops_flows.data.transport import Patience
from calmops_flows.errors import CalmopsError, NotFoundError
from calmops_flows.settings import Settings, load_settings
from calmops_flows.store.artifacts import ArtifactStore
from calmops_flows.store.database import Database


@dataclass(frozen=True, slots=True)
class Store:
    """Handle on everything durable; close it, or use it as a context manager."""

    database: Database
    artifacts: ArtifactStore
    settings: Settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()


def open_store(settings: Settings | None = None, *, create: bool = True) -> Store:
    """Open the store that the settings name.

    Parameters
    ----------
    settings : Settings, optional
        Default: from the environment.
    create : bool, default True
        Create or migrate the schema; otherwise a store that is not there raises.

    Raises
    ------
    NotFoundError
        If there is no store and ``create`` is false.
    SchemaVersionError
        If the store was made by a newer version.
    StoreError
        If the database cannot be reached.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, open_store(Settings(home=Path(folder))) as store:
    ...     store.database.revision()
    '0001'
    """
    settings = settings or load_settings()
    database = Database(settings.database)
    try:
        if not create and database.revision() is None:
            raise NotFoundError(
                "there is no store yet; `calmops apply FILE` or `calmops demo` makes one in "
                f"{settings.home}"
            )
        database.ensure_schema()
    except CalmopsError:
        database.close()
        raise
    artifacts = ArtifactStore(settings.artifacts, Patience.of(settings))
    return Store(database, artifacts, settings)
