"""Concepts of synthetic streams: one file each, and one dict."""

from calmops_flows.generators.synthetic.agrawal import Agrawal
from calmops_flows.generators.synthetic.anomaly_sine import AnomalySine
from calmops_flows.generators.synthetic.base import Concept, Rule
from calmops_flows.generators.synthetic.friedman import Friedman
from calmops_flows.generators.synthetic.hyperplane import Hyperplane
from calmops_flows.generators.synthetic.led import Led
from calmops_flows.generators.synthetic.mixed import Mixed
from calmops_flows.generators.synthetic.planes import Planes
from calmops_flows.generators.synthetic.random_rbf import RandomRbf
from calmops_flows.generators.synthetic.random_tree import RandomTree
from calmops_flows.generators.synthetic.sea import Sea
from calmops_flows.generators.synthetic.sine import Sine
from calmops_flows.generators.synthetic.stagger import Stagger
from calmops_flows.generators.synthetic.waveform import Waveform

CONCEPTS: dict[str, type[Concept]] = {
    "agrawal": Agrawal,
    "anomaly_sine": AnomalySine,
    "friedman": Friedman,
    "hyperplane": Hyperplane,
    "led": Led,
    "mixed": Mixed,
    "planes": Planes,
    "random_rbf": RandomRbf,
    "random_tree": RandomTree,
    "sea": Sea,
    "sine": Sine,
    "stagger": Stagger,
    "waveform": Waveform,
}

__all__ = ["CONCEPTS", "Concept", "Rule"]
