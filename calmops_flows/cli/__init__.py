"""The command ``calmops``."""
