"""What a scenario says of each period: which features moved since the first one."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.generators.scenario.dynamics import moved

if TYPE_CHECKING:
    from calmops_flows.generators.scenario.plan import Feature, Scenario

MATTERS = 0.2  # of a standard deviation: Cohen's small effect
_WORD = re.compile(r"[A-Za-z_]\w*")


def moved_features(scenario: Scenario) -> list[frozenset[str]]:
    """Return the features whose mean level differs from that of the first period.

    Parameters
    ----------
    scenario : Scenario
        Its random walks are not known before they are drawn, and count as moved from the
        second period on. The target moves with the features that its formula names, hidden
        ones too; hidden ones are in no file, and are not named.

    Returns
    -------
    list of frozenset of str
        One set per period; a feature counts from a fifth of its standard deviation on.

    Examples
    --------
    >>> from calmops_flows.generators.scenario import ready
    >>> [sorted(names) for names in moved_features(ready()["fraud_recurring"])[:4]]
    [[], [], ['fraud'], ['fraud']]
    """
    found: list[set[str]] = [set() for _ in range(scenario.periods)]
    for name, feature in scenario.features.items():
        if not feature.dynamics:
            continue
        levels = _levels(feature, scenario.periods)
        unit = _spread(feature)
        for number, level in enumerate(levels):
            if abs(level - levels[0]) > MATTERS * unit:
                found[number].add(name)
    return [frozenset(_seen(scenario, names)) for names in found]


def _seen(scenario: Scenario, names: set[str]) -> set[str]:
    seen = {name for name in names if not scenario.features[name].hidden}
    if scenario.target is not None and names & set(_WORD.findall(scenario.target.formula)):
        seen.add(scenario.target.name)
    return seen


def _levels(feature: Feature, periods: int) -> list[float]:
    if any(dynamic.kind == "random_walk" for dynamic in feature.dynamics):
        return [0.0, *[math.inf] * (periods - 1)]
    middle = (np.arange(periods * 20) + 0.5) / 20
    level = moved(feature.dynamics, middle, np.random.default_rng(0))
    return [float(part.mean()) for part in level.reshape(periods, 20)]


def _spread(feature: Feature) -> float:
    if feature.kind == "uniform":
        return abs(feature.high - feature.low) / math.sqrt(12.0)
    if feature.kind == "poisson":
        return math.sqrt(max(feature.mean, 0.0))
    if feature.kind == "choice":
        return sum(feature.weights) or float(len(feature.options))
    return feature.sd
