"""Multivariate tests: changes of rows that no column shows alone, one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.detectors.multivariate.base import JointTest
from calmops_flows.detectors.multivariate.domain import attribute, domain
from calmops_flows.detectors.multivariate.energy import energy
from calmops_flows.detectors.multivariate.mmd import mmd
from calmops_flows.detectors.multivariate.moments import moments
from calmops_flows.detectors.multivariate.pca import pca

if TYPE_CHECKING:
    from collections.abc import Mapping

JOINT_TESTS: Mapping[str, JointTest] = {
    "auto": moments,
    "mmd": mmd,
    "energy": energy,
    "domain": domain,
    "pca": pca,
}

__all__ = [
    "JOINT_TESTS",
    "JointTest",
    "attribute",
    "domain",
    "energy",
    "mmd",
    "moments",
    "pca",
]
