"""What the server says when it does not predict: one form for every error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import CalmopsError

if TYPE_CHECKING:
    from collections.abc import Mapping


class RequestError(CalmopsError, ValueError):
    """A request that cannot be answered with predictions.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Short stable name of the problem, for programs.
    message : str
        What was expected, what was found, and what to do, for people.
    details : mapping, optional
        Facts for programs, such as the names of missing columns.
    headers : mapping of str to str, optional
        Headers of the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    def to_json(self, request_id: str) -> bytes:
        """Return the body of the response; MLflow's clients read its first two fields."""
        return to_json(
            {
                "error_code": self.code,
                "message": str(self),
                "details": self.details,
                "request_id": request_id,
            }
        )


def to_json(value: object) -> bytes:
    """Return compact JSON in ASCII, which can hold any text that a client sent."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
