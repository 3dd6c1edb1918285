"""Names that formulas can use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.formula import CONSTANTS, FUNCTIONS, names

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]

PATIENT, VISIT, DATE, GROUP = "patient", "visit", "date", "group"
TIME, CALENDAR = "time", "calendar"
"""Years since a patient's first visit was due, and since the study began."""
RESERVED = frozenset({PATIENT, VISIT, DATE, GROUP, TIME, CALENDAR, *FUNCTIONS, *CONSTANTS})
OF_ROWS = (GROUP, VISIT, TIME, CALENDAR)


def check_new(fresh: Iterable[str], known: Iterable[str] = ()) -> None:
    """Raise SpecError if a name is taken, or has a meaning of its own."""
    seen = set(known)
    for name in fresh:
        if name in RESERVED:
            raise SpecError(f"the name {name!r} has a meaning of its own; choose another")
        if name in seen:
            raise SpecError(f"the name {name!r} is given twice")
        seen.add(name)


def check_formula(text: str, known: Iterable[str], *, where: str) -> None:
    """Raise SpecError if a formula names what is not known at its place."""
    there = set(known)
    for name in sorted(names(text)):
        if name not in there:
            raise SpecError(
                f"{where}: the formula {text!r} names {name!r}; it can name {listed(sorted(there))}"
            )


def listed(known: Iterable[object], most: int = 10) -> str:
    """Return names in one line, cut at some."""
    found = list(known)
    more = f" … and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(map(str, found[:most])) + more
