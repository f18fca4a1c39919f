"""The audit trail: who asked, with what outcome, what changed; a chain of digests; and nothing in it ever changes."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text, text
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

PLAIN = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_DONE = {"outcome": "'done'", "changes": "'{}'"}


def upgrade() -> None:
    """Notes of before keep an empty digest: the chain begins after them."""
    for name in ("login", "origin", "request", "outcome", "reason", "changes"):
        op.add_column("notes", Column(name, PLAIN, nullable=False, server_default=text(_DONE.get(name, "''"))))
    op.add_column("notes", Column("digest", LargeBinary, nullable=False, server_default=text("''")))
    op.create_index("ix_notes_thing", "notes", ["noun", "noun_id", "id"])
    op.create_table(
        "trail",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("number", BigInteger, nullable=False, server_default=text("0")),
        Column("digest", LargeBinary, nullable=False, server_default=text("''")),
    )
    op.execute("INSERT INTO trail (id, number) SELECT 1, COALESCE(MAX(id), 0) FROM notes")
    _fix_notes()


def _fix_notes() -> None:
    """Triggers that refuse to change or remove a note."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
                   "$$ BEGIN RAISE EXCEPTION 'the audit trail only grows'; END $$")
        op.execute("CREATE TRIGGER notes_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON notes "
                   "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER notes_fixed_{event.lower()} BEFORE {event} ON notes "
                   "BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END")
