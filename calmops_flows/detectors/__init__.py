"""Detectors: two-sample tests from two profiles, one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.detectors.anderson_darling import AndersonDarling
from calmops_flows.detectors.base import Detector, Finding
from calmops_flows.detectors.chi_square import ChiSquare
from calmops_flows.detectors.cramer_von_mises import CramerVonMises
from calmops_flows.detectors.energy import Energy
from calmops_flows.detectors.frouros_batch import FROUROS_TESTS, FrourosDetector
from calmops_flows.detectors.g_test import GTest
from calmops_flows.detectors.hellinger import Hellinger
from calmops_flows.detectors.jensen_shannon import JensenShannon
from calmops_flows.detectors.kl import KullbackLeibler
from calmops_flows.detectors.ks import KolmogorovSmirnov
from calmops_flows.detectors.kuiper import Kuiper
from calmops_flows.detectors.l_infinity import LInfinity
from calmops_flows.detectors.largest_residual import LargestResidual
from calmops_flows.detectors.location_scale import LocationScale
from calmops_flows.detectors.mann_whitney import MannWhitney
from calmops_flows.detectors.missing import MissingRate
from calmops_flows.detectors.mood import Mood
from calmops_flows.detectors.novelty import UnseenLevels, VanishedLevels
from calmops_flows.detectors.psi import PopulationStability
from calmops_flows.detectors.total_variation import TotalVariation
from calmops_flows.detectors.wasserstein import Wasserstein
from calmops_flows.detectors.welch_t import WelchT

if TYPE_CHECKING:
    from collections.abc import Mapping

DETECTORS: Mapping[str, Detector] = {
    "location_scale": LocationScale(),
    "ks": KolmogorovSmirnov(),
    "mann_whitney": MannWhitney(),
    "cramer_von_mises": CramerVonMises(),
    "anderson_darling": AndersonDarling(),
    "kuiper": Kuiper(),
    "welch_t": WelchT(),
    "mood": Mood(),
    "wasserstein": Wasserstein(),
    "energy": Energy(),
    "psi": PopulationStability(),
    "jensen_shannon": JensenShannon(),
    "kl": KullbackLeibler(),
    "hellinger": Hellinger(),
    "tvd": TotalVariation(),
    "l_infinity": LInfinity(),
    "chi_square": ChiSquare(),
    "g_test": GTest(),
    "largest_residual": LargestResidual(),
    "unseen_levels": UnseenLevels(),
    "vanished_levels": VanishedLevels(),
    "missing_rate": MissingRate(),
}
FROUROS_DETECTORS: Mapping[str, Detector] = {
    f"frouros:{name}": FrourosDetector(f"frouros:{name}") for name in FROUROS_TESTS
}
ALL_DETECTORS: Mapping[str, Detector] = {**DETECTORS, **FROUROS_DETECTORS}

__all__ = [
    "ALL_DETECTORS",
    "DETECTORS",
    "FROUROS_DETECTORS",
    "AndersonDarling",
    "ChiSquare",
    "CramerVonMises",
    "Detector",
    "Energy",
    "Finding",
    "FrourosDetector",
    "GTest",
    "Hellinger",
    "JensenShannon",
    "KolmogorovSmirnov",
    "Kuiper",
    "KullbackLeibler",
    "LInfinity",
    "LargestResidual",
    "LocationScale",
    "MannWhitney",
    "MissingRate",
    "Mood",
    "PopulationStability",
    "TotalVariation",
    "UnseenLevels",
    "VanishedLevels",
    "Wasserstein",
    "WelchT",
]
