"""Sealed secrets."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Index, Text, text
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

PLAIN = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Builds their table, which is like those of policy."""
    op.create_table(
        "secrets",
        Column("id", PLAIN, primary_key=True),
        Column("under", PLAIN, nullable=False, server_default=text("''")),
        Column("row", PLAIN, nullable=False, server_default=text("''")),
        Column("version", BigInteger, nullable=False, server_default=text("0")),
        Column("dropped", Boolean, nullable=False, server_default=text("false")),
        Index("ix_secrets_version", "version"), Index("ix_secrets_under", "under", "id"),
    )
