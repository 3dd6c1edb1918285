"""The store for a process that reads it again and again, such as the dashboard's server."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calmops_flows.settings import load_settings
from calmops_flows.store.store import Store, open_store

if TYPE_CHECKING:
    from calmops_flows.settings import Settings


@dataclass(frozen=True, slots=True)
class _Kept:
    """An open store, and which file it was; another file under the same name is another store."""

    store: Store
    file: tuple[int, int] | None


_lock = threading.Lock()
_kept: list[_Kept] = []  # one at most


def kept_store() -> Store:
    """Return the store that the environment names; it stays open for the next time.

    A store that is opened anew compiles each of its queries anew, which takes longer than most of
    them run. Any thread may use it.

    Returns
    -------
    Store
        Never to be closed by whoever reads it.

    Raises
    ------
    NotFoundError
        If there is no store.
    SchemaVersionError
        If a newer version has migrated it meanwhile.
    StoreError
        If the database cannot be reached.
    """
    settings = load_settings()
    with _lock:
        found = next((one for one in _kept if _is_that(one, settings)), None)
    if found is None:
        found = _open(settings)
    else:
        found.store.database.ensure_schema()
    return found.store


def _is_that(kept: _Kept, settings: Settings) -> bool:
    return kept.store.settings == settings and kept.file == _file(kept.store)


def _open(settings: Settings) -> _Kept:
    store = open_store(settings, create=False)
    opened = _Kept(store, _file(store))
    with _lock:
        before, _kept[:] = list(_kept), [opened]
    for one in before:
        one.store.close()  # connections in use end when they are given back
    return opened


def _file(store: Store) -> tuple[int, int] | None:
    """Return which file an SQLite database is; None for PostgreSQL, and where it is gone."""
    file = store.database.file
    if file is None:
        return None
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
