"""A TCP proxy in front of a server, which a test can cut."""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.parse
from types import TracebackType
from typing import Self


class Proxy:
    """Passes bytes on until ``cut_at`` comes by; then it takes nobody until it is mended.

    Parameters
    ----------
    url : str
        Address of the server's API.
    cut_at : bytes
        What a client must not say.
    """

    def __init__(self, url: str, cut_at: bytes) -> None:
        parts = urllib.parse.urlsplit(url)
        self._target = (str(parts.hostname), int(parts.port or 80))
        self._cut_at: bytes | None = cut_at
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}{parts.path}"
        self.is_cut = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()

    def cut(self) -> None:
        """Close the door and every connection."""
        self.is_cut = True
        for one in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def mend(self) -> None:
        """Take clients again at the same address, whatever they say."""
        self._cut_at = None
        self._listener = self._listen(self.port)
        self.is_cut = False

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._open |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if self._cut_at is not None and self._cut_at in data:
                    self.cut()
                    return
                sink.sendall(data)
        except OSError:
            return
        finally:
            for one in (source, sink):
                self._open.discard(one)
                one.close()
