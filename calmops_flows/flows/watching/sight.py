"""One look at a pipeline's folders: what has settled there that no run knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calmops_flows.data.arrivals import LABELS, Seen
from calmops_flows.data.batch import Limits
from calmops_flows.data.source import local_folder, scan
from calmops_flows.steps.places import label_source
from calmops_flows.store.ledger import known_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calmops_flows.spec import PipelineSpec, SourceSpec
    from calmops_flows.store.store import Store

SHORTEST_WAIT_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look has found.

    ``new`` holds stored path and stamp of each settled file that the ledger does not know;
    ``settles_in_seconds`` is when the next one may have settled (None: nobody writes);
    ``missing`` names folders that are not there.
    """

    new: frozenset[tuple[str, str]]
    settles_in_seconds: float | None
    missing: tuple[str, ...]


def look(store: Store, spec: PipelineSpec, *, now: float) -> Sight:
    """Compare the folders of a pipeline with its ledger; nothing is written.

    Parameters
    ----------
    store : Store
        The store it lives in.
    spec : PipelineSpec
        Says where to look.
    now : float
        Seconds since the epoch.
    """
    known = known_files(store.database, spec.name)
    limits = Limits.of(store.settings)
    new: set[tuple[str, str]] = set()
    waits: list[float] = []
    missing = []
    for prefix, source in _sources(spec):
        folder = local_folder(source)
        if folder is not None and not Path(folder).is_dir():
            missing.append(source.path)
            continue
        mine = {p.removeprefix(prefix): key for p, key in known.items() if p.startswith(prefix)}
        found = scan(source, mine, now=now, limits=limits)
        new |= {(prefix + seen.path, seen.stamp) for seen in found.new}
        waits += [_wait_seconds(seen, source.settle_seconds, now) for seen in found.waiting]
    return Sight(frozenset(new), min(waits, default=None), tuple(missing))


def local_folders(spec: PipelineSpec) -> frozenset[str]:
    """Return the folders of a pipeline that the operating system can watch."""
    folders = (local_folder(source) for _, source in _sources(spec))
    return frozenset(folder for folder in folders if folder is not None)


def _sources(spec: PipelineSpec) -> Iterator[tuple[str, SourceSpec]]:
    yield "", spec.source
    labels = label_source(spec)
    if labels is not None:
        yield LABELS, labels


def _wait_seconds(seen: Seen, settle_seconds: float, now: float) -> float:
    return min(max(seen.modified + settle_seconds - now, SHORTEST_WAIT_SECONDS), settle_seconds)
