"""Comparisons of generated data as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.reports.document import Document, Section, Table
from calmops_flows.reports.pictures import spread_picture, verdict_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calmops_flows.compared import ColumnComparison, GeneratedComparison
    from calmops_flows.records import DriftReport
    from calmops_flows.reports.document import Part
    from calmops_flows.reports.snapshots import SnapshotVerdict

MOST_COLUMNS, MOST_PAIRS, MOST_SNAPSHOTS = 60, 20, 200
WORDS = {True: "different", False: "alike", None: "untestable"}


def comparison_document(found: GeneratedComparison) -> Document:
    """Return the page of a real and a generated table."""
    return Document(
        "Real and generated data",
        (
            Section("In short", _summary(found)),
            Section("Columns", (_columns_table(found), _NOTE)),
            *(_column(one) for one in found.columns[:MOST_COLUMNS]),
            Section("Pairs of numbers", _pairs(found)),
        ),
    )


def snapshots_document(judged: Sequence[SnapshotVerdict], reference: str) -> Document:
    """Return the page of a stream of snapshots."""
    shown = judged[:MOST_SNAPSHOTS]
    names = dict.fromkeys(
        name for one in shown for name in (*(one.truth or {}), *one.verdict.drifted)
    )
    columns = list(names)[:MOST_COLUMNS]
    is_known = any(one.truth is not None for one in shown)
    beside = ("truth", "missed", "named, not changed") if is_known else ()
    headers = ("snapshot", "verdict", "columns named", *beside)
    rows = tuple(
        (
            one.name,
            _said(one.verdict),
            ", ".join(one.verdict.drifted) or "none",
            *(_beside_truth(one) if is_known else ()),
        )
        for one in shown
    )
    parts: list[Part] = [_stream_summary(judged, reference)]
    if columns:
        parts.append(verdict_picture(shown, columns))
    parts.append(Table(headers, rows))
    if len(judged) > len(shown):
        parts.append(f"The first {len(shown)} of {len(judged)} snapshots are shown.")
    return Document("Drift over a stream of snapshots", (Section("Verdicts", tuple(parts)),))


def _beside_truth(one: SnapshotVerdict) -> tuple[str, str, str]:
    if one.truth is None:
        return "not known", "-", "-"
    return (
        ", ".join(one.truth) or "nothing",
        ", ".join(one.missed) or "-",
        ", ".join(one.unasked) or "-",
    )


_NOTE = (
    "ks: largest difference of the two distribution functions; tvd: half the summed difference of "
    "the shares. p-values are adjusted for all columns. Below, the most different columns come "
    "first; missing shares and ranges are real | generated. Ranges and categories of the real "
    "table stand here: treat this page as you treat that table."
)


def _summary(found: GeneratedComparison) -> tuple[Part, ...]:
    real, generated = found.rows
    verdict = found.verdict
    said = f"Verdict on the generated rows at alpha {verdict.alpha:g}: {_said(verdict)}"
    parts = [
        f"{real} real and {generated} generated rows, {len(found.columns)} columns in common.",
        f"{said}{_named(verdict)}.",
    ]
    if found.mean_pair_difference is not None:
        parts.append(f"Mean difference of correlations: {found.mean_pair_difference:.3f}.")
    for names, which in zip(found.only, ("real", "generated"), strict=True):
        if names:
            parts.append(f"Only the {which} table has: {_listed(names)}.")
    return tuple(parts)


def _columns_table(found: GeneratedComparison) -> Table:
    heads = ("column", "said", "test", "distance", "adjusted p")
    rows = tuple(
        (
            one.name,
            WORDS[one.is_different],
            one.test,
            _number(one.distance),
            _number(one.p_value),
        )
        for one in found.columns
    )
    return Table(heads, rows)


def _column(one: ColumnComparison) -> Section:
    said = f"{WORDS[one.is_different]}, {one.test} {_number(one.distance)}".capitalize()
    missing = f"{one.missing[0]:.1%} | {one.missing[1]:.1%}"
    said += f". Missing: {missing}. Range: {' | '.join(one.extent)}."
    reason = (f"Not tested: {one.reason}.",) if one.is_different is None and one.reason else ()
    return Section(one.name, (spread_picture(one.shares, one.name), said, *reason))


def _pairs(found: GeneratedComparison) -> tuple[Part, ...]:
    if not found.pairs:
        return ("There are no two numeric columns with a spread.",)
    shown = found.pairs[:MOST_PAIRS]
    rows = tuple(
        (*pair.columns, f"{pair.real:.3f}", f"{pair.generated:.3f}", f"{pair.difference:.3f}")
        for pair in shown
    )
    note = f"The {len(shown)} most different of {len(found.pairs)} pairs."
    return (Table(("column", "column", "real", "generated", "difference"), rows), note)


def _stream_summary(judged: Sequence[SnapshotVerdict], reference: str) -> str:
    said = f"{len(judged)} snapshots against {reference}."
    known = [one for one in judged if one.truth is not None]
    if not known:
        return f"{said} What was put into them is not known."
    changed = sum(len(one.truth or {}) for one in known)
    found = sum(len(one.found) for one in known)
    unasked = sum(len(one.unasked) for one in known)
    return (
        f"{said} Of {changed} columns that were changed in a snapshot {found} were named; "
        f"{unasked} were named that were not changed (a season of the data counts there)."
    )


def _said(verdict: DriftReport) -> str:
    return {True: "drift", False: "no drift", None: "untestable"}[verdict.is_drift]


def _named(verdict: DriftReport) -> str:
    return f" ({_listed(verdict.drifted)})" if verdict.drifted else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
