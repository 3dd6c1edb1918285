"""Ways of protecting a table: one file each, and one dict."""

from calmops_flows.generators.privacy.anonymity import Anonymity, k_anonymity
from calmops_flows.generators.privacy.base import Protection, Way
from calmops_flows.generators.privacy.bins import Bins
from calmops_flows.generators.privacy.budget import Budget
from calmops_flows.generators.privacy.dates import Dates
from calmops_flows.generators.privacy.differential import Release, dp_histogram, dp_mean
from calmops_flows.generators.privacy.drop import Drop
from calmops_flows.generators.privacy.hierarchy import Hierarchy
from calmops_flows.generators.privacy.pseudonym import Pseudonym, pseudonyms
from calmops_flows.generators.privacy.shuffle import Shuffle
from calmops_flows.generators.privacy.suppress import Suppress
from calmops_flows.generators.privacy.top_code import TopCode

WAYS: dict[str, type[Way]] = {
    "bins": Bins,
    "dates": Dates,
    "drop": Drop,
    "hierarchy": Hierarchy,
    "pseudonym": Pseudonym,
    "shuffle": Shuffle,
    "suppress": Suppress,
    "top_code": TopCode,
}

__all__ = [
    "WAYS",
    "Anonymity",
    "Budget",
    "Protection",
    "Release",
    "Way",
    "dp_histogram",
    "dp_mean",
    "k_anonymity",
    "pseudonyms",
]
