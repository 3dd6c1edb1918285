"""One generator of random numbers per part, so that another part changes no other's values."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from calmops_flows.errors import SpecError

Seeds = Callable[..., np.random.Generator]


def seeds(random_state: int) -> Seeds:
    """Return a function that gives the generator of a part by its names.

    Raises
    ------
    SpecError
        If the seed is negative.

    Examples
    --------
    >>> rng = seeds(1)
    >>> bool(rng("cohort").random() == rng("cohort").random())
    True
    """
    if random_state < 0:
        raise SpecError(f"random_state must not be negative, got {random_state!r}")

    def rng(*names: str) -> np.random.Generator:
        return np.random.default_rng([random_state, *(zlib.crc32(n.encode()) for n in names)])

    return rng
