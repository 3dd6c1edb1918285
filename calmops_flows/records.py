"""Frozen records that cross the layers; no bare dict does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20
_CELL = "<td style='text-align:left'>{}</td>"


class SnapshotState(StrEnum):
    """Where a snapshot stands in the ledger."""

    PENDING = "pending"
    PROCESSED = "processed"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"


class Role(StrEnum):
    """What an entry of the ledger brings; a catch-up brings the rows of a deferred snapshot."""

    DATA = "data"
    LABELS = "labels"
    CATCH_UP = "catch_up"


class DecisionKind(StrEnum):
    """What was decided about a snapshot."""

    TRAINED = "trained"
    KEPT = "kept"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"
    DEFERRED = "deferred"
    AWAITING_LABELS = "awaiting_labels"
    PREDICTED = "predicted"


class VersionStatus(StrEnum):
    """What a model version is to its pipeline."""

    CHAMPION = "champion"
    RETIRED = "retired"
    CANDIDATE = "candidate"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One row of the ledger: a unit of arrival, known by the sha256 of its bytes."""

    id: int
    pipeline: str
    sequence: int
    path: str
    digest: str
    state: SnapshotState
    size_bytes: int
    stamp: str
    attempts: int = 0
    reason: str | None = None
    block: str | None = None
    rows: int | None = None
    data_digest: str | None = None
    profile_digest: str | None = None
    superseded_by: int | None = None
    duplicate_of: int | None = None
    discovered_at: datetime | None = None
    role: Role = Role.DATA

    @property
    def label(self) -> str:
        """Path relative to the source, with ``#block`` for a slice of a file."""
        return self.path if self.block is None else f"{self.path}#{self.block}"


NO_TEST = "none"  # detector of the entry that says why the values of a column have no test


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One test on one column.

    ``is_drift`` is None when the test could not be run; ``reason`` then says why.
    """

    name: str
    kind: str
    detector: str
    statistic: float | None
    p_value: float | None
    adjusted_p_value: float | None
    effect_size: float | None
    is_drift: bool | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The verdict on one batch against its reference.

    Attributes
    ----------
    is_drift : bool or None
        None when nothing could be tested.
    alpha : float
        Chance of any alarm when nothing has changed.
    columns : tuple of ColumnDrift
        One entry for each test on each column.
    multivariate : ColumnDrift or None
        The joint test, named ``"*"``.
    reference_rows, current_rows : int
        Rows compared.
    notes : tuple of str
        What limits the verdict, such as serial dependence of the rows.
    """

    is_drift: bool | None
    alpha: float
    columns: tuple[ColumnDrift, ...]
    reference_rows: int
    current_rows: int
    multivariate: ColumnDrift | None = None
    notes: tuple[str, ...] = ()

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the columns with a drifted test, in column order, once each."""
        return tuple(dict.fromkeys(c.name for c in self.columns if c.is_drift))

    @property
    def untestable(self) -> dict[str, str]:
        """Reason by name, for the columns whose values could not be tested."""
        tested = {c.name for c in self.columns if c.is_drift is not None}
        reasons: dict[str, str] = {}
        for column in self.columns:
            if column.name not in tested or column.detector == NO_TEST:
                reasons.setdefault(column.name, column.reason or "no reason given")
        return reasons

    @property
    def tests(self) -> tuple[ColumnDrift, ...]:
        """All tests: those of the columns, then the joint one."""
        return self.columns if self.multivariate is None else (*self.columns, self.multivariate)

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per test as a pandas frame, the joint test last."""
        import pandas as pd

        names = list(ColumnDrift.__dataclass_fields__)
        return pd.DataFrame([asdict(test) for test in self.tests], columns=names)

    def __str__(self) -> str:
        """Say the verdict in a line."""
        words = {True: "drift", False: "no drift", None: "untestable"}
        names = ", ".join(self.drifted[:10]) + (" …" if len(self.drifted) > 10 else "")
        return (
            f"{words[self.is_drift]}{f' in {names}' if names else ''} "
            f"({self.current_rows:,} rows against {self.reference_rows:,}, alpha {self.alpha:g})"
        )

    def _repr_html_(self) -> str:
        """Return the verdict and its strongest tests for a notebook; names are escaped."""
        order = {True: 0, None: 1, False: 2}
        ranked = sorted(
            self.tests,
            key=lambda t: (order[t.is_drift], t.p_value if t.p_value is not None else 1.0),
        )
        names = ("column", "detector", "effect", "adjusted p", "drift", "reason")
        rows = [_html_row([_CELL.replace("td", "th").format(name) for name in names])]
        rows += [_html_row(map(_html_cell, _shown_values(test))) for test in ranked[:_SHOWN]]
        more = f"<p>… and {len(ranked) - _SHOWN} more tests</p>" if len(ranked) > _SHOWN else ""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<p><b>{escape(str(self))}</b></p><table>{''.join(rows)}</table>{more}{notes}"


