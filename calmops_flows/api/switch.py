"""Let another version serve, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from calmops_flows.store.store import Store
    from calmops_flows.store.switch import Switched


def promote(store: Store, name: str, version: int, *, now: datetime | None = None) -> Switched:
    """Let a version serve, by hand; its bytes are verified first.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    version : int
        A candidate or retired version.
    now : datetime, optional
        Time-zone aware; default: the real time.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or version.
    SpecError
        If that version serves already.
    ArtifactError
        If its bytes are gone or were changed.
    """
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.steps.switch import promote as switch_to

    return switch_to(store, name, version, now=now or utc_now())


def roll_back(
    store: Store, name: str, *, to: int | None = None, now: datetime | None = None
) -> Switched:
    """Let the version that served before serve again, or an earlier one.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    to : int, optional
        The version; default: the one before the present champion.
    now : datetime, optional
        Time-zone aware; default: the real time.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or version, or no other version has served.
    SpecError
        If that version serves already.
    ArtifactError
        If its bytes are gone or were changed.
    """
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.steps.switch import roll_back as switch_back

    return switch_back(store, name, to=to, now=now or utc_now())
