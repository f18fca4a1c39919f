"""Brings a database to this version's tables, under a lock: two processes that start at once migrate once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from tokenworks.errors import StoreTooNew
from tokenworks.store.database import Database

SCRIPTS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x746F6B656E77  # "tokenw": any number of our own


def migrate_database(database: Database) -> str:
    """Runs the steps that are missing, all in one transaction, and returns the revision reached.

    Raises StoreTooNew for a database that a later version has migrated, and leaves it as it is.
    """
    return database.write(_migrate)


def inspect_schema(database: Database) -> str:
    """"current", "behind", "new" for a database without tables of ours; raises StoreTooNew, BooksUnreachable."""
    return database.read(_inspect)


def _inspect(conn: Connection) -> str:
    script = ScriptDirectory(str(SCRIPTS))
    heads = MigrationContext.configure(conn).get_current_heads()
    for revision in heads:
        if revision not in {step.revision for step in script.walk_revisions()}:
            raise StoreTooNew(revision)
    if not heads:
        return "new"
    return "current" if heads == (script.get_current_head(),) else "behind"


def _migrate(conn: Connection) -> str:
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    script = ScriptDirectory(str(SCRIPTS))
    head = script.get_current_head() or ""
    known = {step.revision for step in script.walk_revisions()}
    for revision in MigrationContext.configure(conn).get_current_heads():
        if revision not in known:
            raise StoreTooNew(revision)

    def steps(revision: Any, _context: MigrationContext) -> Any:
        return script._upgrade_revs(head, revision)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=conn, transaction_per_migration=False)
        environment.run_migrations()
    return head
