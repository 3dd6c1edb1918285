"""How work on many columns is spread: here, one after the other, or wherever a caller says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Spread(Protocol):
    """Does the same work on every item, and gives the results in the order of the items."""

    def __call__(self, work: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
        """Do it; ``work`` and the items can be pickled."""
        ...


def here(work: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
    """Do the work in this thread.

    Examples
    --------
    >>> list(here(abs, [-1, 2]))
    [1, 2]
    """
    return map(work, items)
