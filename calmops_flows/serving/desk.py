"""Takes requests in: reads bodies within bounds, finds the model, asks for the answer."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from calmops_flows.errors import CalmopsError, NotFoundError
from calmops_flows.serving.answer import Question, answer, short_answer
from calmops_flows.serving.gate import BUSY
from calmops_flows.serving.metrics import Metrics
from calmops_flows.serving.problems import RequestError

if TYPE_CHECKING:
    from fastapi import Request

    from calmops_flows.serving.answer import Answer
    from calmops_flows.serving.gate import Gate
    from calmops_flows.serving.journal import Journal
    from calmops_flows.serving.limits import Limits
    from calmops_flows.serving.model import Served
    from calmops_flows.serving.slots import Slot, Slots

logger = logging.getLogger(__name__)

AT_ONCE_BYTES = 16 * 1024


class Desk:
    """Everything that one server holds while it runs.

    Parameters
    ----------
    slots : Slots
        Which models answer.
    gate : Gate
        Where predictions are made.
    limits : Limits
        How much is taken on.
    journal : Journal, optional
        Where answers are logged.
    """

    def __init__(
        self, slots: Slots, gate: Gate, limits: Limits, journal: Journal | None = None
    ) -> None:
        self.slots = slots
        self.limits = limits
        self.gate = gate
        self.journal = journal
        self.metrics = Metrics(slots, journal, lambda: self.gate.waiting)
        self._held_bytes = 0

    async def predict(
        self,
        request: Request,
        name: str | None,
        *,
        version: int | None = None,
        wants_probabilities: bool = False,
        is_bare: bool = False,
    ) -> Answer:
        """Answer a request with predictions.

        Raises
        ------
        RequestError
            Whatever is in the way.
        """
        slot = self.find(name)
        content = bytearray()
        try:
            await self._read(request, content)
            pinned = None if version is None else await self._pinned(slot, version)
            question = Question(
                bytes(content),
                _media(request),
                request.scope["calmops_request_id"],
                wants_probabilities=wants_probabilities,
                is_bare=is_bare,
                gives_ids=self.journal is not None,
            )
            given = self._at_once(question, slot, pinned)
            if given is None:
                given = await self.gate.run(lambda: self._answer(question, slot, pinned))
        finally:
            self._held_bytes -= len(content)
        self.metrics.predicted(given)
        return given

    def find(self, name: str | None) -> Slot:
        """Return the slot of a pipeline; without a name, of the only one.

        Raises
        ------
        RequestError
            404 if it is not served here, 400 if there are several to choose from.
        """
        slots = self.slots.all()
        if name is None and len(slots) == 1:
            return slots[0]
        names = [slot.name for slot in slots]
        if name is None:
            raise RequestError(
                400,
                "pipeline_needed",
                "this server answers for several pipelines; use /pipelines/NAME/invocations",
                details={"pipelines": names},
            )
        found = self.slots.get(name)
        if found is None:
            raise RequestError(
                404,
                "no_such_pipeline",
                f"pipeline {name[:80]!r} is not served here",
                details={"pipelines": names},
            )
        return found

    def _at_once(self, question: Question, slot: Slot, pinned: Served | None) -> Answer | None:
        """Answer a small request here, if nobody waits and its model is quick.

        The way to the other thread and back costs more than such an answer.
        """
        served = pinned or slot.current
        if served is None or self.gate.is_busy or len(question.content) > AT_ONCE_BYTES:
            return None
        given = short_answer(question, served, self.limits)
        if given is not None and self.journal is not None:
            self.journal.add(given)
        return given

    def _answer(self, question: Question, slot: Slot, pinned: Served | None) -> Answer:
        served = pinned or slot.current  # taken in its turn: later answers never go back
        if served is None:
            raise RequestError(
                503,
                "not_ready",
                f"pipeline {slot.name!r} has no model to answer with: {slot.fault}",
                headers=BUSY,
            )
        given = answer(question, served, self.limits)
        if self.journal is not None:
            self.journal.add(given)
        return given

    async def _pinned(self, slot: Slot, version: int) -> Served:
        try:
            return await asyncio.to_thread(self.slots.pinned, slot, version)
        except NotFoundError as err:
            raise RequestError(404, "no_such_version", str(err)) from err
        except CalmopsError as err:
            logger.warning("version %d of %s cannot serve: %s", version, slot.name, err)
            raise RequestError(
                503,
                "version_unusable",
                f"version {version} of pipeline {slot.name!r} cannot be loaded; the server's log "
                "says why",
            ) from err

    async def _read(self, request: Request, content: bytearray) -> None:
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError(
                415, "unsupported_encoding", "send the body without Content-Encoding"
            )
        stated = request.headers.get("content-length", "")
        if stated.isdigit() and int(stated) > self.limits.body_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                async for chunk in request.stream():
                    self._hold(len(chunk))
                    content += chunk
                    if len(content) > self.limits.body_bytes:
                        raise self._too_large()
        except TimeoutError as err:
            raise RequestError(
                408,
                "slow_body",
                f"the body did not arrive within {self.limits.body_seconds:g} s",
                headers={"Connection": "close"},
            ) from err

    def _hold(self, n_bytes: int) -> None:
        if self._held_bytes + n_bytes > self.limits.held_bytes:
            raise RequestError(
                503, "busy", "too many bytes wait already; try again later", headers=BUSY
            )
        self._held_bytes += n_bytes

    def _too_large(self) -> RequestError:
        return RequestError(
            413,
            "body_too_large",
            f"the body is over the limit of {self.limits.body_bytes} bytes; send fewer rows",
        )


def _media(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
