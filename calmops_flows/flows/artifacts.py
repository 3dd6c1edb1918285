"""Prefect artifacts of a run: drift by column, the decisions, a link to the dashboard."""

from __future__ import annotations

import hashlib
import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from sqlalchemy import select

from calmops_flows.store.history import decision, drift_report
from calmops_flows.store.tables import snapshots

if TYPE_CHECKING:
    from calmops_flows.records import Decision, DriftReport, Outcome
    from calmops_flows.steps.drain import Drained
    from calmops_flows.store.store import Store

logger = logging.getLogger(__name__)
_MOST_ROWS = 200  # a table of thousands of columns helps nobody; the store has them all
_MOST_DECISIONS = 20


def write_artifacts(store: Store, pipeline: str, drained: Drained) -> None:
    """Write what a run found where Prefect shows it; the store is what counts.

    A server that does not take them costs a warning, not the run.
    """
    shown = [*drained.outcomes, *drained.quarantined]
    if not shown:
        return
    ids = _snapshot_ids(store, pipeline, shown)
    try:
        _write_drift(store, pipeline, drained, ids)
        create_markdown_artifact(
            markdown=_decisions_page(store, pipeline, shown, ids),
            key=artifact_key(pipeline, "decisions"),
            description=f"What was decided about the snapshots of {pipeline}, and why",
        )
        if store.settings.dashboard_url:
            create_link_artifact(
                link=f"{store.settings.dashboard_url.rstrip('/')}/?pipeline={quote(pipeline)}",
                link_text=f"{pipeline} in the dashboard",
                key=artifact_key(pipeline, "dashboard"),
            )
    except httpx.HTTPError as err:
        logger.warning("artifacts of %s not written: %s", pipeline, err)


def last_decision(store: Store, pipeline: str, drained: Drained) -> Decision | None:
    """Return the decision on the last snapshot that a drain processed."""
    if not drained.outcomes:
        return None
    last = drained.outcomes[-1]
    found = _snapshot_ids(store, pipeline, [last]).get(last.snapshot + last.digest)
    return None if found is None else decision(store.database, found)


def artifact_key(pipeline: str, what: str) -> str:
    """Build a key of lower-case letters, digits and dashes that no other pipeline shares.

    Examples
    --------
    >>> artifact_key("flights", "drift")
    'calmops-flights-drift'
    >>> artifact_key("Flights_2", "drift")
    'calmops-flights-2-45eaf8ca-drift'
    """
    plain = re.sub(r"[^a-z0-9]+", "-", pipeline.lower()).strip("-")
    if plain != pipeline:
        plain = f"{plain}-{hashlib.sha256(pipeline.encode()).hexdigest()[:8]}"
    return f"calmops-{plain}-{what}"


def _snapshot_ids(store: Store, pipeline: str, shown: list[Outcome]) -> dict[str, int]:
    query = select(snapshots.c.id, snapshots.c.path, snapshots.c.block, snapshots.c.digest).where(
        snapshots.c.pipeline == pipeline,
        snapshots.c.digest.in_([outcome.digest for outcome in shown]),
    )
    with store.database.read() as connection:
        rows = connection.execute(query).all()
    return {_label(row.path, row.block) + row.digest: row.id for row in rows}


def _label(path: str, block: str | None) -> str:
    return path if block is None else f"{path}#{block}"


def _write_drift(store: Store, pipeline: str, drained: Drained, ids: dict[str, int]) -> None:
    """Write one table: the tests of the last snapshot that had a reference."""
    for outcome in reversed(drained.outcomes):
        report = drift_report(store.database, ids[outcome.snapshot + outcome.digest])
        if report is not None:
            create_table_artifact(
                table=_drift_rows(report),
                key=artifact_key(pipeline, "drift"),
                description=f"Drift by column in {code(outcome.snapshot)}, alpha {report.alpha:g}",
            )
            return


def _drift_rows(report: DriftReport) -> list[dict[str, Any]]:
    tests = [*report.columns, *([report.multivariate] if report.multivariate else [])]
    tests.sort(key=lambda test: (not test.is_drift, -(test.effect_size or 0.0)))
    verdicts = {True: "drift", False: "no drift", None: "untestable"}
    return [
        {
            "column": test.name,
            "verdict": verdicts[test.is_drift],
            "effect": _short(test.effect_size),
            "adjusted p": _short(test.adjusted_p_value),
            "detector": test.detector,
            "kind": test.kind,
            "reason": test.reason or "",
        }
        for test in tests[:_MOST_ROWS]
    ]


def _decisions_page(store: Store, pipeline: str, shown: list[Outcome], ids: dict[str, int]) -> str:
    parts = [f"# {pipeline}"]
    for outcome in shown[-_MOST_DECISIONS:]:
        record = decision(store.database, ids[outcome.snapshot + outcome.digest])
        parts.append(decision_section(outcome, record))
    if len(shown) > _MOST_DECISIONS:
        parts.append(f"... and {len(shown) - _MOST_DECISIONS} earlier snapshots.")
    return "\n\n".join(parts)


def decision_section(outcome: Outcome, record: Decision | None) -> str:
    """Write the decision about one snapshot as markdown."""
    verdict = outcome.decision or outcome.state
    lines = [f"## {code(outcome.snapshot)}: {verdict.replace('_', ' ')}", ""]
    lines.append(f"Why: {code(outcome.reason or 'no reason given')}")
    if record is None:
        return "\n".join(lines)
    if record.rules:
        lines += ["", "| rule | observed | bound | passed |", "|---|---|---|---|"]
        passed = {True: "yes", False: "no", None: "untestable"}
        lines += [
            f"| {code(rule.name)} | {_short(rule.observed)} | {_short(rule.threshold)} | "
            f"{passed[rule.passed]} |"
            for rule in record.rules
        ]
    if record.comparison is not None:
        lines += ["", f"Challenger against champion: {_compared(record)}"]
    lines += [f"- {code(warning)}" for warning in record.warnings]
    return "\n".join(lines)


def _compared(record: Decision) -> str:
    found = record.comparison
    if found is None or found.difference is None:
        return "untestable"
    return (
        f"{_short(found.challenger)} against {_short(found.champion)} in {found.metric} on "
        f"{found.n_rows} rows, difference {_short(found.difference)} "
        f"[{_short(found.lower)}, {_short(found.upper)}] at {found.confidence:.0%}"
    )


def _short(value: float | str | None) -> str:
    if value is None:
        return ""
    return code(value) if isinstance(value, str) else f"{value:.4g}"


def code(text: str) -> str:
    """Quote text of files and data so that markdown and HTML in it stay inert.

    Examples
    --------
    >>> code("a|b`<i>")
    "`a¦b'<i>`"
    """
    plain = "".join(c if c.isprintable() else " " for c in text)
    return f"`{plain.replace('`', chr(39)).replace('|', chr(166))}`"
