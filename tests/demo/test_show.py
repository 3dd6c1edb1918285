"""Single lines of the demo's text that a normal year does not bring."""

from __future__ import annotations

import pytest

from calmops_flows.demo.show import Seen, month_text
from calmops_flows.records import (
    ColumnDrift,
    Decision,
    DecisionKind,
    DriftReport,
    DriftSummary,
    Outcome,
)

JOINT = ColumnDrift("*", "multivariate", "auto", 1.0, 0.001, 0.003, 0.1, is_drift=True)
QUIET = ColumnDrift("temp", "numeric", "ks", 0.01, 0.9, 1.0, 0.0, is_drift=False)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (DriftReport(True, 0.05, (QUIET,), 9, 9, JOINT), "in the joint distribution only"),
        (DriftReport(False, 0.05, (QUIET,), 9, 9), "drift       none"),
        (DriftReport(None, 0.05, (), 9, 9), "nothing could be tested"),
    ],
    ids=["joint", "none", "untestable"],
)
def test_verdict_without_a_drifted_column_is_said_in_words(
    report: DriftReport, expected: str
) -> None:
    outcome = Outcome(
        snapshot="flights-2013-02.parquet",
        digest="0" * 64,
        state="processed",
        reason="no reason to retrain",
        decision="kept",
        champion=1,
        challenger=None,
        metrics={"champion": {"balanced_accuracy": 0.6}, "challenger": None},
        drift=DriftSummary(report.is_drift, 0.05),
        rows=9,
        at=None,
        run_id=None,
    )
    decision = Decision(DecisionKind.KEPT, "no reason to retrain")

    text = month_text(Seen("2013-02", 0.2, 16, outcome, decision, report, 1, 0.1))

    assert expected in text
    assert "KEPT, version 1 serves: no reason to retrain" in text
