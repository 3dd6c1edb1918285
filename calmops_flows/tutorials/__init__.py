"""Tutorials: scripts that `calmops tutorials copy` puts into your folder; each runs by itself."""
