"""Find what the user named, and say what is near when it is not there."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from calmops_flows.errors import NotFoundError
from calmops_flows.store.tables import pipelines

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 10


def require_pipeline(connection: Connection, name: str) -> None:
    """Raise NotFoundError, with names that are near, unless the pipeline exists."""
    found = connection.execute(select(pipelines.c.name).where(pipelines.c.name == name)).scalar()
    if found is not None:
        return
    names = connection.execute(select(pipelines.c.name).order_by(pipelines.c.name)).scalars().all()
    raise NotFoundError(f"there is no pipeline {name!r}; {near(name, names, 'calmops list')}")


def near(wanted: str, names: Iterable[str], command: str) -> str:
    """Return a hint: the names most like the wanted one, else all, cut at ten."""
    known = list(names)
    if not known:
        return "there are none yet"
    close = get_close_matches(wanted, known, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(repr(name) for name in close)}?"
    shown = ", ".join(repr(name) for name in known[:SHOWN])
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"there are {shown}{more}; see `{command}`"
