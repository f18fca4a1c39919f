"""One running utility for all tests of a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.e2e.utility import Utility


@pytest.fixture(scope="session")
def utility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    running = Utility(tmp_path_factory.mktemp("utility")).start()
    yield running
    running.stop()
