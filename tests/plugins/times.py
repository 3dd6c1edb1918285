"""Print, before pytest's last line, what each group of tests and each static check took."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest


class GroupTimes:
    """Sum the seconds of all tests by the folder under ``tests`` that holds them.

    Parameters
    ----------
    static_results : Path or None
        Table of the static checks: name, seconds and ``ok`` or ``FAILED``, parted by tabs.
        A failed check fails the run.
    """

    def __init__(self, static_results: Path | None) -> None:
        self._seconds: Counter[str] = Counter()
        self._tests: Counter[str] = Counter()
        self._static: list[tuple[str, float, str]] = []
        if static_results is not None:
            self._static = _read(static_results)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        group = group_of(report.nodeid)
        self._seconds[group] += report.duration  # type: ignore[assignment]
        self._tests[group] += report.when == "setup"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._failed() and session.exitstatus in {
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        }:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("seconds by group (summed over workers)")
        for name, seconds, verdict in self._static:
            terminalreporter.line(f"{seconds:8.1f}  static/{name}  {verdict}")
        for group in sorted(self._seconds):
            terminalreporter.line(
                f"{self._seconds[group]:8.1f}  {group}  {self._tests[group]} tests"
            )
        if self._failed():
            terminalreporter.section(f"static checks FAILED: {', '.join(self._failed())}", red=True)

    def _failed(self) -> list[str]:
        return [name for name, _, verdict in self._static if verdict != "ok"]


def group_of(nodeid: str) -> str:
    """Return the group of a test: the folder under ``tests``, or ``doctests``."""
    parts = nodeid.partition("::")[0].split("/")
    if parts[0] != "tests":
        return "doctests"
    return parts[1] if len(parts) > 2 else "tests"


def _read(table: Path) -> list[tuple[str, float, str]]:
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    return [(name, float(seconds), verdict) for name, seconds, verdict in rows]
