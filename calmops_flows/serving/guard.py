"""What every request passes before the routes: who asks, for which host, under which id."""

from __future__ import annotations

import hmac
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from calmops_flows.serving.problems import RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from calmops_flows.serving.metrics import Metrics

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
OPEN = frozenset({"/ping", "/health/live", "/health/ready"})
_REQUEST_ID = re.compile(r"^[\w.:-]{1,64}$", re.ASCII)


class Guard:
    """Wraps the app: host, token, request id, metrics, and no traceback for anybody.

    Parameters
    ----------
    app : ASGI application
        The routes.
    metrics : Metrics
        Counts requests.
    token : str or None
        What clients must show; None: nothing.
    hosts : frozenset of str or None
        Names that a request may call this server by; None: any. On loopback it keeps
        other sites' pages out, whose names were made to point here.
    """

    def __init__(
        self, app: App, metrics: Metrics, *, token: str | None, hosts: frozenset[str] | None
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._token = None if token is None else token.encode()
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        answering = _Answering(send, _request_id(headers))
        scope["calmops_request_id"] = answering.request_id
        start = time.perf_counter()
        try:
            self._check(scope["path"], headers)
            await self._app(scope, receive, answering)
        except RequestError as err:
            await answering.refuse(err)
        except Exception:  # what the routes could not answer; the client gets no details
            logger.exception("request %s failed", answering.request_id)
            await answering.refuse(broken())
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.seen(route, answering.status, time.perf_counter() - start)

    def _check(self, path: str, headers: dict[bytes, bytes]) -> None:
        if self._hosts is not None:
            host = headers.get(b"host", b"").decode("latin-1").lower()
            if re.sub(r":\d*$", "", host) not in self._hosts:
                raise RequestError(421, "wrong_host", "this server answers to other names")
        if self._token is None or path in OPEN:
            return
        kind, _, shown = headers.get(b"authorization", b"").partition(b" ")
        is_known = hmac.compare_digest(shown.strip(), self._token)
        if kind.lower() != b"bearer" or not is_known:
            raise RequestError(
                401,
                "unauthorised",
                "show the token: Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )


def broken() -> RequestError:
    """Return what is said when the server itself is at fault."""
    return RequestError(500, "internal", "the server failed; its log says why")


def _request_id(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.match(given) else uuid.uuid4().hex


class _Answering:
    """Adds the request id to the response and knows how far it got."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        await self._send(message)

    async def refuse(self, err: RequestError) -> None:
        """Send an error, unless an answer has begun already."""
        if self.status:
            return
        content = err.to_json(self.request_id)
        headers = {**err.headers, "content-type": "application/json"}
        head = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        head.append((b"content-length", str(len(content)).encode()))
        await self({"type": "http.response.start", "status": err.status, "headers": head})
        await self._send({"type": "http.response.body", "body": content})
