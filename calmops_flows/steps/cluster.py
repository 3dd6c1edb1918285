"""Dask workers that profile and test columns, where the settings name a scheduler.

The cluster only adds speed: the same functions run on the same columns, and the same parts of
long ones, so every figure is the same bit by bit; where the cluster fails the work is done here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from calmops_flows.errors import MissingExtraError, RemoteError
from calmops_flows.profiles import Spread, here

if TYPE_CHECKING:
    from calmops_flows.settings import Settings

logger = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")
MIN_CELLS = 200_000  # below, the way to a worker and back takes longer than the work
_GROUPS_PER_THREAD = 4  # so that an uneven column delays nobody for long


@contextmanager
def cluster(settings: Settings, *, n_cells: int) -> Iterator[Spread]:
    """Give what spreads work over the columns of a snapshot, and over the parts of long ones.

    Parameters
    ----------
    settings : Settings
        ``dask_address`` names the scheduler; empty: the work is done here.
    n_cells : int
        Rows times columns; a small snapshot is worked on here.

    Raises
    ------
    MissingExtraError
        If a scheduler is named and the extra ``dask`` is not installed.
    """
    if not settings.dask_address or n_cells < MIN_CELLS:
        yield here
        return
    client = _connect(settings.dask_address, settings.remote_timeout_seconds)
    if client is None:
        yield here
        return
    try:
        yield _Cluster(client, settings.remote_timeout_seconds)
    finally:
        client.close(timeout=settings.remote_timeout_seconds)


def _connect(address: str, timeout_seconds: float) -> Any | None:
    try:
        from distributed import Client
    except ImportError as err:
        raise MissingExtraError(
            "CALMOPS_DASK_ADDRESS needs the extra `dask`: pip install 'calmops-flows[dask]'"
        ) from err
    try:
        return Client(address, timeout=timeout_seconds, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as err:
        logger.warning("Dask at %s cannot be reached, working here: %s", address, err)
        return None


@dataclass(frozen=True, slots=True)
class _Cluster:
    client: Any
    timeout_seconds: float

    def __call__(self, work: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
        try:
            return self._away(work, items)
        except RemoteError as err:
            logger.warning("%s; working here", err)
            return here(work, items)

    def _away(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        from distributed import wait
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        n_threads = sum(self.client.nthreads().values())
        if not n_threads:
            raise RemoteError("the Dask cluster has no worker")
        size = max(1, -(-len(items) // (n_threads * _GROUPS_PER_THREAD)))
        groups = [items[at : at + size] for at in range(0, len(items), size)]
        try:
            held = self.client.scatter(groups, hash=False)  # rows are no part of the task graph
            futures = [self.client.submit(_do, work, group, pure=False) for group in held]
            while True:
                try:
                    with self.client.as_current():
                        wait(futures, timeout=self.timeout_seconds)  # type: ignore[no-untyped-call]
                except TimeoutError:
                    if not self.client.nthreads():
                        raise
                else:
                    return [one for group in self.client.gather(futures) for one in group]
        except (OSError, KilledWorker, FutureCancelledError) as err:
            raise RemoteError(f"the Dask cluster lost its work: {err}") from err


def _do(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [work(item) for item in items]
