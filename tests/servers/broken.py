"""An HTTP proxy in front of a server, which a test can break in several ways."""

from __future__ import annotations

import http.client
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

How = Literal["403", "500", "hang", "cut", "short"]
When = Callable[[str, str], bool]
_HOP = frozenset({"connection", "expect", "host", "transfer-encoding", "keep-alive"})
_ERROR = "<Error><Code>{code}</Code><Message>{text}</Message></Error>"
_CODES = {"403": ("AccessDenied", "Access Denied"), "500": ("InternalError", "We broke down")}


class BreakableProxy:
    """Passes requests on, until it is told to break those that a test names.

    Parameters
    ----------
    target : str
        Address of the server.
    """

    def __init__(self, target: str) -> None:
        parts = urllib.parse.urlsplit(target)
        self.target = (str(parts.hostname), int(parts.port or 80))
        self.how: How | None = None
        self.when: When = lambda _method, _path: True
        self.left: int | None = None
        self.broken = 0
        self.ended = threading.Event()
        self._server = _Server(self)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @contextmanager
    def breaking(
        self, how: How, when: When = lambda _method, _path: True, *, times: int | None = None
    ) -> Iterator[None]:
        """Break the requests ``when`` says so, ``times`` of them or all.

        ``hang``: no answer. ``cut``: half of the body, then the connection is closed.
        ``short``: half of the body, as if that were all.
        """
        self.how, self.when, self.left, self.broken = how, when, times, 0
        try:
            yield
        finally:
            self.how = None
            self.ended.set()
            self.ended = threading.Event()

    def breaks(self, method: str, path: str) -> How | None:
        """Say how to break this request."""
        if self.how is None or self.left == 0 or not self.when(method, path):
            return None
        self.left = None if self.left is None else self.left - 1
        self.broken += 1
        return self.how

    def close(self) -> None:
        """Close the door."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: BreakableProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # the client gave up
            self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        how = self.server.proxy.breaks(self.command, self.path)
        if how == "hang":
            self.server.proxy.ended.wait(60)
            self.close_connection = True
        elif how in _CODES:
            code, text = _CODES[how]
            self._answer(int(how), [], _ERROR.format(code=code, text=text).encode())
        else:
            self._forward(body, how)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - the base's names

    def _forward(self, body: bytes, how: How | None) -> None:
        upstream = http.client.HTTPConnection(*self.server.proxy.target, timeout=60)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
            upstream.request(self.command, self.path, body or None, headers)
            reply = upstream.getresponse()
            content = reply.read()
            kept = [(k, v) for k, v in reply.getheaders() if k.lower() not in _HOP]
            self._answer(reply.status, kept, content, how, reply.getheader("Content-Length"))
        finally:
            upstream.close()

    def _answer(
        self,
        status: int,
        headers: list[tuple[str, str]],
        content: bytes,
        how: How | None = None,
        length: str | None = None,
    ) -> None:
        half = content[: len(content) // 2]
        self.send_response_only(status)
        for name, value in headers:
            lower = name.lower()
            # Not every store sends checksums, so what is short must be noticed without one.
            if lower != "content-length" and not (how and lower.startswith("x-amz-checksum")):
                self.send_header(name, value)
        size = len(half) if how == "short" else len(content)
        is_head = self.command == "HEAD" and length is not None
        self.send_header("Content-Length", str(length if is_head else size))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(half if how in {"cut", "short"} else content)
        self.close_connection = self.close_connection or how == "cut"
