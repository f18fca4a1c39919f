"""What each host has metered, for engines that hosts share."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Text, text
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

PLAIN = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Builds the table."""
    op.create_table(
        "metered",
        *(Column(name, PLAIN, nullable=False, server_default=text("''")) for name in ("host", "deployment")),
        *(Column(name, BigInteger, nullable=False, server_default=text("0"))
          for name in ("hour_ns", "prompt", "completion")),
        PrimaryKeyConstraint("host", "deployment", "hour_ns"),
        sqlite_with_rowid=False,
    )
