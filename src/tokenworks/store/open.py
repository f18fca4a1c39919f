"""Opens the store that a URL names, brought to this version's tables."""

from __future__ import annotations

from tokenworks.clock import Clock, Dice, SystemClock, SystemDice
from tokenworks.store import nouns, schema
from tokenworks.store.bell import LocalBell, PostgresBell
from tokenworks.store.books import SqlBooks
from tokenworks.store.database import Database, open_engine
from tokenworks.store.ledger import SqlLedger
from tokenworks.store.meta import SqlMeta, found_books
from tokenworks.store.migrate import migrate_database
from tokenworks.store.policy import SqlPolicy, SqlShelf
from tokenworks.store.ports import Store
from tokenworks.store.requests import SqlRequests
from tokenworks.store.writers import SqlSuspense, SqlWriters


def open_store(url: str, clock: Clock | None = None, dice: Dice | None = None) -> Store:
    """The store at sqlite:///file or postgresql://user@host/name, migrated.

    Raises ConfigError for another URL, StoreTooNew for a database of a later version, BooksUnreachable.
    """
    dice = dice or SystemDice()
    database = Database(open_engine(url), clock or SystemClock())
    migrate_database(database)
    database.write(lambda conn: found_books(conn, clock or SystemClock(), dice))
    return _assemble(database, dice)


def _assemble(database: Database, dice: Dice) -> Store:
    bell = LocalBell() if database.sqlite else PostgresBell(database)

    def close() -> None:
        bell.close()
        database.close()

    return Store(
        books=SqlBooks(database, bell), writers=SqlWriters(database), suspense=SqlSuspense(database),
        accounts=SqlShelf(database, bell, nouns.ACCOUNT, schema.accounts),
        keys=SqlShelf(database, bell, nouns.KEY, schema.keys),
        models=SqlShelf(database, bell, nouns.MODEL, schema.models),
        deployments=SqlShelf(database, bell, nouns.DEPLOYMENT, schema.deployments),
        cards=SqlShelf(database, bell, nouns.CARD, schema.cards),
        policy=SqlPolicy(database), requests=SqlRequests(database), ledger=SqlLedger(database),
        meta=SqlMeta(database, dice), bell=bell, close=close)
