"""What a protection did, what holds afterwards, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from calmops_flows.generators.privacy.anonymity import Anonymity
    from calmops_flows.generators.privacy.differential import Release
    from calmops_flows.reports.document import Document, Section


@dataclass(frozen=True, slots=True)
class Done:
    """One step that was done."""

    kind: str
    columns: tuple[str, ...]
    facts: Mapping[str, Any]
    protects: str
    leaves: str


@dataclass(frozen=True, slots=True)
class PrivacyReport:
    """What was done to a table; holds no key and no row's value.

    Parameters
    ----------
    rows_before, rows_after : int
        Rows of the table.
    steps : tuple of Done
        In order.
    before, after : Anonymity or None
        k-anonymity of the table as it came and as it is; None without a check.
    budget : float or None
        The promised epsilon of all releases; None without releases.
    releases : tuple of Release
        Figures with noise.
    """

    rows_before: int
    rows_after: int
    steps: tuple[Done, ...]
    before: Anonymity | None
    after: Anonymity | None
    budget: float | None
    releases: tuple[Release, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON has them."""
        return {
            "rows_before": self.rows_before,
            "rows_after": self.rows_after,
            "steps": [
                {
                    "kind": step.kind,
                    "columns": list(step.columns),
                    "facts": dict(step.facts),
                    "protects": step.protects,
                    "leaves": step.leaves,
                }
                for step in self.steps
            ],
            "before": None if self.before is None else self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
            "budget": self.budget,
            "releases": [release.to_dict() for release in self.releases],
        }

    def document(self) -> Document:
        """Return the report as a document, for Markdown and HTML."""
        from calmops_flows.reports.document import Document, Section

        kept = f"{self.rows_after} of {self.rows_before} rows are in the protected table."
        sections = [Section("The table", (kept,)), *self._steps()]
        if self.before is not None and self.after is not None:
            sections.append(_anonymity(self.before, self.after))
        if self.releases:
            sections.append(self._releases())
        return Document("What was done to protect a table", tuple(sections))

    def _steps(self) -> list[Section]:
        from calmops_flows.reports.document import Section, Table

        found = []
        for number, step in enumerate(self.steps, start=1):
            facts = [("columns", ", ".join(step.columns))]
            facts += [(name, _told(value)) for name, value in step.facts.items()]
            parts = (
                Table(("fact", "value"), tuple(facts)),
                f"It protects: {step.protects}",
                f"It does not protect: {step.leaves}",
            )
            found.append(Section(f"Step {number}: {step.kind}", parts))
        return found

    def _releases(self) -> Section:
        from calmops_flows.reports.document import Section, Table

        spent = sum(release.epsilon for release in self.releases)
        rows = []
        for release in self.releases:
            values = release.value if isinstance(release.value, dict) else {"": release.value}
            for bin_, value in values.items():
                cells = (f"{release.name} {bin_}".strip(), f"{value:.6g}", f"{release.epsilon:g}")
                rows.append((*cells, f"{release.scale:.3g}", release.mechanism))
        table = Table(("figure", "with noise", "epsilon", "mean error", "noise"), tuple(rows))
        promise = (
            f"Together epsilon {spent:g} of a budget of {self.budget:g}. The promise holds for "
            "these figures, against the change of one row, with the number of rows public; it "
            "says nothing of the table, and the same plan run again over the same data spends "
            "its budget again. A bin's figures share one epsilon."
        )
        return Section("Figures with differential privacy", (table, promise))


def _anonymity(before: Anonymity, after: Anonymity) -> Section:
    from calmops_flows.reports.document import Section, Table

    rows = [
        ("smallest group (k)", str(before.k), str(after.k)),
        ("groups", str(before.classes), str(after.classes)),
        ("rows alone in their group", str(before.unique_rows), str(after.unique_rows)),
    ]
    rows += [
        (f"fewest values of {name} in a group (l)", str(value), str(after.diversity.get(name, 0)))
        for name, value in before.diversity.items()
    ]
    known = f"Quasi-identifiers: {', '.join(after.quasi_identifiers)}."
    table = Table(("", "as it came", "protected"), tuple(rows))
    parts: tuple[str | Table, ...] = (known, table)
    if any(value < 2 for value in after.diversity.values()):
        parts += ("A group in which all rows agree tells the value of everyone in it.",)
    return Section("Who can be singled out", parts)


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {one}" for name, one in value.items())
    return str(value)
