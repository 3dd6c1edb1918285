"""Rows like real ones: methods of synthesis, one file each, and one dict."""

from calmops_flows.generators.synthesis.base import Learnt, Method
from calmops_flows.generators.synthesis.cart import Cart
from calmops_flows.generators.synthesis.copula import Copula
from calmops_flows.generators.synthesis.gmm import Gmm
from calmops_flows.generators.synthesis.lgbm import Lgbm
from calmops_flows.generators.synthesis.resample import Resample
from calmops_flows.generators.synthesis.rf import Rf
from calmops_flows.generators.synthesis.sdv import Sdv

METHODS: dict[str, type[Method]] = {
    "cart": Cart,
    "copula": Copula,
    "gmm": Gmm,
    "lgbm": Lgbm,
    "resample": Resample,
    "rf": Rf,
    "sdv": Sdv,
}

__all__ = ["METHODS", "Learnt", "Method"]
