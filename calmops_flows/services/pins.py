"""Exact versions of what this installation of the package rests on."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from calmops_flows.errors import NotFoundError

PACKAGE = "calmops-flows"
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


def installed_pins() -> list[str]:
    """Return ``name==version`` of each library that is installed for the package, sorted.

    Raises
    ------
    NotFoundError
        If the package itself is not installed, but only on the path.
    """
    root = _find(PACKAGE)
    if root is None:
        raise NotFoundError(f"{PACKAGE} is not installed here; pip install it to learn its pins")
    found: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    extras = root.metadata.get_all("Provides-Extra") or []
    waiting = [(PACKAGE, extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        known = _find(name)
        if known is None or (name, extra) in done:
            continue  # a marker or a choice of extras left it out
        done.add((name, extra))
        found[name] = known.version
        waiting += _wanted(known, extra)
    del found[PACKAGE]
    return sorted(f"{name}=={version}" for name, version in found.items())


def _wanted(known: Distribution, extra: str) -> list[tuple[str, str]]:
    """Return the requirements of a distribution, or of one of its extras."""
    wanted = []
    for line in known.requires or []:
        text, _, marker = line.partition(";")
        needs = _EXTRA.search(marker)
        match = _REQUIREMENT.match(text)
        if match is None or (needs[1] if needs else "") != extra:
            continue
        name = re.sub(r"[-_.]+", "-", match[1]).lower()
        extras = [word.strip() for word in (match[2] or "").split(",") if word.strip()]
        wanted += [(name, chosen) for chosen in ("", *extras)]
    return wanted


def _find(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