def _shown_values(test: ColumnDrift) -> tuple[object, ...]:
    verdict = {True: "yes", False: "no", None: "untestable"}[test.is_drift]
    name = "all columns together" if test.name == "*" else test.name
    return name, test.detector, test.effect_size, test.adjusted_p_value, verdict, test.reason


def _html_row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _html_cell(value: object) -> str:
    text = "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
    return _CELL.format(escape(text if len(text) <= 80 else f"{text[:77]}..."))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of one model on one set of rows; None where a metric is undefined.

    ``bounds`` holds the error bars of scores that were estimated.
    """

    n_rows: int
    metrics: Mapping[str, float | None]
    notes: Mapping[str, str] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired comparison of challenger and champion on one holdout.

    ``difference`` is oriented so that a positive value favours the challenger,
    also for losses. All numbers are None when the metric was untestable.
    """

    metric: str
    n_rows: int
    champion: float | None
    challenger: float | None
    difference: float | None
    lower: float | None
    upper: float | None
    confidence: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One check that a decision rests on; ``passed`` is None when untestable."""

    name: str
    observed: float | str | None
    threshold: float | str | None
    passed: bool | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One model that was tried against the champion for a snapshot.

    ``version`` is its number in the registry, None if it could not be fitted. Several may be
    accepted, but at most one is chosen.
    """

    mode: str
    version: int | None
    is_accepted: bool
    is_chosen: bool
    reason: str
    rules: tuple[Rule, ...] = ()
    comparison: Comparison | None = None
    fit_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """The chance of promoting a model that is not better, shared evenly by all tries."""

    alpha: float
    n_tries: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, from which rules and numbers, at what cost.

    ``comparison`` and the last of ``rules`` are of the attempt that was chosen, else of the best;
    ``attempts`` holds all in order; ``makes_good`` names deferred snapshots that it settles.
    """

    kind: DecisionKind
    reason: str
    rules: tuple[Rule, ...] = ()
    alternatives: tuple[str, ...] = ()
    comparison: Comparison | None = None
    warnings: tuple[str, ...] = ()
    cost_seconds: Mapping[str, float] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    error_budget: ErrorBudget | None = None
    makes_good: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A row of the registry. ``artifact``, ``manifest`` and ``golden`` are sha256 digests."""

    pipeline: str
    version: int
    status: VersionStatus
    artifact: str
    manifest: str
    mode: str
    parent: int | None
    snapshot_id: int
    profile_digest: str | None
    judged_artifact: str | None
    metrics: Mapping[str, float | None]
    fit_seconds: float
    created_at: datetime
    golden: str | None = None


@dataclass(frozen=True, slots=True)
class DriftSummary:
    """The drift verdict as ``history`` shows it."""

    is_drift: bool | None
    alpha: float | None
    columns: tuple[str, ...] = ()
    untestable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one snapshot: the object that ``calmops history`` prints."""

    snapshot: str
    digest: str
    state: str
    reason: str | None
    decision: str | None
    champion: int | None
    challenger: int | None
    metrics: Mapping[str, Mapping[str, float | None] | None]
    drift: DriftSummary
    rows: int | None
    at: str | None
    run_id: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)
