"""Documents about a snapshot, for people: Evidently's drift report."""

from calmops_flows.reports.drift import DriftDocument, drift_document

__all__ = ["DriftDocument", "drift_document"]
