"""The books about themselves and idempotency keys, in SQL."""

from __future__ import annotations

from sqlalchemy import Connection, select, text, update

from tokenworks.clock import Clock, Dice
from tokenworks.limits import IDEMPOTENCY_KEEP_S
from tokenworks.store import schema
from tokenworks.store.database import Database
from tokenworks.store.rows import insert_for
from tokenworks.store.scribe import Scribe
from tokenworks.store.shapes import BooksFacts, Claim

SEED_BYTES = 16


def found_books(conn: Connection, clock: Clock, dice: Dice) -> None:
    """The one row of `books`, made when the database is new: epoch 1 and a pepper of its own."""
    conn.execute(insert_for(conn, schema.books).values(
        id=1, epoch=1, pepper=dice.draw(32), policy_version=1, created_at_ns=clock.now_ns(),
    ).on_conflict_do_nothing())


class SqlMeta:
    """ports.Meta."""

    def __init__(self, database: Database, clock: Clock, dice: Dice, scribe: Scribe) -> None:
        self._database, self._clock, self._dice, self._scribe = database, clock, dice, scribe

    def facts(self) -> BooksFacts:
        """See ports.Meta."""
        return self._database.read(_facts)

    def raise_epoch(self, above: int = 0) -> int:
        """See ports.Meta."""
        return self._database.write(lambda conn: self._raise(conn, above))

    def claim(self, key: str, digest: bytes, now_ns: int) -> Claim:
        """See ports.Meta."""
        seed = self._dice.draw(SEED_BYTES)
        return self._database.write(lambda conn: _claim(conn, (key, digest, seed), now_ns))

    def answer(self, key: str, reply: bytes) -> None:
        """See ports.Meta."""
        query = update(schema.claims).where(schema.claims.c.key == key).values(reply=reply)
        self._database.write(lambda conn: conn.execute(query))

    def _raise(self, conn: Connection, above: int) -> int:
        column = schema.books.c.epoch
        before: int = conn.execute(select(column).with_for_update()).scalar_one()
        epoch = next_epoch(max(before, above), self._clock)
        conn.execute(update(schema.books).values(epoch=epoch))
        self._scribe.tell(conn, ("books", "epoch"), {"epoch": before}, {"epoch": epoch})
        return epoch


def next_epoch(highest: int, clock: Clock) -> int:
    """The time in seconds: never that of another restoration, of which restored books know nothing. Above `highest`
    even where the clock was set back."""
    return max(highest + 1, clock.now_ns() // 1_000_000_000)


def _facts(conn: Connection) -> BooksFacts:
    row = conn.execute(select(schema.books)).one()
    revision = conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return BooksFacts(row.epoch, row.pepper, row.policy_version, row.created_at_ns, revision)


def _claim(conn: Connection, claimed: tuple[str, bytes, bytes], now_ns: int) -> Claim:
    key, digest, seed = claimed
    table = schema.claims
    conn.execute(table.delete().where(table.c.at_ns < now_ns - IDEMPOTENCY_KEEP_S * 1_000_000_000))
    values = {"key": key, "digest": digest, "seed": seed, "at_ns": now_ns}
    conn.execute(insert_for(conn, table).values(values).on_conflict_do_nothing())
    row = conn.execute(select(table).where(table.c.key == key)).one()
    return Claim(row.seed == seed, row.digest == digest, row.seed, row.reply, row.at_ns)
