"""Which model answers for each pipeline, and how one follows the store."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calmops_flows.errors import CalmopsError, NotFoundError
from calmops_flows.serving.model import at_once, load_served
from calmops_flows.store.pipelines import standings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from calmops_flows.serving.model import InTurn, Served
    from calmops_flows.store.pipelines import Standing
    from calmops_flows.store.store import Store

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
MOST_PINS = 4


@dataclass
class Slot:
    """What answers for one pipeline.

    Attributes
    ----------
    name : str
        The pipeline's.
    current : Served or None
        What answers now; replaced as a whole, never changed.
    fault : str or None
        Why the store's champion does not answer.
    reloads : int
        Models that were taken over so far.
    """

    name: str
    current: Served | None = None
    fault: str | None = None
    reloads: int = 0
    standing: Standing | None = None
    tried_at: float = float("-inf")
    pins: OrderedDict[int, Served] = field(default_factory=OrderedDict)

    @property
    def status(self) -> str:
        """``ok``, ``degraded`` (an older model answers) or ``not_ready`` (none does)."""
        if self.current is None:
            return "not_ready"
        return "ok" if self.fault is None else "degraded"


class Slots:
    """All pipelines of a server; one thread at a time loads.

    Parameters
    ----------
    store : Store
        Where the champions are.
    names : sequence of str
        Pipelines to answer for.
    in_turn : callable
        Calls a function while nobody else predicts.
    clock : callable
        Seconds that only grow.

    Raises
    ------
    NotFoundError
        If there is no pipeline of a name.
    """

    def __init__(
        self,
        store: Store,
        names: Sequence[str],
        *,
        in_turn: InTurn = at_once,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._in_turn = in_turn
        self._clock = clock
        self._loading = threading.Lock()
        self._by_name = {name: Slot(name) for name in names}
        known = standings(store.database, list(names))
        for name in names:
            if name not in known:
                raise NotFoundError(
                    f"there is no pipeline {name!r}; `calmops list` shows those there are"
                )

    def all(self) -> list[Slot]:
        """Return the slots in the order of their names."""
        return list(self._by_name.values())

    def get(self, name: str) -> Slot | None:
        """Return the slot of a pipeline, None if it is not served here."""
        return self._by_name.get(name)

    def follow(self) -> None:
        """Look at the store once, and take over what changed there.

        What cannot be taken over stays as it is, *degraded*, and is tried again after a while.
        """
        with self._loading:
            try:
                found = standings(self._store.database, list(self._by_name))
            except CalmopsError as err:
                for slot in self._by_name.values():
                    self._refuse(slot, f"the store cannot be read: {err}")
                return
            for slot in self._by_name.values():
                self._follow(slot, found.get(slot.name))

    def _follow(self, slot: Slot, found: Standing | None) -> None:
        if found is None:
            self._refuse(slot, "the pipeline was deleted")
            return
        if found.champion is None:
            slot.standing, slot.fault = found, "no champion yet: nothing was trained"
            return
        is_new = found != slot.standing
        if not is_new and slot.fault is None:
            return
        if not is_new and self._clock() < slot.tried_at + RETRY_SECONDS:
            return
        slot.standing, slot.tried_at = found, self._clock()
        try:
            served = load_served(self._store, slot.name, found.champion, self._in_turn)
        except Exception as err:  # noqa: BLE001 - whatever a broken model raises, the old one answers
            self._refuse(slot, f"version {found.champion} cannot serve: {_said(err)}")
            return
        slot.pins.clear()  # they were loaded under the contract and spec of before
        slot.current, slot.fault = served, None
        slot.reloads += 1
        logger.info("version %d of %s serves", served.version, slot.name)

    def _refuse(self, slot: Slot, reason: str) -> None:
        if slot.fault != reason:
            logger.warning("%s: %s", slot.name, reason)
        slot.fault = reason

    def pinned(self, slot: Slot, number: int) -> Served:
        """Return a certain version, loaded now unless it was asked for lately.

        Raises
        ------
        NotFoundError
            If there is no such version, or its model was removed.
        CalmopsError
            If it cannot be loaded.
        """
        current = slot.current
        if current is not None and current.version == number:
            return current
        with self._loading:
            found = slot.pins.get(number)
            if found is None:
                found = load_served(self._store, slot.name, number, self._in_turn)
                slot.pins[number] = found
                while len(slot.pins) > MOST_PINS:
                    slot.pins.popitem(last=False)
            else:
                slot.pins.move_to_end(number)
            return found


def _said(err: BaseException) -> str:
    return str(err) if isinstance(err, CalmopsError) else f"{type(err).__name__}: {err}"
