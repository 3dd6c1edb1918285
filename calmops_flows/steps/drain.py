"""The one drain: all pending snapshots of a pipeline, in order, each exactly once."""

from __future__ import annotations

import errno
import logging
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from calmops_flows.data.contract import Contract
from calmops_flows.errors import (
    ArtifactError,
    LeaseLostError,
    NotReadyError,
    RemoteError,
    SnapshotError,
    StaleRunError,
    StoreError,
)
from calmops_flows.records import DecisionKind, Outcome, Role, Snapshot, SnapshotState
from calmops_flows.spec import PipelineSpec
from calmops_flows.steps.catch_up import next_due, process_catch_up
from calmops_flows.steps.discover import discover, in_order
from calmops_flows.steps.kinds import KINDS
from calmops_flows.steps.label_file import process_label_file
from calmops_flows.steps.predict_only import NO_CHAMPION, lacks_champion
from calmops_flows.steps.process import process_snapshot
from calmops_flows.steps.publish import note_heard, publish
from calmops_flows.steps.retain import retain
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.steps.runner import PlainRunner, Runner, StepCalls
from calmops_flows.steps.split import split_file
from calmops_flows.store import catch_up, ledger, registry
from calmops_flows.store.history import history
from calmops_flows.store.lease import Lease, acquire
from calmops_flows.store.pipelines import PipelineState, load_state
from calmops_flows.store.store import Store
from calmops_flows.store.uninterrupted import uninterrupted

logger = logging.getLogger(__name__)
SETTLE_POLL_SECONDS = 0.1
PUBLISH_SECONDS = 1.0  # within a drain, messages of quick snapshots travel together
# The machine's trouble, not the file's: the run stops and the snapshot stays pending.
_ENVIRONMENT = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS}
)


