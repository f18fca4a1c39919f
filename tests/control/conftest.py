"""The stores of tests/store, for control: memory, SQLite and PostgreSQL."""

from __future__ import annotations

from tests.store.conftest import database_url, postgres_template, server, sqlite_template, store

__all__ = ["database_url", "postgres_template", "server", "sqlite_template", "store"]
