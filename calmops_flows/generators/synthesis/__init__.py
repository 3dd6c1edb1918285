"""Rows like real ones: methods of synthesis, one file each, and one dict."""

from calmops_flows.generators.synthesis.base import Learnt, Method
from calmops_flows.generators.synthesis.cart import Cart

METHODS: dict[str, type[Method]] = {
    "cart": Cart,
}

__all__ = ["METHODS", "Learnt", "Method"]
