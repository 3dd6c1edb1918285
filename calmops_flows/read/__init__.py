"""What people and programs see of the store: frozen views, aggregated in SQL."""

from calmops_flows.read.attribution import AttributedColumn, Attribution
from calmops_flows.read.audit import AuditEntry, AuditView, audit
from calmops_flows.read.blocks import blocks
from calmops_flows.read.card import CardView, ScoreView, SourceView, card
from calmops_flows.read.explain import explain
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.outcomes import history
from calmops_flows.read.overview import list_pipelines
from calmops_flows.read.sentences import to_sentences
from calmops_flows.read.short import to_short
from calmops_flows.read.show import show, versions
from calmops_flows.read.status import quarantined, status
from calmops_flows.read.views import (
    BlockView,
    BreakerView,
    CoverageView,
    Explanation,
    Health,
    LastOutcome,
    LeaseView,
    MetricView,
    PipelineView,
    QuarantineView,
    RevisionView,
    ShowView,
    StatusView,
    VersionView,
)

__all__ = [
    "AttributedColumn",
    "Attribution",
    "AuditEntry",
    "AuditView",
    "BlockView",
    "BreakerView",
    "CardView",
    "CoverageView",
    "Explanation",
    "Health",
    "LastOutcome",
    "LeaseView",
    "MetricView",
    "PipelineView",
    "QuarantineView",
    "RevisionView",
    "ScoreView",
    "ShowView",
    "SourceView",
    "StatusView",
    "VersionView",
    "audit",
    "blocks",
    "card",
    "explain",
    "history",
    "list_pipelines",
    "quarantined",
    "require_pipeline",
    "show",
    "status",
    "to_sentences",
    "to_short",
    "versions",
]
