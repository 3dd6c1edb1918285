"""Fail a run in which a test was skipped for a reason that nobody allowed."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

Report = pytest.TestReport | pytest.CollectReport


class SkipGuard:
    """Compare the reasons of skipped tests with the lines of a file.

    Parameters
    ----------
    allowed : Path
        Shell patterns, one per line; empty lines and lines that start with ``#`` do not count.
    """

    def __init__(self, allowed: Path) -> None:
        lines = allowed.read_text(encoding="utf-8").splitlines()
        self._allowed = [line for line in lines if line and not line.startswith("#")]
        self._refused: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._refused:
            return
        terminalreporter.section("skips that tests/allowed_skips.txt does not allow", red=True)
        for line in self._refused:
            terminalreporter.line(line)

    def _note(self, report: Report) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = _reason(report)
        if not any(fnmatch(reason, pattern) for pattern in self._allowed):
            self._refused.append(f"{report.nodeid}: {reason}")


def _reason(report: Report) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
