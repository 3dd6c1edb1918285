"""Delete a pipeline: its rows, and the artifacts that nobody else names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calmops_flows.errors import ArtifactError
from calmops_flows.store.fsck import ORPHAN_SECONDS
from calmops_flows.store.pipelines import delete_pipeline
from calmops_flows.store.references import everywhere, referenced, with_manifests

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from calmops_flows.store.store import Store


@dataclass(frozen=True, slots=True)
class Removed:
    """How many artifacts went, how many bytes they held, and how many stay for now.

    What is younger than a day stays: a run at work may be about to name the same bytes. With a
    ``problem`` it is not known who names what, and all stay; `calmops fsck` tells more.
    """

    artifacts: int = 0
    freed_bytes: int = 0
    too_young: int = 0
    problem: str | None = None


def delete(store: Store, name: str, *, now: datetime) -> Removed:
    """Delete a pipeline with its history; its audit chain stays and says so.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    NameConflictError
        If a run holds it right now.
    """
    with store.database.read() as connection:
        named = dict(referenced(connection, name))
    try:
        mine = with_manifests(store.artifacts, named)
        problem = None
    except ArtifactError as err:  # a damaged pipeline can be deleted too
        mine, problem = set(), str(err)
    delete_pipeline(store.database, name, now=now)
    try:
        return remove_unnamed(store, mine, now=now) if problem is None else Removed(problem=problem)
    except ArtifactError as err:  # another pipeline is damaged
        return Removed(problem=str(err))


def remove_unnamed(store: Store, digests: Iterable[str], *, now: datetime) -> Removed:
    """Remove those of the artifacts that nothing names and that are older than a day."""
    oldest = now.timestamp() - ORPHAN_SECONDS
    removed = freed = young = 0
    for digest in sorted(set(digests) - everywhere(store)):
        written = store.artifacts.written_at(digest)
        if written is None:
            continue
        if written > oldest:
            young += 1
            continue
        freed += store.artifacts.size(digest) or 0
        store.artifacts.remove(digest)
        removed += 1
    return Removed(removed, freed, young)
