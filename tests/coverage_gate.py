"""A pytest plugin (`-p tests.coverage_gate`, as `make test` runs it): the pure floors are covered by their own tests.

What runs elsewhere is not traced, so that it costs the rest of the suite nothing; and a floor that is only passed
through by somebody else's test does not count as tested. The gate applies when all tests of the floors were run.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import coverage
import pytest

FLOORS = ("wire", "usage", "tariff", "ledger", "credit", "admission", "routing")
WITH_BRANCHES_MIN = 99.5  # of lines and branches together; of lines alone all
TESTS = Path(__file__).resolve().parent


class Gate:
    """Traces while tests of the pure floors are collected or run."""

    def __init__(self) -> None:
        self._coverage = coverage.Coverage(source=[f"tokenworks.{floor}" for floor in FLOORS], branch=True,
                                           data_file=None, messages=False)
        self._floors: set[str] = set()
        self._failed = ""
        self._coverage.start()  # what a module does when it is imported counts

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """From here on only tests of the floors count."""
        self._coverage.stop()
        self._floors = {floor for floor in map(floor_of, session.items) if floor}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """One test, with its fixtures."""
        if not floor_of(item):
            return (yield)
        self._coverage.start()
        try:
            return (yield)
        finally:
            self._coverage.stop()

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fails the session when a line of a floor was not reached."""
        if exitstatus == pytest.ExitCode.OK and self._floors == set(FLOORS):
            self._failed = "\n".join(self._judge())
            session.exitstatus = pytest.ExitCode.TESTS_FAILED if self._failed else exitstatus

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """What was missed, before the closing line."""
        if self._failed:
            terminalreporter.section("coverage of the pure floors")
            terminalreporter.write_line(self._failed)

    def _judge(self) -> Iterator[str]:
        for path in sorted(self._coverage.get_data().measured_files()):
            missing = self._coverage.analysis2(path)[4]
            if missing:
                yield f"{Path(path).relative_to(TESTS.parent)}: lines {missing} are in no test"
        total = self._coverage.report(file=StringIO())
        if total < WITH_BRANCHES_MIN:
            yield f"lines and branches: {total:.2f} %, at least {WITH_BRANCHES_MIN} are wanted"


def floor_of(item: pytest.Item) -> str:
    """The pure floor that a test belongs to, "" for none."""
    parts = item.path.relative_to(TESTS).parts if item.path.is_relative_to(TESTS) else ()
    return parts[0] if parts and parts[0] in FLOORS else ""


def pytest_configure(config: pytest.Config) -> None:
    """Joins the run; a mere listing of tests is not traced."""
    if not config.option.collectonly:
        config.pluginmanager.register(Gate(), "coverage-gate")
