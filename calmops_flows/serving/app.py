"""The FastAPI app: routes, and one form for every error."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from calmops_flows.serving import openapi
from calmops_flows.serving.describe import describe_pipeline, describe_schema
from calmops_flows.serving.desk import Desk
from calmops_flows.serving.guard import Guard, broken
from calmops_flows.serving.problems import RequestError, to_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from calmops_flows.serving.answer import Answer
    from calmops_flows.serving.gate import Gate
    from calmops_flows.serving.journal import Journal
    from calmops_flows.serving.limits import Limits
    from calmops_flows.serving.slots import Slots

logger = logging.getLogger(__name__)

FOLLOW_SECONDS = 0.5
Version = Annotated[
    int | None,
    Query(ge=1, le=2**31 - 1, description="Answer with this version, not the champion."),
]
Probabilities = Annotated[bool, Query(description="Also give the probability of each class.")]
Name = Annotated[str, Path(description="Name of a pipeline.")]


def create_app(
    slots: Slots,
    gate: Gate,
    limits: Limits,
    *,
    journal: Journal | None = None,
    token: str | None = None,
    hosts: frozenset[str] | None = None,
) -> Guard:
    """Build the application of one server.

    Parameters
    ----------
    slots : Slots
        Which pipelines it answers for.
    gate : Gate
        Where predictions are made.
    limits : Limits
        How much it takes on.
    journal : Journal, optional
        Where answers are logged.
    token : str, optional
        What clients must show.
    hosts : frozenset of str, optional
        Names that requests may call it by; default: any.

    Returns
    -------
    Guard
        An ASGI application.
    """
    desk = Desk(slots, gate, limits, journal)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(slots.follow)
        following = asyncio.create_task(_follow(slots, journal))
        yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await asyncio.to_thread(desk.gate.close)
        if journal is not None:
            await asyncio.to_thread(lambda: journal.rotate(is_last=True))

    app = FastAPI(
        title="CalmOps prediction server",
        version=version_of("calmops-flows"),
        description=openapi.DESCRIPTION,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=life,
    )
    _add_predictions(app, desk)
    _add_facts(app, desk)
    _add_errors(app)
    names = [slot.name for slot in slots.all()]
    document = openapi.naming(app.openapi(), names)
    app.openapi = lambda: openapi.described(document, slots.all())  # type: ignore[method-assign]
    return Guard(app, desk.metrics, token=token, hosts=hosts)


async def _follow(slots: Slots, journal: Journal | None) -> None:
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        try:
            await asyncio.to_thread(slots.follow)
            if journal is not None:
                await asyncio.to_thread(journal.rotate)
        except Exception:  # the next look may succeed, and requests go on meanwhile
            logger.exception("looking after models and log failed")


def _add_predictions(app: FastAPI, desk: Desk) -> None:
    @app.post("/invocations", openapi_extra=openapi.BODY, responses=openapi.ANSWERS)
    async def invocations(
        request: Request, version: Version = None, *, probabilities: Probabilities = False
    ) -> Response:
        """Predict with the only pipeline of this server, in MLflow's scoring protocol."""
        return _reply(
            await desk.predict(request, None, version=version, wants_probabilities=probabilities)
        )

    @app.post(
        "/pipelines/{name}/invocations", openapi_extra=openapi.BODY, responses=openapi.ANSWERS
    )
    async def pipeline_invocations(
        request: Request,
        name: Name,
        version: Version = None,
        *,
        probabilities: Probabilities = False,
    ) -> Response:
        """Predict with one of the pipelines."""
        return _reply(
            await desk.predict(request, name, version=version, wants_probabilities=probabilities)
        )

    @app.post("/predict/{name}", openapi_extra=openapi.BARE_BODY, responses=openapi.ANSWERS)
    async def predict(
        request: Request,
        name: Name,
        version: Version = None,
        *,
        probabilities: Probabilities = False,
    ) -> Response:
        """Predict an object or an array of objects, as earlier versions took them."""
        return _reply(
            await desk.predict(
                request, name, version=version, wants_probabilities=probabilities, is_bare=True
            )
        )


def _reply(given: Answer) -> Response:
    headers = {"X-Model-Version": str(given.served.version)}
    return Response(given.content, media_type="application/json", headers=headers)


def _add_facts(app: FastAPI, desk: Desk) -> None:
    slots = desk.slots

    @app.get("/ping", responses=openapi.HEALTH)
    @app.get("/health/ready", responses=openapi.HEALTH)
    async def ready() -> Response:
        """Say whether every pipeline has a model; *degraded*: an older one answers."""
        states = {slot.name: slot.status for slot in slots.all()}
        worst = next((word for word in ("not_ready", "degraded") if word in states.values()), "ok")
        body = {"status": worst, "pipelines": states}
        return _json(body, status=503 if worst == "not_ready" else 200)

    @app.get("/health/live", responses=openapi.FACTS)
    async def live() -> Response:
        """Say that the process answers."""
        return _json({"status": "ok"})

    @app.get("/version", responses=openapi.FACTS)
    async def version() -> Response:
        """Say which calmops-flows this is."""
        return _json({"version": app.version})

    @app.get("/metrics", responses=openapi.METRICS)
    async def metrics() -> Response:
        """Tell Prometheus."""
        return Response(desk.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/pipelines", responses=openapi.FACTS)
    async def pipelines() -> Response:
        """List the pipelines with the versions that answer."""
        return _json({"pipelines": [describe_pipeline(slot) for slot in slots.all()]})

    @app.get("/pipelines/{name}/schema", responses=openapi.NAMED)
    async def schema(name: Name) -> Response:
        """Say which columns a request brings, by the contract."""
        slot = desk.find(name)
        if slot.current is None:
            raise RequestError(503, "not_ready", f"pipeline {name!r} has no model yet")
        return _json(describe_schema(slot.current))


def _json(body: dict[str, Any], *, status: int = 200) -> Response:
    return Response(to_json(body), status_code=status, media_type="application/json")


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestError)
    async def refused(request: Request, err: Exception) -> Response:
        assert isinstance(err, RequestError)  # noqa: S101 - for the type only
        return _error(request, err)

    @app.exception_handler(404)
    async def no_path(request: Request, _: Exception) -> Response:
        return _error(request, RequestError(404, "no_such_path", "see /openapi.json"))

    @app.exception_handler(405)
    async def no_method(request: Request, err: Exception) -> Response:
        allowed = dict(getattr(err, "headers", None) or {})
        message = f"use {allowed.get('Allow', 'another method')}"
        return _error(request, RequestError(405, "method_not_allowed", message, headers=allowed))

    @app.exception_handler(RequestValidationError)
    async def odd_parameter(request: Request, err: Exception) -> Response:
        assert isinstance(err, RequestValidationError)  # noqa: S101
        first = err.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _error(request, RequestError(422, "bad_parameter", f"{where}: {first['msg']}"))

    @app.exception_handler(Exception)
    async def failed(request: Request, _: Exception) -> Response:
        return _error(request, broken())


def _error(request: Request, err: RequestError) -> Response:
    content = err.to_json(request.scope["calmops_request_id"])
    return Response(content, err.status, headers=err.headers, media_type="application/json")
