"""Fitted models over columns of plain values: a row costs microseconds, not milliseconds."""

from calmops_flows.learning.compiled.model import Compiled, compile_model
from calmops_flows.learning.compiled.rows import Rows

__all__ = ["Compiled", "Rows", "compile_model"]
