"""The tables, once for both databases. Amounts are 64-bit integers at their unit's scale, times Unix nanoseconds.

What readers filter, lock or add up has a column; the rest of a row is JSON text, so that a new field at the end of a
shape needs no migration. Migrations are in `migrations/`; a test compares what they build with what stands here.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


def _count(name: str) -> Column[int]:
    """An amount, a time, a position or a number of tokens."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _noun(name: str, *more: Column[bytes]) -> Table:
    """Rows of policy: the shape as JSON, whom it stands under, and the policy version that last changed it."""
    return Table(
        name, metadata,
        Column("id", Text, primary_key=True), _text("under"), *more, _text("row"), _count("version"),
        Column("dropped", Boolean, nullable=False, server_default=text("false")),
        Index(f"ix_{name}_version", "version"), Index(f"ix_{name}_under", "under", "id"),
    )


accounts = _noun("accounts")
keys = _noun("keys", Column("digest", LargeBinary, nullable=False, unique=True))
models = _noun("models")
deployments = _noun("deployments")
cards = _noun("cards")

books = Table(
    "books", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _count("epoch"), _bytes("pepper"), _count("policy_version"), _count("created_at_ns"),
)

lots = Table(
    "lots", metadata,
    Column("id", Text, primary_key=True), _text("account"), _text("unit"), _text("kind"),
    _count("created_at_ns"), _count("expires_at_ns"),
    *map(_count, ("credited", "refunded", "expired", "transferred", "posted", "leased")),
    _text("reference"),
    Index("ix_lots_account", "account", "id"),
)

leases = Table(
    "leases", metadata,
    Column("id", Text, primary_key=True), _text("lot"), _text("account"), _text("writer"), _text("state"),
    *map(_count, ("left", "granted", "epoch", "granted_at_ns", "renewed_at_ns", "ask", "ask_minor")),
    Index("ix_leases_lot", "lot"), Index("ix_leases_writer", "writer", "account"),
)

writers = Table(
    "writers", metadata,
    Column("id", Text, primary_key=True), _text("host"), _text("state"),
    *map(_count, ("position", "started_at_ns", "seen_at_ns", "watermark_ns", "lag_bytes")),
)

USAGE = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
SUMS = ("rated", "charged", "waived", "overrun", "list")

requests = Table(
    "requests", metadata,
    Column("id", Text, primary_key=True), _text("writer"), _text("account"), _text("key"), _text("state"),
    _count("opened_at_ns"), _text("dialect"), _text("model"), _text("deployment"), _text("unit"), _text("card"),
    Column("stream", Boolean, nullable=False, server_default=text("false")),
    _count("closed_at_ns"), _count("amended_at_ns"), _text("outcome"), _text("reason"),
    Column("status", Integer, nullable=False, server_default=text("0")), _text("basis"),
    *map(_count, USAGE),
    *map(_count, SUMS),
    _text("extras"), _count("held"),
    Column("ttft_ms", BigInteger, nullable=False, server_default=text("-1")), _count("duration_ms"),
    _text("parts"), _text("entries"), _text("detail"), Column("raw", LargeBinary),
    Index("ix_requests_opened", "opened_at_ns", "id"),
    Index("ix_requests_account", "account", "opened_at_ns", "id"),
    Index("ix_requests_closed", "closed_at_ns"),
    Index("ix_requests_open", "writer", sqlite_where=text("state = 'open'"),
          postgresql_where=text("state = 'open'")),
)

# At most one charge per request, leg (0 closed, 1 amended) and segment; at most one cost per request and attempt.
charges = Table(
    "charges", metadata,
    _text("request"), Column("leg", SmallInteger, nullable=False), Column("segment", Integer, nullable=False),
    _text("lot"), _text("entry"), _count("amount"),
    PrimaryKeyConstraint("request", "leg", "segment"), Index("ix_charges_entry", "entry"),
)
costs = Table(
    "costs", metadata,
    _text("request"), Column("attempt", Integer, nullable=False), _text("deployment"), _text("unit"),
    _text("entry"), _count("amount"),
    PrimaryKeyConstraint("request", "attempt"),
)

objects = Table(
    "objects", metadata,
    Column("id", Text, primary_key=True), _text("account"), _text("deployment"), _text("request"), _count("at_ns"),
)

entries = Table(
    "entries", metadata,
    Column("id", Text, primary_key=True), _text("cause"), _count("occurred_at_ns"), _count("booked_at_ns"),
    _text("period"), _text("writer"), _count("position"), _text("reference"), _text("reverses"),
    Index("ix_entries_booked", "booked_at_ns", "id"),
)
postings = Table(
    "postings", metadata,
    _text("entry"), Column("line", Integer, nullable=False), _text("account"), _text("unit"), _count("amount"),
    _text("lot"),
    PrimaryKeyConstraint("entry", "line"),
    Index("ix_postings_account", "account", "unit", "entry"), Index("ix_postings_lot", "lot", "entry"),
)

suspense = Table(
    "suspense", metadata,
    Column("id", Text, primary_key=True), _text("writer"), _count("position"), _text("reason"), _text("request"),
    _bytes("payload"), _count("at_ns"), _count("resolved_at_ns"), _text("resolution"),
)

claims = Table(
    "claims", metadata,
    Column("key", Text, primary_key=True), _bytes("digest"), _bytes("seed"), Column("reply", LargeBinary),
    _count("at_ns"),
    Index("ix_claims_at", "at_ns"),
)
notes = Table(
    "notes", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _count("at_ns"), *map(_text, ("actor", "action", "noun", "noun_id", "detail")),
)
