"""The secret of keyed pseudonyms: named in a plan, kept outside of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import model_validator

from calmops_flows.errors import SpecError
from calmops_flows.spec.base import Part

FEWEST_BYTES = 16


ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def refuse_secret(key: object, where: str) -> None:
    """Refuse a key that stands in a plan, without repeating it.

    Raises
    ------
    SpecError
        If it is not ``{env: NAME}`` or ``{file: PATH}``.
    """
    if isinstance(key, KeySource):
        return
    named = dict(key) if isinstance(key, Mapping) else {}
    env = named.get("env", "NAME")
    if (
        not named
        or not set(named) <= {"env", "file"}
        or not (isinstance(env, str) and ENV_NAME.fullmatch(env))
    ):
        raise SpecError(
            f"{where}: a plan never holds a key; write key: {{env: NAME}} for an environment "
            "variable, or key: {file: PATH}"
        )


class KeySource(Part):
    """Where a key is: an environment variable, or a file; never the key itself."""

    env: str | None = None
    """Name of an environment variable."""
    file: Path | None = None
    """A file that holds nothing else; a newline at its end does not count."""

    @model_validator(mode="after")
    def _one(self) -> KeySource:
        if (self.env is None) == (self.file is None):
            raise ValueError("name either an environment variable (env) or a file")
        return self

    def read(self) -> bytes:
        """Return the key.

        Raises
        ------
        SpecError
            If it is not there, or shorter than 16 bytes; the message does not hold it.
        """
        key = self._bytes()
        if len(key) < FEWEST_BYTES:
            raise SpecError(
                f"the key in {self.place()} has {len(key)} bytes; at least {FEWEST_BYTES} are "
                'needed: python -c "import secrets; print(secrets.token_hex(32))"'
            )
        return key

    def place(self) -> str:
        """Return where the key is, for messages."""
        return f"file {str(self.file)!r}" if self.env is None else f"variable {self.env}"

    def _bytes(self) -> bytes:
        if self.file is not None:
            try:
                return self.file.expanduser().read_bytes().rstrip(b"\r\n")
            except OSError as err:
                raise SpecError(f"cannot read the key in {self.place()}: {err.strerror}") from err
        value = os.environ.get(self.env or "")
        if value is None:
            raise SpecError(f"the key is to be in {self.place()}, which is not set")
        return value.encode()
