"""A real engine for the tests, started as the supervisor starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tokenworks.supply.engine.facts import EngineFacts, read_facts
from tokenworks.supply.engine.host import refuse_host

PROGRAM = """
import sys
from tokenworks.supply.engine.child import EngineConfig, run_engine
sys.exit(run_engine(EngineConfig(state_dir=sys.argv[1], lifeline_fd=int(sys.argv[2]))))
"""


@dataclass
class Running:
    """An engine's process, its facts and the end of the pipe that keeps it alive."""

    process: subprocess.Popen[str]
    facts: EngineFacts
    lifeline: int

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.lifeline)


def start_engine(state: Path) -> Running:
    """Start one and wait for its facts."""
    read_end, write_end = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(state), str(read_end)], pass_fds=[read_end],
                               stderr=subprocess.PIPE, text=True)
    os.close(read_end)
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        facts = read_facts(str(state))
        if facts is not None and facts.pid == process.pid:
            return Running(process, facts, write_end)
        time.sleep(0.02)
    os.close(write_end)
    process.kill()
    raise AssertionError(f"the engine did not come up: {process.communicate()[1]}")


def needs_engine() -> None:
    """Skip, saying what to install, where the engine cannot run."""
    if why := refuse_host():
        pytest.skip(why)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One engine for all tests that only ask it."""
    needs_engine()
    running = start_engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.end()
