"""The one multivariate test of a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.multivariate import JOINT_TESTS
from calmops_flows.detectors.multivariate.base import unfit
from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from calmops_flows.profiles.sample import RowSample


def joint_test(
    method: str, reference: RowSample | None, current: RowSample | None, *, alpha: float
) -> Finding:
    """Test whether the rows of two batches have one joint distribution.

    The result depends on the samples alone: seeds come from the rows drawn.

    Parameters
    ----------
    method : {"auto", "mmd", "energy", "domain", "pca"}
        Test to run; "auto" is the one with the most power per second of CPU on
        changed dependence, `moments`.
    reference, current : RowSample or None
        Samples of the two profiles; None where a profile has none.
    alpha : float
        The test's share of the verdict's error rate.

    Returns
    -------
    Finding
        P-value, effect and statistic as the method defines them, or why it is
        untestable.

    Raises
    ------
    SpecError
        If there is no such method.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import sample_rows
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 500))
    >>> before = sample_rows(pa.table({"x": x, "y": y}), "before")
    >>> after = sample_rows(pa.table({"x": x, "y": (x + y) / 2**0.5}), "after")
    >>> found = joint_test("auto", before, after, alpha=0.02)
    >>> found.p_value, round(found.effect_size, 1)
    (0.005, 0.7)
    """
    if method not in JOINT_TESTS:
        raise SpecError(f"drift.multivariate must be one of {sorted(JOINT_TESTS)}, got {method!r}")
    if reference is None or current is None:
        missing = "reference" if reference is None else "current"
        return Finding.untestable(f"the {missing} profile holds no sample of rows")
    reason = unfit(reference, current)
    if reason is not None:
        return Finding.untestable(reason)
    # idle BLAS threads spin: on a busy machine the test took six times the CPU
    with threadpool_limits(limits=1, user_api="blas"):
        return JOINT_TESTS[method](reference, current, alpha=alpha)
