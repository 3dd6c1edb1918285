"""The stream of the steps' tests, for faults that need no process of their own."""

from tests.steps.conftest import stream

__all__ = ["stream"]
