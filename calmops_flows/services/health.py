"""Ask a service how it is."""

from __future__ import annotations

import http.client
import urllib.parse

TIMEOUT_SECONDS = 5.0


def is_well(url: str) -> bool:
    """Tell whether a URL answers 200."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
