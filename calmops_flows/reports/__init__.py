"""Documents for people: model cards, change reports, Evidently's drift report."""

from calmops_flows.reports.card import change_report, model_card
from calmops_flows.reports.drift import DriftDocument, drift_document

__all__ = ["DriftDocument", "change_report", "drift_document", "model_card"]
