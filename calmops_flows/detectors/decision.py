"""The verdict: every test on every column, adjusted, and judged by its effect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors import ALL_DETECTORS
from calmops_flows.detectors.base import ANY_KIND, Finding
from calmops_flows.detectors.correction import CORRECTIONS
from calmops_flows.detectors.dependence import dependence_notes, inflated
from calmops_flows.detectors.identifiers import IDENTIFIER, is_identifier
from calmops_flows.detectors.policy import DEFAULT_SUITE, JOINT_SHARE, ColumnPolicy, DriftPolicy
from calmops_flows.profiles import CountedColumn, Profile, Spread, here
from calmops_flows.records import NO_TEST, ColumnDrift, DriftReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calmops_flows.profiles import Column

__all__ = [
    "BELOW_FLOOR",
    "BELOW_THRESHOLD",
    "DEFAULT_SUITE",
    "NO_TEST",
    "ColumnPolicy",
    "DriftPolicy",
    "check",
]

BELOW_FLOOR = "significant but below the effect floor"
BELOW_THRESHOLD = "significant but below the threshold of the column"


@dataclass(frozen=True, slots=True)
class _Test:
    """One test on one column, not yet adjusted."""

    column: str
    kind: str
    detector: str
    floor: float
    weight: float
    finding: Finding
    threshold: float | None = None


def check(
    reference: Profile,
    current: Profile,
    policy: DriftPolicy,
    *,
    ignore: frozenset[str] = frozenset(),
    spread: Spread = here,
) -> DriftReport:
    """Tell whether two batches differ, column by column and jointly.

    The family is every test on every column that could reject at ``alpha`` at
    all: one whose sample sizes or pooled values rule that out costs the others
    nothing. A test is drift when its adjusted p-value is at most ``alpha`` and its
    effect reaches the floor. Columns that look like keys are untestable, and no part
    of the joint test. The joint test has two fifths of the error rate, the
    columns three; if it finds drift, or cannot be run, the columns have it all.

    Parameters
    ----------
    reference, current : Profile
        Profiles of the two batches; the joint test needs their row samples.
    policy : DriftPolicy
        Tests, error rate and floors.
    ignore : frozenset of str, default empty
        Columns that are left out, for example keys.
    spread : Spread, default here
        Where the columns are tested; it changes no figure of the report.

    Returns
    -------
    DriftReport
        ``is_drift`` is None if nothing could be tested.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> before = profile(pa.table({"x": rng.normal(0, 1, 1000), "y": rng.normal(0, 1, 1000)}))
    >>> after = profile(pa.table({"x": rng.normal(1, 1, 1000), "y": rng.normal(0, 1, 1000)}))
    >>> report = check(before, after, DriftPolicy())
    >>> report.is_drift, report.drifted
    (True, ('x',))
    """
    left_out = ignore | {name for name, column in policy.columns.items() if not column.enabled}
    reference, current = _without(reference, left_out), _without(current, left_out)
    keys = _keys(reference, current, policy)
    joint = _joint(_without(reference, keys), _without(current, keys), policy)
    has_all = joint is None or joint.is_drift is not False
    tests = list(_tests(reference, current, policy, keys, spread))
    adjusted = _adjust(tests, policy, 1.0 if has_all else 1.0 - JOINT_SHARE)
    columns = tuple(_judge(*pair, policy) for pair in zip(tests, adjusted, strict=True))
    return DriftReport(
        is_drift=_verdict(columns, joint, policy),
        alpha=policy.alpha,
        columns=columns,
        reference_rows=reference.n_rows,
        current_rows=current.n_rows,
        multivariate=joint,
        notes=dependence_notes((reference, current), corrected=policy.dependence == "block"),
    )


def _without(profile: Profile, names: frozenset[str] | set[str]) -> Profile:
    columns = {name: c for name, c in profile.columns.items() if name not in names}
    sample = profile.sample
    if sample is not None:
        kept = [name for name in sample.rows.column_names if name not in names]
        sample = replace(sample, rows=sample.rows.select(kept))
    return Profile(profile.n_rows, columns, sample)


def _keys(reference: Profile, current: Profile, policy: DriftPolicy) -> frozenset[str]:
    """Return the columns that look like keys in both batches, unless a detector is set."""
    return frozenset(
        name
        for name, before in reference.columns.items()
        if name in current.columns
        and not policy.names_detector(name)
        and is_identifier(before)
        and is_identifier(current.columns[name])
    )


def _joint(reference: Profile, current: Profile, policy: DriftPolicy) -> ColumnDrift | None:
    """Run the joint test at its share of the error rate."""
    if policy.multivariate == "off":
        return None
    share = JOINT_SHARE * policy.alpha
    if policy.dependence == "block":
        finding = Finding.untestable("the joint test takes rows as independent")
    elif reference.sample is None or current.sample is None:
        side = "reference" if reference.sample is None else "current"
        finding = Finding.untestable(f"the {side} profile holds no sample of rows")
    else:
        from calmops_flows.detectors.multivariate.joint import joint_test

        finding = joint_test(policy.multivariate, reference.sample, current.sample, alpha=share)
    adjusted = None
    if finding.p_value is not None and finding.p_min <= share:
        adjusted = min(1.0, finding.p_value / JOINT_SHARE)
    test = _Test("*", "multivariate", policy.multivariate, 0.0, 1.0, finding)
    return _judge(test, adjusted, policy)


def _tests(
    reference: Profile, current: Profile, policy: DriftPolicy, keys: frozenset[str], spread: Spread
) -> Iterator[_Test]:
    pairs = [(before, current.columns.get(name)) for name, before in reference.columns.items()]
    for found in spread(partial(_tests_of, policy=policy, keys=keys), pairs):
        yield from found
    for name, after in current.columns.items():
        if name not in reference.columns:
            yield _untested(after, "column only in the current data")


def _tests_of(
    pair: tuple[Column, Column | None], *, policy: DriftPolicy, keys: frozenset[str]
) -> list[_Test]:
    before, after = pair
    if after is None:
        return [_untested(before, "column only in the reference data")]
    if policy.dependence == "block":
        before, after = inflated(before), inflated(after)
    return list(_column_tests(before, after, policy, keys))


def _column_tests(
    before: Column, after: Column, policy: DriftPolicy, keys: frozenset[str]
) -> Iterator[_Test]:
    name = before.name
    kind = after.kind if before.kind == "null" else before.kind
    why = IDENTIFIER if name in keys and after.kind == kind else _why_untestable(before, after)
    if why is not None:
        yield _untested(before, why)
    n_tests = int(why is not None)
    for detector in (ALL_DETECTORS[key] for key in policy.detectors_for(name)):
        if kind not in detector.kinds or (why is not None and detector.kinds != ANY_KIND):
            continue
        finding = detector(before, after)
        if finding is not None:
            n_tests += 1
            threshold = policy.threshold(name, detector.name)
            default = detector.min_effect if threshold is None else 0.0
            floor, weight = policy.floor(name, default), policy.weight(detector.name)
            yield _Test(name, kind, detector.name, floor, weight, finding, threshold)
    if not n_tests:
        reason = "all values missing in the reference and the current data"
        if kind != "null":
            reason = f"no detector of the policy applies to {kind} columns"
        yield _untested(before, reason)


def _untested(column: Column, reason: str) -> _Test:
    return _Test(column.name, column.kind, NO_TEST, 0.0, 1.0, Finding.untestable(reason))


def _why_untestable(before: Column, after: Column) -> str | None:
    """Say why the values of two columns have no test, whatever the policy, or None."""
    kind, column = (after.kind, after) if before.kind == "null" else (before.kind, before)
    if after.kind not in {kind, "null"}:
        return f"kind changed from {before.kind} to {after.kind}"
    if kind == "date":
        return "dates advance by nature: their values are not tested"
    if (
        kind == "opaque"
        and _type(before) != _type(after)
        and "null" not in {before.kind, after.kind}
    ):
        return f"type changed from {_type(before)} to {_type(after)}"
    if kind == "opaque":
        return f"values of type {_type(column)} have no test"
    return None


def _type(column: Column) -> str:
    return column.type if isinstance(column, CountedColumn) else column.kind


def _adjust(tests: list[_Test], policy: DriftPolicy, share: float) -> list[float | None]:
    """Adjust the p-values of the family for its share of the error rate."""
    level = policy.alpha * share
    members = [
        i
        for i, test in enumerate(tests)
        if test.finding.p_value is not None and test.finding.p_min <= level
    ]
    p_values = np.array([tests[i].finding.p_value for i in members], dtype=float)
    weights = np.array([tests[i].weight for i in members], dtype=float)
    adjusted: list[float | None] = [None] * len(tests)
    for i, p_value in zip(members, CORRECTIONS[policy.correction](p_values, weights), strict=True):
        adjusted[i] = min(1.0, float(p_value) / share)
    return adjusted


def _judge(test: _Test, adjusted: float | None, policy: DriftPolicy) -> ColumnDrift:
    finding = test.finding
    is_drift: bool | None = None
    reason = finding.reason
    if finding == Finding.unchanged():
        is_drift, adjusted = False, 1.0
    elif adjusted is not None:
        small = _why_small(test)
        is_drift = adjusted <= policy.alpha and small is None
        reason = small if adjusted <= policy.alpha else None
    elif reason is None:
        reason = f"too few values: the smallest possible p-value is {finding.p_min:.2g}"
    return ColumnDrift(
        name=test.column,
        kind=test.kind,
        detector=test.detector,
        statistic=finding.statistic,
        p_value=finding.p_value,
        adjusted_p_value=adjusted,
        effect_size=finding.effect_size,
        is_drift=is_drift,
        reason=reason,
    )


def _why_small(test: _Test) -> str | None:
    """Say what a change falls short of, or None if it is large enough to matter."""
    statistic, effect = test.finding.statistic, test.finding.effect_size
    if test.threshold is not None and (statistic is None or abs(statistic) < test.threshold):
        return BELOW_THRESHOLD
    return BELOW_FLOOR if effect is None or effect < test.floor else None


def _verdict(
    columns: tuple[ColumnDrift, ...], joint: ColumnDrift | None, policy: DriftPolicy
) -> bool | None:
    tested = {c.name for c in columns if c.is_drift is not None}
    drifted = {c.name for c in columns if c.is_drift}
    joint_verdict = None if joint is None else joint.is_drift
    if policy.vote == "any" or not tested:
        return bool(drifted) or bool(joint_verdict) if tested or joint_verdict is not None else None
    if policy.vote == "majority":
        return len(drifted) * 2 > len(tested)
    return len(drifted) >= float(policy.vote.removeprefix("share:")) * len(tested) - 1e-9
