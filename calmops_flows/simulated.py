"""What a simulation found: what was changed, and what the detectors said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from calmops_flows.records import ColumnDrift, DriftReport

REFERENCE = "reference"
FOUND, MISSED, FALSE_ALARM, QUIET = "found", "missed", "false alarm", "quiet"
UNTESTABLE = "untestable"


def outcome(*, is_changed: bool, is_alarm: bool | None) -> str:
    """Set a verdict beside the truth.

    Parameters
    ----------
    is_changed : bool
        Whether something was changed.
    is_alarm : bool or None
        The verdict; None: nothing could be tested.

    Examples
    --------
    >>> outcome(is_changed=True, is_alarm=False), outcome(is_changed=False, is_alarm=True)
    ('missed', 'false alarm')
    """
    if is_alarm is None:
        return UNTESTABLE
    if is_changed:
        return FOUND if is_alarm else MISSED
    return FALSE_ALARM if is_alarm else QUIET


@dataclass(frozen=True, slots=True)
class SimulatedCell:
    """One column of one snapshot: its loudest test, and whether it was changed."""

    number: int
    column: str
    effect: float | None
    p_value: float | None
    detector: str
    is_drift: bool | None
    is_changed: bool

    @property
    def outcome(self) -> str:
        """Found, missed, false alarm, quiet or untestable."""
        return outcome(is_changed=self.is_changed, is_alarm=self.is_drift)


@dataclass(frozen=True, slots=True)
class SimulatedSnapshot:
    """One snapshot of a simulation.

    Parameters
    ----------
    number : int
        From 1; the first is the reference.
    n_rows : int
        Rows.
    changed : tuple of str
        Columns in which a value was changed, the target among them; not every change of values
        moves a distribution. A scenario's columns count whose level moved.
    is_changed : bool
        Whether anything was changed: also rows that came twice.
    report : DriftReport or None
        The comparison with the first snapshot; None for itself.
    error : float or None
        Mean error of a model of the first snapshot: share of wrong classes, or the size of the
        errors against their usual size (0.5).
    is_error_rise : bool or None
        Whether a streaming detector on these errors found a rise.
    is_refused : bool
        Whether it breaks the contract of the first snapshot; a pipeline would quarantine it.
    note : str
        Why the errors could not be tested, else empty.
    """

    number: int
    n_rows: int
    changed: tuple[str, ...]
    is_changed: bool
    report: DriftReport | None
    error: float | None
    is_error_rise: bool | None
    is_refused: bool = False
    note: str = ""

    @property
    def is_alarm(self) -> bool | None:
        """Whether contract, columns or errors gave an alarm; None if nothing could be tested."""
        if self.is_refused:
            return True
        said = {self.is_error_rise, None if self.report is None else self.report.is_drift}
        return True if True in said else False if False in said else None

    @property
    def outcome(self) -> str:
        """Reference, found, missed, false alarm, quiet or untestable."""
        if self.report is None:
            return REFERENCE
        return outcome(is_changed=self.is_changed, is_alarm=self.is_alarm)

    def cells(self) -> Iterator[SimulatedCell]:
        """Yield the loudest test of every column, and columns that none could test."""
        tests = () if self.report is None else self.report.columns
        loudest: dict[str, ColumnDrift] = {}
        for test in tests:
            if test.name not in loudest or _loudness(test) > _loudness(loudest[test.name]):
                loudest[test.name] = test
        for name, test in loudest.items():
            yield SimulatedCell(
                self.number,
                name,
                None if test.effect_size is None else abs(test.effect_size),
                test.adjusted_p_value,
                test.detector,
                test.is_drift,
                name in self.changed,
            )


def _loudness(test: ColumnDrift) -> tuple[bool, bool, float]:
    return test.is_drift is not None, bool(test.is_drift), abs(test.effect_size or 0.0)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulation: snapshots with truth and verdict, and how to do the same by hand.

    Parameters
    ----------
    snapshots : tuple of SimulatedSnapshot
        In order; the first is the reference.
    commands : tuple of str
        Lines of a shell that make the same data.
    plan : str
        The plan that they name, as YAML; empty without one, and where one file cannot hold it.
    about : str
        What is simulated, in a line.
    """

    snapshots: tuple[SimulatedSnapshot, ...]
    commands: tuple[str, ...]
    plan: str
    about: str

    def count(self, name: str) -> int:
        """Return how many snapshots had an outcome."""
        return sum(snapshot.outcome == name for snapshot in self.snapshots)

    def cells(self) -> list[SimulatedCell]:
        """Return all cells, snapshot by snapshot."""
        return [cell for snapshot in self.snapshots for cell in snapshot.cells()]
