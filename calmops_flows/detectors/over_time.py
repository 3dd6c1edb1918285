"""Error rates over many snapshots, and the filter over past verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calmops_flows.spec import OverTimeSpec


def alpha_for(budget: OverTimeSpec) -> float:
    """Return the error rate of one snapshot that keeps a budget over many.

    The expected number of false alarms is the sum of their chances, whatever their
    dependence (all snapshots share one reference), and bounds the chance of any. So
    both kinds of spending share the budget out evenly; what they claim differs.

    Parameters
    ----------
    budget : OverTimeSpec
        ``budget`` expected false-alarm snapshots in ``per``, or with spending
        ``"family"`` the chance of any in ``per``.

    Returns
    -------
    float
        Alpha of one verdict.

    Raises
    ------
    SpecError
        If the budget allows an alarm on every snapshot, or a chance is 1 or more.

    Examples
    --------
    >>> from calmops_flows.spec import OverTimeSpec
    >>> alpha_for(OverTimeSpec(budget=1, per=100))
    0.01
    """
    if budget.spending == "family" and budget.budget >= 1.0:
        raise SpecError(
            "drift.over_time.budget is a chance with spending family and must be below 1, "
            f"got {budget.budget!r}"
        )
    alpha = budget.budget / budget.per
    if alpha >= 1.0:
        raise SpecError(
            f"drift.over_time.budget must be below per ({budget.per}), got {budget.budget!r}"
        )
    return alpha


def persists(verdicts: Sequence[bool | None], *, k: int, n: int) -> bool | None:
    """Tell whether at least k of the last n testable verdicts were drift.

    A filter of nuisance alarms, without an error rate of its own.

    Parameters
    ----------
    verdicts : sequence of bool or None
        Verdicts, oldest first, the present one last; None was untestable.
    k, n : int
        Drifted snapshots needed among the last so many.

    Returns
    -------
    bool or None
        None if the present verdict is untestable.

    Raises
    ------
    SpecError
        If not 1 <= k <= n.

    Examples
    --------
    >>> persists([True, None, False, True], k=2, n=3)
    True
    """
    if not 1 <= k <= n:
        raise SpecError(f"drift.persist needs 1 <= k <= n, got k={k!r}, n={n!r}")
    if not verdicts or verdicts[-1] is None:
        return None
    tested = [verdict for verdict in verdicts if verdict is not None]
    return sum(tested[-n:]) >= k
