"""The views: frozen records of what the store says, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.read.attribution import Attribution
    from calmops_flows.records import Decision, DriftReport, Outcome


class Health(StrEnum):
    """How a pipeline is, in one word or two."""

    NEW = "new"
    HEALTHY = "healthy"
    DRIFT = "drift"
    AWAITING_LABELS = "awaiting labels"
    DEGRADED = "degraded"
    CIRCUIT_OPEN = "circuit open"


@dataclass(frozen=True, slots=True)
class LastOutcome:
    """What was decided last."""

    snapshot: str
    decision: str
    at: str
    is_drift: bool | None


@dataclass(frozen=True, slots=True)
class MetricView:
    """The metric that promotion looks at.

    ``basis`` says what was scored: the ``"last snapshot"``, the ``"last snapshot,
    estimated"`` when it had no labels, or the ``"holdout"`` on which the champion was
    judged when nothing was scored since. ``lower`` and ``upper`` are the ends of its 95 %
    interval, or the error bars of an estimate.
    """

    name: str
    value: float | None
    basis: str
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class EstimateView:
    """A metric of the champion, estimated on a snapshot without labels.

    ``note`` names the method and what it assumes, or why ``value`` is None.
    """

    metric: str
    value: float | None
    lower: float | None
    upper: float | None
    note: str


@dataclass(frozen=True, slots=True)
class PipelineView:
    """One line of ``calmops list``; ``counts`` holds every state of the ledger."""

    name: str
    kind: str
    health: str
    champion: int | None
    champion_since: str | None
    counts: Mapping[str, int]
    last: LastOutcome | None
    metric: MetricView | None
    breaker: str
    is_running: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class BreakerView:
    """The circuit breaker; ``open_until`` is None unless it is open for a time."""

    state: str
    failures: int
    trips: int
    open_until: str | None


@dataclass(frozen=True, slots=True)
class LeaseView:
    """Who works on a pipeline; ``expires_at`` is in UTC by the database's clock."""

    owner: str
    expires_at: str
    is_held: bool


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """A snapshot that was set aside."""

    snapshot: str
    digest: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CoverageView:
    """Rows whose labels come in files of their own, and how many have theirs by now.

    ``contradictions`` counts rows that were given different labels, ``files`` the label files.
    """

    rows: int
    labelled: int
    contradictions: int
    files: int


@dataclass(frozen=True, slots=True)
class LabelsView:
    """What label files brought to one snapshot, and the scores before and after."""

    rows: int
    labelled: int
    contradictions: int
    files: tuple[str, ...]
    realised: Mapping[str, float | None]
    estimated: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class PredictionsView:
    """Where the predictions for a snapshot lie; ``written_to`` besides the store."""

    version: int
    rows: int
    artifact: str
    written_to: str | None
    is_written: bool


@dataclass(frozen=True, slots=True)
class StatusView:
    """What ``calmops status`` shows besides the line of ``calmops list``.

    ``quarantined`` holds the newest ten; ``deferred`` counts the retrainings that
    the open breaker put off and none has made good; ``outbox_waiting`` all
    messages that nobody has taken yet, ``notifications_waiting`` those for people among them,
    and ``delivery_error`` says what the newest failure among them was.
    """

    pipeline: PipelineView
    spec_revision: int
    versions: int
    circuit: BreakerView
    lease: LeaseView | None
    deferred: int
    outbox_waiting: int
    notifications_waiting: int
    delivery_error: str | None
    last_run_id: str | None
    quarantined: tuple[QuarantineView, ...]
    next_steps: tuple[str, ...]
    labels: CoverageView | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON; the line comes first."""
        values = asdict(self)
        return {**values.pop("pipeline"), **values}


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version of the model, with the snapshot it was fitted on."""

    version: int
    status: str
    mode: str
    parent: int | None
    snapshot: str
    metrics: Mapping[str, float | None]
    fit_seconds: float
    artifact: str
    created_at: str
    details: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockView:
    """A block, by its newest decided content.

    ``contents`` counts what was decided under its id, label files apart; ``version`` is the newest
    version that took over with it; ``metrics`` are the champion's before anything learnt.
    ``labels`` is what labels that came later showed of the newest content that has any.
    """

    block: str
    contents: int
    snapshot: str
    rows: int
    decision: str
    is_drift: bool | None
    version: int | None
    metrics: Mapping[str, float | None]
    at: str
    labels: LabelsView | None = None


@dataclass(frozen=True, slots=True)
class RevisionView:
    """When a revision of the spec was applied."""

    spec_revision: int
    at: str


@dataclass(frozen=True, slots=True)
class ShowView:
    """What a pipeline is: its spec, contract and versions."""

    name: str
    kind: str
    spec_revision: int
    created_at: str
    spec: Mapping[str, Any]
    revisions: tuple[RevisionView, ...]
    contract_version: int | None
    contract: Mapping[str, Any] | None
    versions: tuple[VersionView, ...]
    blocks: tuple[BlockView, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known about one snapshot and its decision.

    ``notes`` says why a metric is undefined, by ``role.metric``; ``reports`` holds the
    digests of the reports that were rendered, by kind; ``estimated`` what the champion
    may have scored where labels are missing; ``details`` quantities of the model that was
    fitted, such as the size of an ensemble; ``made_good_by`` the retraining that followed one
    that the breaker had put off; ``serving`` the version that serves now.
    """

    pipeline: str
    outcome: Outcome
    decision: Decision | None
    drift: DriftReport | None
    duplicate_of: str | None = None
    superseded_by: str | None = None
    made_good_by: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    attribution: Attribution | None = None
    reports: Mapping[str, str] = field(default_factory=dict)
    labels: LabelsView | None = None
    predictions: PredictionsView | None = None
    details: Mapping[str, float | None] = field(default_factory=dict)
    estimated: tuple[EstimateView, ...] = ()
    serving: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)
