"""Promote a version or roll back by hand: only what was verified to load may serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.errors import NotFoundError, SpecError
from calmops_flows.records import VersionStatus
from calmops_flows.steps.models import read_model
from calmops_flows.store import registry
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.switch import Switched, previous_champion, switch_champion

if TYPE_CHECKING:
    from datetime import datetime

    from calmops_flows.store.store import Store
    from calmops_flows.store.switch import Kind


def promote(store: Store, name: str, version: int, *, now: datetime) -> Switched:
    """Let a version serve, whatever the promotion rule said of it.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    version : int
        A candidate or retired version.
    now : datetime
        Time-zone aware.

    Returns
    -------
    Switched
        Which version served before.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or version.
    SpecError
        If that version serves already, or was removed.
    DigestMismatchError
        If its bytes were changed; nothing is unpickled then.
    ModelError
        If its bytes are no model.
    StaleRunError
        If the pipeline changed meanwhile; nothing was written.
    """
    return _switch(store, name, version, kind="promoted", now=now)


def roll_back(store: Store, name: str, *, to: int | None = None, now: datetime) -> Switched:
    """Let an earlier version serve again.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    to : int, optional
        The version; default: the one that served before the present champion, so that a second
        call takes the first one back.
    now : datetime
        Time-zone aware.

    Returns
    -------
    Switched
        Which version served before.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or version, or no other version has served.
    SpecError
        If that version serves already, or was removed.
    DigestMismatchError
        If its bytes were changed; nothing is unpickled then.
    ModelError
        If its bytes are no model.
    StaleRunError
        If the pipeline changed meanwhile; nothing was written.
    """
    load_state(store.database, name)
    version = previous_champion(store.database, name) if to is None else to
    if version is None:
        raise NotFoundError(
            f"no other version of pipeline {name!r} has served; see `calmops show {name}`, and "
            f"choose one with --to"
        )
    return _switch(store, name, version, kind="rolled_back", now=now)


def _switch(store: Store, name: str, version: int, *, kind: Kind, now: datetime) -> Switched:
    state = load_state(store.database, name)
    wanted = registry.version(store.database, name, version)
    if state.champion == version:
        raise SpecError(f"version {version} of pipeline {name!r} serves already")
    if wanted.status == VersionStatus.REMOVED:
        raise SpecError(
            f"version {version} of pipeline {name!r} was removed by its retention rules; see "
            f"`calmops show {name}` for those that are kept"
        )
    read_model(store.artifacts, wanted.artifact)
    return switch_champion(
        store.database, name, version, kind=kind, revision=state.revision, now=now
    )
