"""Keyed pseudonyms: HMAC-SHA-256 of a value."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import require
from calmops_flows.generators.privacy.base import Protection, Way
from calmops_flows.generators.privacy.key import KeySource

if TYPE_CHECKING:
    from collections.abc import Sequence


class Pseudonym(Way):
    """Replace values by keyed pseudonyms.

    References
    ----------
    .. [1] RFC 2104, "HMAC: Keyed-Hashing for Message Authentication", 1997.
    .. [2] ENISA, "Pseudonymisation techniques and best practices", 2019, section 5.2.
    """

    PROTECTS: ClassVar[str] = (
        "Who has no key cannot tell the value from its pseudonym, nor try all values."
    )
    LEAVES: ClassVar[str] = (
        "Rows of one person stay linked, and how often a value comes stays visible; who has the "
        "key can undo it by trying all values."
    )

    columns: tuple[str, ...] = Field(min_length=1)
    key: KeySource
    prefix: str = ""
    """Put before each pseudonym, for example ``patient-``."""
    digits: int = Field(default=20, ge=8, le=64)
    """Hexadecimal digits."""
    domain: str | None = None
    """Equal values have equal pseudonyms within a domain; default: the column's name. The same
    domain in two tables lets them be joined."""

    def protect(self, frame: pd.DataFrame, rng: np.random.Generator) -> Protection:  # noqa: ARG002
        """Replace the values; missing ones stay missing."""
        require(frame, self.columns)
        key = self.key.read()
        counts = {}
        for name in self.columns:
            codes, values = pd.factorize(frame[name])
            names = pseudonyms(values.tolist(), key, domain=self.domain or name, digits=self.digits)
            _refuse_collision(names, name)
            found = np.array([*(self.prefix + one for one in names), None], dtype=object)
            frame[name] = pd.Series(found[codes], index=frame.index, dtype=object)
            counts[name] = len(names)
        return Protection(frame, {"key in": self.key.place(), "distinct values": counts})


def pseudonyms(values: Sequence[Any], key: bytes, *, domain: str, digits: int = 20) -> list[str]:
    """Return the pseudonym of each value.

    Numbers of equal value have equal pseudonyms, whatever their type: a whole number that was read
    as a float (because its column has gaps) is the same person.

    Parameters
    ----------
    values : sequence
        Texts, numbers, dates.
    key : bytes
        The secret.
    domain : str
        Names what the values are.
    digits : int, default=20
        Hexadecimal digits kept of the 64.

    Returns
    -------
    list of str
        As many as values.

    Examples
    --------
    >>> pseudonyms([7, 7.0, "7"], b"an example's key", domain="patient", digits=8)
    ['88d51eaf', '88d51eaf', '88d51eaf']
    """
    keyed = hmac.new(key, f"{len(domain)}:{domain}:".encode(), hashlib.sha256)
    found = []
    for value in values:
        one = keyed.copy()
        one.update(_text(value).encode())
        found.append(one.hexdigest()[:digits])
    return found


def _text(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _refuse_collision(names: Sequence[str], column: str) -> None:
    if len(set(names)) < len(names):
        raise SpecError(
            f"two values of {column!r} would share a pseudonym; raise digits, or leave equal "
            "spellings (7 and 7.0) out of one column"
        )