@dataclass(slots=True)
class Drained:
    """What one drain did.

    ``outcomes`` holds one entry per snapshot processed now, oldest first;
    ``is_busy`` says that another worker holds the pipeline.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    quarantined: list[Outcome] = field(default_factory=list)
    waiting: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    is_busy: bool = False


def utc_now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def drain(
    pipeline: str,
    store: Store,
    *,
    now: Callable[[], datetime] = utc_now,
    runner: Runner | None = None,
    wait: bool = True,
) -> Drained:
    """Process all pending snapshots of a pipeline.

    Parameters
    ----------
    pipeline : str
        Name of an applied pipeline.
    store : Store
        The store it lives in.
    now : callable, optional
        The clock.
    runner : Runner, optional
        Calls the steps; default: plainly, in this process.
    wait : bool, default True
        Wait until files that are still being written have settled.

    Returns
    -------
    Drained
        Outcomes of this drain; ``is_busy`` when another worker holds the pipeline.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    StoreError
        If the store cannot be reached or written.
    RemoteError
        If a remote source, or the object store of the artifacts, cannot be reached.
    """
    runner = runner or PlainRunner()
    spec = load_state(store.database, pipeline).spec
    # How long a run waits in all for files that are still being written.
    patience_seconds = 3 * spec.source.settle_seconds + 1 if wait else 0.0
    drained = Drained()
    with ExitStack() as stack:
        with uninterrupted():
            lease = acquire(store.database, pipeline, seconds=store.settings.lease_seconds)
            if lease is not None:
                stack.enter_context(lease)
        if lease is None:
            return Drained(is_busy=True)
        try:
            _drain_held(_Drain(store, pipeline, lease, runner, now), drained, patience_seconds)
        except LeaseLostError as err:
            logger.warning("%s", err)
            drained.is_busy = True
    return drained


@dataclass(slots=True)
class _Drain:
    store: Store
    pipeline: str
    lease: Lease
    runner: Runner
    now: Callable[[], datetime]
    postponed: set[int] = field(default_factory=set)
    publish_from: float = 0.0
    done: int = 0
    may_owe: bool = True
    caught_up: set[str] = field(default_factory=set)


def _drain_held(drain: _Drain, drained: Drained, patience_seconds: float) -> None:
    """Look, work, deliver; let go only if nobody knocked since the last look."""
    patience = time.monotonic() + patience_seconds
    publish(drain.store, drain.pipeline, drain.runner, now=drain.now)
    while True:
        wake = drain.lease.wake_count()
        state = load_state(drain.store.database, drain.pipeline)
        spec = state.spec
        found = discover(drain.store, spec, drain.lease.token, now=drain.now())
        drained.waiting, drained.skipped = found.waiting, found.skipped
        if lacks_champion(state):
            drained.skipped += _without_champion(drain)
        elif _work_through(drain, drained, spec):
            continue
        if found.waiting and time.monotonic() < patience:
            time.sleep(SETTLE_POLL_SECONDS)
            continue
        if drain.done and spec.retention is not None:
            retain(drain.store, drain.pipeline, token=drain.lease.token, now=drain.now())
        note_heard(drain.store, drain.pipeline, drain.runner, now=drain.now, wait=True)
        if drain.lease.release(wake):
            return


def _without_champion(drain: _Drain) -> tuple[tuple[str, str], ...]:
    """Name the snapshots that stay pending until there is a champion."""
    entries = ledger.pending(drain.store.database, drain.pipeline)
    return tuple((snapshot.label, NO_CHAMPION) for snapshot, _ in entries)


def _work_through(drain: _Drain, drained: Drained, spec: PipelineSpec) -> bool:
    """Process what is pending now; tell whether there was anything."""
    entries = ledger.pending(drain.store.database, drain.pipeline)
    todo = [s for s in in_order(spec, entries) if s.id not in drain.postponed]
    is_busy = _catch_up(drain, drained)
    for snapshot in todo:
        outcome = _work_on(drain, snapshot)
        if snapshot is todo[-1] or time.monotonic() >= drain.publish_from:
            publish(drain.store, drain.pipeline, drain.runner, now=drain.now)
            drain.publish_from = time.monotonic() + PUBLISH_SECONDS
        drain.done += 1
        drain.runner.progress(
            drain.done, drain.done + len(todo) - todo.index(snapshot) - 1, outcome
        )
        _note(drain, drained, outcome)
        _catch_up(drain, drained)
    return bool(todo) or is_busy


def _note(drain: _Drain, drained: Drained, outcome: Outcome | None) -> None:
    if outcome is None:
        return
    (drained.outcomes if outcome.decision else drained.quarantined).append(outcome)
    drain.may_owe |= outcome.decision == DecisionKind.DEFERRED


def _catch_up(drain: _Drain, drained: Drained) -> bool:
    """Make good what the breaker put off, once its pause is over; tell whether anything was."""
    is_any = False
    while drain.may_owe:
        state, now = load_state(drain.store.database, drain.pipeline), drain.now()
        deferred = next_due(drain.store, state, now=now, besides=drain.caught_up)
        if deferred is None:
            drain.may_owe = not state.breaker.allows(now)  # else nothing is left to do for now
            return is_any
        drain.caught_up.add(deferred.digest)
        turn = catch_up.enter(drain.store.database, deferred, drain.lease.token, now=now)
        _note(drain, drained, _work_on(drain, turn))
        drain.done += 1
        is_any = True
    return is_any


def _work_on(drain: _Drain, snapshot: Snapshot) -> Outcome | None:
    """Bring one snapshot to its outcome, to quarantine, or put it off for this drain."""
    database = drain.store.database
    attempt = None
    try:
        with uninterrupted():
            attempt = ledger.begin_attempt(database, snapshot, drain.lease.token)
        if attempt is None:
            return _set_aside(drain, snapshot, "crashed: three attempts ended without an outcome")
        _process(drain, snapshot)
    except NotReadyError as err:
        logger.info("%r put off: %s", snapshot.label, err)
        ledger.return_attempt(database, snapshot, drain.lease.token)
        drain.postponed.add(snapshot.id)
        return None
    except SnapshotError as err:
        return _set_aside(drain, snapshot, str(err))
    except StaleRunError as err:
        logger.info("%s; starting again", err)
        ledger.return_attempt(database, snapshot, drain.lease.token)
        return _work_on(drain, snapshot)
    except (StoreError, ArtifactError, RemoteError):
        _return_quietly(drain, snapshot, attempt)
        raise
    except OSError as err:
        if err.errno in _ENVIRONMENT:
            _return_quietly(drain, snapshot, attempt)
            raise
        return _set_aside(drain, snapshot, f"read_error: {err.strerror or err}")
    except BaseException as err:
        if not isinstance(err, Exception):  # Ctrl-C, SIGTERM, a run cancelled by Prefect
            _return_quietly(drain, snapshot, attempt)
        raise
    return _outcome(drain, snapshot)


def _outcome(drain: _Drain, snapshot: Snapshot) -> Outcome | None:
    """Read back what was committed; a file that was split into its blocks has no outcome."""
    for outcome in history(drain.store.database, drain.pipeline, ids=[snapshot.id]):
        if outcome.state == SnapshotState.PENDING:
            return None
        logger.info("%r: %s (%s)", outcome.snapshot, outcome.decision, outcome.reason)
        return outcome
    return None


def _process(drain: _Drain, snapshot: Snapshot) -> None:
    state = load_state(drain.store.database, drain.pipeline)
    kind = KINDS[state.spec.kind]
    state = replace(state, spec=kind.trainer.settled(state.spec))
    with tempfile.TemporaryDirectory(prefix="calmops-") as folder:
        run = SnapshotRun(
            store=drain.store,
            state=state,
            snapshot=snapshot,
            contract=_contract(drain, state),
            folder=Path(folder),
            now=drain.now(),
            run_id=drain.runner.run_id,
            kind=kind,
        )
        calls = StepCalls(drain.lease, drain.runner, snapshot.label)
        column = run.block_column
        if snapshot.role is Role.CATCH_UP:
            process_catch_up(run, calls, drain.lease.token)
        elif snapshot.role is Role.LABELS:
            process_label_file(run, calls, drain.lease.token)
        elif column is None or snapshot.block is not None:
            process_snapshot(run, calls, drain.lease.token)
        else:
            split_file(run, calls, column, drain.lease.token)


def _contract(drain: _Drain, state: PipelineState) -> Contract | None:
    if state.contract_version is None:
        return None
    text = registry.contract_text(drain.store.database, drain.pipeline, state.contract_version)
    return Contract.from_json(text)


def _set_aside(drain: _Drain, snapshot: Snapshot, reason: str) -> Outcome:
    logger.warning("%r quarantined: %s", snapshot.label, reason)
    database = drain.store.database
    ledger.quarantine(database, snapshot, drain.lease.token, reason, now=drain.now())
    return history(database, drain.pipeline, ids=[snapshot.id])[0]


def _return_quietly(drain: _Drain, snapshot: Snapshot, attempt: int | None) -> None:
    """Give an attempt back if the store still answers; the first error matters more."""
    if attempt is None:
        return
    try:
        with uninterrupted():
            ledger.return_attempt(drain.store.database, snapshot, drain.lease.token)
    except (StoreError, OSError) as err:
        logger.warning("attempt of %r not given back: %s", snapshot.label, err)
