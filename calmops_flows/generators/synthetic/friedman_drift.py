"""The three drifts of Friedman's surface that the literature on regression streams uses."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

Type = Literal["lea", "gra", "gsg"]
POSITIONS = {"lea": 3, "gra": 2, "gsg": 2}


def friedman_drift(
    drift_type: Type, position: Sequence[int], *, transition_window: int = 0
) -> list[dict[str, Any]]:
    """Return the drifts of one of the three kinds of [1]_, for ``generate("friedman", ...)``.

    Parameters
    ----------
    drift_type : {"lea", "gra", "gsg"}
        Local expanding abrupt: two regions change, and grow twice; global recurring abrupt: the
        features change places and come back; global and slow gradual: two changes, each with a
        window in which old and new rows are equally likely.
    position : sequence of int
        Rows at which something changes, ascending: three for ``lea``, else two.
    transition_window : int, default=0
        Rows of the windows of ``gsg``.

    Returns
    -------
    list of dict
        What `generate` takes as `drift`.

    Raises
    ------
    SpecError
        If the type is unknown, or positions or window do not fit.

    References
    ----------
    .. [1] E. Ikonomovska, J. Gama, S. Dzeroski, "Learning model trees from evolving data streams",
       Data Mining and Knowledge Discovery 23, 2011.

    Examples
    --------
    >>> friedman_drift("gra", [100, 200])[1]
    {'kind': 'abrupt', 'position': 200, 'to': {'variant': 'original'}}
    """
    if drift_type not in POSITIONS:
        raise SpecError(f"drift_type must be one of {', '.join(POSITIONS)}, got {drift_type!r}")
    rows = list(position)
    if len(rows) != POSITIONS[drift_type] or any(a >= b for a, b in pairwise(rows)):
        raise SpecError(
            f"{drift_type} needs {POSITIONS[drift_type]} ascending positions, got {rows!r}"
        )
    if drift_type == "lea":
        return [_abrupt(row, expansion=size) for size, row in enumerate(rows, start=1)]
    if drift_type == "gra":
        return [_abrupt(rows[0], variant="swapped"), _abrupt(rows[1], variant="original")]
    if not 0 <= transition_window <= rows[1] - rows[0]:
        raise SpecError(
            f"transition_window must lie between 0 and the {rows[1] - rows[0]} rows from one "
            f"change to the next, got {transition_window!r}"
        )
    slow = {"kind": "gradual", "width": transition_window, "shape": "even"}
    return [
        {**slow, "position": row, "to": {"variant": variant}}
        for row, variant in zip(rows, ("turned", "shuffled"), strict=True)
    ]


def _abrupt(row: int, **to: Any) -> dict[str, Any]:
    return {"kind": "abrupt", "position": row, "to": to}
