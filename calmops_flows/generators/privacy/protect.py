"""``protect``: a table with a plan of protection done to it, and a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.errors import SpecError
from calmops_flows.generators.privacy.anonymity import Anonymity, k_anonymity
from calmops_flows.generators.privacy.budget import Budget
from calmops_flows.generators.privacy.plan import Check, Releases, parse_privacy_plan
from calmops_flows.generators.privacy.report import Done, PrivacyReport

if TYPE_CHECKING:
    import pandas as pd

    from calmops_flows.generators.privacy.base import Way
    from calmops_flows.generators.privacy.differential import Release


@dataclass(frozen=True, slots=True)
class Protected:
    """A protected table.

    Parameters
    ----------
    data : DataFrame
        The table.
    report : PrivacyReport
        What was done, what holds now, and what does not.
    """

    data: pd.DataFrame
    report: PrivacyReport


def protect(data: pd.DataFrame, plan: object, *, random_state: int | None = None) -> Protected:
    """Protect a table as a plan says.

    Parameters
    ----------
    data : DataFrame
        Not changed.
    plan : mapping, PrivacyPlan, or path of a YAML file
        Steps, check and releases; see `PrivacyPlan`.
    random_state : int, optional
        For tests only: who knows the seed can undo a shuffle. Default: the system's randomness,
        as the noise of released figures always is.

    Returns
    -------
    Protected
        The table and the report.

    Raises
    ------
    SpecError
        If the plan is not valid or does not fit the data, a key is not there, the budget is
        overspent, or the check fails; nothing is returned then.
    MissingExtraError
        If figures are to be released and OpenDP is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": [31, 34, 38, 52], "ill": [0, 1, 1, 0]})
    >>> done = protect(table, {
    ...     "steps": [
    ...         {"kind": "bins", "column": "age", "width": 10},
    ...         {"kind": "suppress", "quasi_identifiers": ["age"], "k": 3},
    ...     ],
    ...     "check": {"quasi_identifiers": ["age"], "sensitive": ["ill"], "k": 3},
    ... })
    >>> done.data["age"].tolist(), done.report.after.k, done.report.after.diversity
    (['[30, 40)', '[30, 40)', '[30, 40)'], 3, {'ill': 2})
    """
    wanted = parse_privacy_plan(plan)
    ways = wanted.ways()
    rng = np.random.default_rng(random_state)
    frame = data.reset_index(drop=True)
    releases = () if wanted.release is None else _release(frame, wanted.release)
    done = []
    for kind, way in ways:
        frame, one = _step(frame, kind, way, rng)
        done.append(one)
    before, after = _checked(data, frame, wanted.check)
    budget = None if wanted.release is None else wanted.release.epsilon
    report = PrivacyReport(len(data), len(frame), tuple(done), before, after, budget, releases)
    return Protected(frame, report)


def _step(
    frame: pd.DataFrame, kind: str, way: Way, rng: np.random.Generator
) -> tuple[pd.DataFrame, Done]:
    made = way.protect(frame.copy(), rng)
    columns = [*getattr(way, "columns", ()), *getattr(way, "quasi_identifiers", ())]
    columns += [way.column] if hasattr(way, "column") else []
    return made.frame, Done(kind, tuple(columns), made.facts, way.PROTECTS, way.LEAVES)


def _checked(
    data: pd.DataFrame, frame: pd.DataFrame, check: Check | None
) -> tuple[Anonymity | None, Anonymity | None]:
    if check is None:
        return None, None
    names = check.quasi_identifiers
    if check.k > len(data):
        raise SpecError(f"the check asks for k {check.k}, and the table has {len(data)} rows")
    before = k_anonymity(data, names, sensitive=check.sensitive)
    after = k_anonymity(frame, names, sensitive=check.sensitive)
    if after.k < check.k:
        raise SpecError(
            f"the check asks for k {check.k}, and the smallest group has {after.k} rows; add a "
            f"suppress step with k {check.k} over {', '.join(names[:10])}, or generalise more"
        )
    return before, after


def _release(frame: pd.DataFrame, wanted: Releases) -> tuple[Release, ...]:
    planned = Budget(wanted.epsilon)
    for figure in wanted.figures:  # all or none: nothing is drawn before all are affordable
        planned.spend(figure.epsilon, on=f"{figure.kind} of {figure.column}")
    budget = Budget(wanted.epsilon)
    return tuple(figure.release(frame, budget) for figure in wanted.figures)
