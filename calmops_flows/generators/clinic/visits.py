"""When patients are seen, and which group they are in then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from calmops_flows.generators.values import DateText
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.generators.clinic.seeds import Seeds

DAYS = 365.25


class Visits(Part):
    """The schedule; times are years."""

    times: tuple[float, ...] = Field(default=(0.0,), min_length=1, max_length=1_000)
    """When visits are due after a patient's first day; the first is at 0."""
    irregularity: float = Field(default=0.0, ge=0.0, le=2.0)
    """Coefficient of variation of the time between two visits (gamma, so that order is kept)."""
    missed: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the visits after the first that do not take place."""
    start: DateText = "2024-01-01"
    """When the study begins."""
    accrual: float = Field(default=0.0, ge=0.0)
    """Years over which patients enter, evenly."""

    @model_validator(mode="after")
    def _fits(self) -> Visits:
        if self.times[0] != 0.0 or (np.diff(self.times) <= 0).any():
            raise ValueError("times must ascend from 0")
        try:
            pd.Timestamp(self.start)
        except ValueError as err:
            raise ValueError(f"start is no date: {err}") from err
        return self

    def plan(self, n_patients: int, rng: Seeds) -> Plan:
        """Draw when each patient enters and is seen, as far as the schedule goes."""
        n_visits = len(self.times)
        gaps = np.broadcast_to(np.diff(self.times), (n_patients, n_visits - 1))
        if self.irregularity:
            spread = self.irregularity**2
            gaps = gaps * rng("visits").gamma(1.0 / spread, spread, gaps.shape)
        times = np.concatenate([np.zeros((n_patients, 1)), np.cumsum(gaps, axis=1)], axis=1)
        entry = self.accrual * rng("entry").random(n_patients)
        takes_place = rng("missed").random((n_patients, n_visits)) >= self.missed
        takes_place[:, 0] = True
        patient, place = np.nonzero(takes_place)
        return Plan(patient, place + 1, times[patient, place], entry)

    def dates(self, calendar: NDArray[np.float64]) -> NDArray[np.datetime64]:
        """Return the moments, to the second, of years since the study began."""
        seconds = np.round(calendar * DAYS * 86_400).astype("timedelta64[s]")
        return np.asarray(np.datetime64(pd.Timestamp(self.start).to_datetime64(), "s") + seconds)


@dataclass(frozen=True, slots=True)
class Plan:
    """One row per visit, patient by patient.

    Parameters
    ----------
    patient, visit, time : ndarray of shape (n_rows,)
        Number of the patient from 0, number of the visit from 1, years since the first.
    entry : ndarray of shape (n_patients,)
        Years from the beginning of the study to each patient's first visit.
    """

    patient: NDArray[np.intp]
    visit: NDArray[np.intp]
    time: NDArray[np.float64]
    entry: NDArray[np.float64]

    @property
    def calendar(self) -> NDArray[np.float64]:
        """Years since the study began."""
        return np.asarray(self.entry[self.patient] + self.time)

    @property
    def first(self) -> NDArray[np.intp]:
        """Row of each patient's first visit."""
        return np.flatnonzero(self.visit == 1)

    def horizon(self) -> NDArray[np.float64]:
        """Return each patient's last time."""
        last = np.zeros(len(self.entry))
        np.maximum.at(last, self.patient, self.time)
        return last


@dataclass(frozen=True, slots=True)
class Course:
    """Which group each patient is in, and since when, at each row; and every change.

    Parameters
    ----------
    group : ndarray of shape (n_rows,)
        Names.
    since : ndarray of shape (n_rows,)
        Years in the present group.
    changes : DataFrame
        Columns `patient` (number), `time`, `from`, `to`.
    """

    group: NDArray[Any]
    since: NDArray[np.float64]
    changes: pd.DataFrame


def follow(
    plan: Plan,
    group: NDArray[Any],
    rates: dict[str, dict[str, float]],
    rng: np.random.Generator,
) -> Course:
    """Let patients change groups: a Markov process in continuous time.

    Parameters
    ----------
    plan : Plan
        The visits.
    group : ndarray of shape (n_patients,)
        At the first visit.
    rates : dict of str to dict of str to float
        Changes per year, from a group to others.
    rng : numpy.random.Generator
        Where randomness comes from.

    Returns
    -------
    Course
        Groups at the visits.
    """
    horizon, now = plan.horizon(), group.copy()
    clock, at_rows = np.zeros(len(group)), group[plan.patient].copy()
    entered, changes = np.zeros(len(plan.patient)), []
    active = np.array([sum(rates.get(name, {}).values()) > 0 for name in now], dtype=bool)
    while active.any():
        who = np.flatnonzero(active)
        total = np.array([sum(rates[name].values()) for name in now[who]])
        clock[who] += rng.exponential(1.0 / total)
        u = rng.random(len(who))
        who, u = who[clock[who] <= horizon[who]], u[clock[who] <= horizon[who]]
        before = now[who].copy()
        for name in np.unique(before.astype(str)):
            chosen = before == name
            to = np.array(list(rates[name]), dtype=object)
            edges = np.cumsum(list(rates[name].values()))
            now[who[chosen]] = to[np.searchsorted(edges, u[chosen] * edges[-1], side="right")]
        changes.append(
            pd.DataFrame({"patient": who, "time": clock[who], "from": before, "to": now[who]})
        )
        moved = np.zeros(len(group), dtype=bool)
        moved[who] = True
        after = moved[plan.patient] & (plan.time >= clock[plan.patient])
        at_rows[after], entered[after] = now[plan.patient][after], clock[plan.patient][after]
        active = moved & np.array([sum(rates.get(name, {}).values()) > 0 for name in now])
    told = pd.concat(changes, ignore_index=True) if changes else _no_changes()
    return Course(at_rows, plan.time - entered, told.sort_values(["patient", "time"]))


def _no_changes() -> pd.DataFrame:
    return pd.DataFrame({"patient": [], "time": [], "from": [], "to": []})
