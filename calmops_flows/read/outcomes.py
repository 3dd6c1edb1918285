"""What became of every snapshot of one pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.read.names import require_pipeline
from calmops_flows.store.history import history as stored_history

if TYPE_CHECKING:
    from calmops_flows.records import Outcome
    from calmops_flows.store.store import Store


def history(store: Store, name: str, *, last: int | None = None) -> list[Outcome]:
    """Return one outcome per snapshot in ledger order, decided or not.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    last : int, optional
        Only the newest so many.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
    return stored_history(store.database, name, last=last)
