"""The watcher's loop: look where something may have settled, react, and wait.

What is settled and unknown is read from source and ledger at every look; nothing else is
remembered than what has been told. So a lost notice, a server that is down or a restart of the
watcher costs time, never a file.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calmops_flows.errors import CalmopsError
from calmops_flows.flows.watching.backoff import Backoff
from calmops_flows.flows.watching.notices import Notices
from calmops_flows.flows.watching.sight import Sight, local_folders, look
from calmops_flows.store.pipelines import load_state, pipeline_names

if TYPE_CHECKING:
    from calmops_flows.flows.watching.reactions import Reaction
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.store.store import Store

logger = logging.getLogger(__name__)
SAFETY_NET_SECONDS = 300.0
LONGEST_NAP_SECONDS = 1.0
_SHARE = 10  # looks take at most a tenth of the time


@dataclass(slots=True)
class _Watched:
    """A pipeline under watch; times are those of the monotonic clock."""

    spec: PipelineSpec
    due: float
    not_before: float = 0.0
    net_due: float = 0.0
    told: dict[tuple[str, str], float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(slots=True)
class Watcher:
    """Watches pipelines until it is interrupted.

    Attributes
    ----------
    store : Store
        The store they live in.
    react : Reaction
        Wakes a run.
    names : tuple of str
        Pipelines to watch; empty: all whose spec wants it, also those applied later.
    every_seconds : float
        How often to look without a notice.
    """

    store: Store
    react: Reaction
    names: tuple[str, ...] = ()
    every_seconds: float = 10.0
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    notices: Notices = field(default_factory=Notices)
    _pipelines: dict[str, _Watched] = field(default_factory=dict)
    _refresh_due: float = 0.0
    _refresh_backoff: Backoff = field(default_factory=Backoff)

    def run(self) -> None:
        """Watch until an exception, such as that of Ctrl-C, ends it."""
        try:
            while True:
                self.turn()
        finally:
            self.notices.close()

    def turn(self) -> None:
        """Look at what is due, then wait for a notice or for what is due next."""
        if self.clock() >= self._refresh_due:
            self._refresh()
        folders = [local_folders(one.spec) for one in self._pipelines.values()]
        self._hurry(self.notices.follow(frozenset().union(*folders)))
        for name, one in list(self._pipelines.items()):
            if self.clock() >= max(one.due, one.not_before):
                self._attend(name, one)
        self._hurry(self.notices.wait(self._nap_seconds()))

    def _nap_seconds(self) -> float:
        dues = [max(one.due, one.not_before) for one in self._pipelines.values()]
        return min(min(dues, default=self._refresh_due) - self.clock(), LONGEST_NAP_SECONDS)

    def _hurry(self, folders: frozenset[str]) -> None:
        for one in self._pipelines.values():
            if folders & local_folders(one.spec):
                one.due = min(one.due, self.clock())

    def _refresh(self) -> None:
        """Read which pipelines there are, and their specs."""
        try:
            specs = self._specs()
        except (CalmopsError, OSError) as err:  # a database that is away, for now
            self._refresh_backoff = self._refresh_backoff.failed()
            self._refresh_due = self.clock() + self._refresh_backoff.seconds
            logger.warning("cannot read the pipelines, trying again: %s", err)
            return
        self._refresh_backoff = Backoff()
        self._refresh_due = self.clock() + self.every_seconds
        for name in self._pipelines.keys() - specs.keys():
            del self._pipelines[name]
        for name, spec in specs.items():
            one = self._pipelines.setdefault(name, _Watched(spec, self.clock()))
            if one.spec != spec:
                one.spec, one.due = spec, self.clock()

    def _specs(self) -> dict[str, PipelineSpec]:
        there = pipeline_names(self.store.database)
        wanted = [name for name in self.names if name in there] if self.names else there
        specs = {name: load_state(self.store.database, name).spec for name in wanted}
        return {
            name: spec for name, spec in specs.items() if self.names or spec.triggers.file_arrival
        }

    def _attend(self, name: str, one: _Watched) -> None:
        """Look at one pipeline and react; what fails is tried again, ever more rarely."""
        started = self.clock()
        try:
            sight = look(self.store, one.spec, now=self.wall())
            cost = self.clock() - started
            self._respond(name, one, sight)
        except Exception as err:  # noqa: BLE001 - user code, network, server: others go on
            one.backoff = one.backoff.failed()
            one.due = one.not_before = self.clock() + one.backoff.seconds
            logger.warning("%s: %s; trying again in %g s", name, err, one.backoff.seconds)
            return
        one.backoff = Backoff()
        one.not_before = self.clock() + cost
        wait = max(self.every_seconds, _SHARE * cost)
        if sight.settles_in_seconds is not None:
            wait = min(wait, sight.settles_in_seconds)
        one.due = self.clock() + wait

    def _respond(self, name: str, one: _Watched, sight: Sight) -> None:
        if sight.missing != one.missing:
            for folder in sight.missing:
                logger.warning("%s: the folder %r is not there (yet)", name, folder)
            one.missing = sight.missing
        now = self.clock()
        one.told = {
            file: at
            for file, at in one.told.items()
            if file in sight.new and now - at < SAFETY_NET_SECONDS
        }
        fresh = sight.new - one.told.keys()
        if not fresh and now < one.net_due:
            return
        self.react(name, fresh)
        one.net_due = self.clock() + SAFETY_NET_SECONDS
        one.told |= dict.fromkeys(fresh, now)
