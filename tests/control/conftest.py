"""The stores of tests/store: `store` is all three kinds; `books` is SQLite alone, where the kind does not matter."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store.conftest import database_url, postgres_template, server, sqlite_template, store

from tokenworks.store.open import open_store
from tokenworks.store.ports import Store

__all__ = ["database_url", "postgres_template", "server", "sqlite_template", "store"]


@pytest.fixture
def books(sqlite_template: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty store in a file."""
    shutil.copy(sqlite_template, tmp_path / "books.db")
    opened = open_store(f"sqlite:///{tmp_path / 'books.db'}")
    yield opened
    opened.close()
