"""The tables, once for both databases. Amounts are 64-bit integers at their unit's scale, times Unix nanoseconds.

What readers filter, lock or add up has a column; the rest of a row is JSON text, so that a new field at the end of a
shape needs no migration. Migrations are in `migrations/`; a test compares what they build with what stands here.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects import postgresql

metadata = MetaData()


# Compared byte by byte on both databases, whatever the server's locale: pages and lock order depend on it.
PLAIN = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _id() -> Column[str]:
    return Column("id", PLAIN, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, PLAIN, nullable=False, server_default=text("''"))


def _count(name: str) -> Column[int]:
    """An amount, a time, a position or a number of tokens."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _noun(name: str, *more: Column[bytes]) -> Table:
    """Rows of policy: the shape as JSON, whom it stands under, and the policy version that last changed it."""
    return Table(
        name, metadata,
        _id(), _text("under"), *more, _text("row"), _count("version"),
        Column("dropped", Boolean, nullable=False, server_default=text("false")),
        Index(f"ix_{name}_version", "version"), Index(f"ix_{name}_under", "under", "id"),
    )


accounts = _noun("accounts")
keys = _noun("keys", Column("digest", LargeBinary, nullable=False, unique=True))
models = _noun("models")
deployments = _noun("deployments")
cards = _noun("cards")
secrets = _noun("secrets")  # not part of the policy that gateways get

books = Table(
    "books", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _count("epoch"), _bytes("pepper"), _count("policy_version"), _count("created_at_ns"),
)

SIDES = ("credited", "refunded", "expired", "transferred", "posted", "leased", "available")
lots = Table(
    "lots", metadata,
    _id(), _text("account"), _text("unit"), _text("kind"),
    _count("created_at_ns"), _count("expires_at_ns"),
    *map(_count, SIDES),
    _text("cause"),
    CheckConstraint("credited - refunded - expired - transferred = posted + leased + available", name="lot_holds"),
    CheckConstraint("refunded >= 0 AND expired >= 0 AND transferred >= 0 AND posted >= 0 AND leased >= 0"
                    " AND available >= 0", name="lot_floor"),
    Index("ix_lots_account", "account", "id"),
)

leases = Table(
    "leases", metadata,
    _id(), _text("lot"), _text("account"), _text("writer"), _text("state"),
    *map(_count, ("epoch", "granted", "posted", "returned", "created_at_ns", "ask")), _text("ask_grant"),
    CheckConstraint("granted >= 0 AND posted >= 0 AND returned >= 0 AND posted + returned <= granted",
                    name="lease_floor"),
    Index("ix_leases_lot", "lot"), Index("ix_leases_writer", "writer", "account"),
)

writers = Table(
    "writers", metadata,
    _id(), _text("host"), _text("state"),
    *map(_count, ("position", "started_at_ns", "seen_at_ns", "watermark_ns", "lag_bytes")),
)

USAGE = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
SUMS = ("rated", "charged", "waived", "overrun", "list")

requests = Table(
    "requests", metadata,
    _id(), _text("account"), _text("key"), _text("writer"), _text("state"), _count("opened_at_ns"),
    *map(_text, ("dialect", "model", "deployment", "unit", "card")),
    Column("stream", Boolean, nullable=False, server_default=text("false")),
    _count("held"), _text("crash"), _count("progressed_at_ns"),
    *map(_count, USAGE),
    _text("extras"), _text("basis"),
    *map(_count, SUMS),
    _count("shifted"), _count("closed_at_ns"), _count("amended_at_ns"), _count("booked_at_ns"),
    _text("outcome"), _text("reason"), _count("ttft_ms"), _count("duration_ms"), _count("status"),
    _text("parts"), _text("entries"), _text("detail"), Column("raw", LargeBinary),
    Index("ix_requests_opened", "opened_at_ns", "id"),
    Index("ix_requests_account", "account", "opened_at_ns", "id"),
    Index("ix_requests_closed", "closed_at_ns"),
    Index("ix_requests_open", "writer", sqlite_where=text("state IN ('held', 'estimated')"),
          postgresql_where=text("state IN ('held', 'estimated')")),
)

# Each request's shares of ledger entries, and its attempts: the keys keep either from being written twice.
charges = Table(
    "charges", metadata,
    _text("request"), Column("number", Integer, nullable=False), _text("kind"), _text("account"), _text("unit"),
    _count("amount"), _text("entry"), Column("segment", Integer, nullable=False, server_default=text("0")),
    _text("lot"), _text("lease"),
    PrimaryKeyConstraint("request", "number"), Index("ix_charges_entry", "entry"),
    sqlite_with_rowid=False,
)
attempts = Table(
    "attempts", metadata,
    _text("request"), Column("number", Integer, nullable=False), _text("deployment"), _text("entry"), _text("row"),
    PrimaryKeyConstraint("request", "number"),
    sqlite_with_rowid=False,
)

objects = Table(
    "objects", metadata,
    _id(), _text("account"), _text("deployment"), _text("request"), _count("at_ns"),
)

entries = Table(
    "entries", metadata,
    _id(), _text("cause"), _text("ref"), _text("owner"), _count("occurred_at_ns"), _count("booked_at_ns"),
    _text("period"), _text("reverses"),
    Index("ix_entries_booked", "booked_at_ns", "id"),
)
postings = Table(
    "postings", metadata,
    _text("entry"), Column("line", Integer, nullable=False), _text("account"), _text("unit"), _count("amount"),
    _text("lot"),
    PrimaryKeyConstraint("entry", "line"),
    Index("ix_postings_account", "account", "unit", "entry"), Index("ix_postings_lot", "lot", "entry"),
    sqlite_with_rowid=False,
)

# What each host has metered, in hours and (hour 0) in all: the counters of an engine that several hosts share are held
# against the sum of them.
metered = Table(
    "metered", metadata,
    _text("host"), _text("deployment"), *map(_count, ("hour_ns", "prompt", "completion")),
    PrimaryKeyConstraint("host", "deployment", "hour_ns"),
    sqlite_with_rowid=False,
)

suspense = Table(
    "suspense", metadata,
    _id(), _text("writer"), _text("segment"), _count("position"), _text("kind"), _text("why"), _bytes("payload"),
    _count("at_ns"), _count("resolved_at_ns"), _text("resolution"),
)

claims = Table(
    "claims", metadata,
    Column("key", PLAIN, primary_key=True), _bytes("digest"), _bytes("seed"), Column("reply", LargeBinary),
    _count("at_ns"),
    Index("ix_claims_at", "at_ns"),
)
notes = Table(
    "notes", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _count("at_ns"), *map(_text, ("actor", "action", "noun", "noun_id", "detail", "login", "origin", "request")),
    Column("outcome", PLAIN, nullable=False, server_default=text("'done'")), _text("reason"),
    Column("changes", PLAIN, nullable=False, server_default=text("'{}'")),
    Column("digest", LargeBinary, nullable=False, server_default=text("''")),
    Index("ix_notes_thing", "noun", "noun_id", "id"),
)

# The head of the notes' chain: its one row is locked by whoever adds a note.
trail = Table(
    "trail", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _count("number"), Column("digest", LargeBinary, nullable=False, server_default=text("''")),
)
