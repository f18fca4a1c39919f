"""Opens the store that a URL names, brought to this version's tables."""

from __future__ import annotations

from tokenworks.clock import Clock, Dice, SystemClock, SystemDice
from tokenworks.store import nouns, schema
from tokenworks.store.bell import AnyBell, LocalBell, PostgresBell
from tokenworks.store.books import SqlBooks
from tokenworks.store.database import Database, open_engine
from tokenworks.store.ledger import SqlLedger
from tokenworks.store.meta import SqlMeta, found_books
from tokenworks.store.metering import SqlMetering
from tokenworks.store.migrate import migrate_database
from tokenworks.store.policy import SqlKeys, SqlPolicy, SqlSecrets, SqlShelf
from tokenworks.store.ports import Store
from tokenworks.store.requests import SqlRequests
from tokenworks.store.scribe import Scribe, SqlTrail
from tokenworks.store.trail import Actor
from tokenworks.store.writers import SqlSuspense, SqlWriters


def open_store(url: str, clock: Clock | None = None, dice: Dice | None = None) -> Store:
    """The store at sqlite:///file or postgresql://user@host/name, migrated.

    Raises ConfigError for another URL, StoreTooNew for a database of a later version, BooksUnreachable.
    """
    dice = dice or SystemDice()
    clock = clock or SystemClock()
    database = Database(open_engine(url), clock)
    migrate_database(database)
    database.write(lambda conn: found_books(conn, clock, dice))
    bell = LocalBell() if database.sqlite else PostgresBell(database)
    return _assemble(database, (clock, dice), bell, Scribe())


def _assemble(database: Database, chance: tuple[Clock, Dice], bell: AnyBell, scribe: Scribe) -> Store:
    def acting(actor: Actor) -> Store:
        return _assemble(database, chance, bell, Scribe(actor))

    def close() -> None:
        bell.close()
        database.close()

    return Store(
        books=SqlBooks(database, bell, scribe), writers=SqlWriters(database, scribe),
        suspense=SqlSuspense(database, scribe),
        accounts=SqlShelf(database, bell, nouns.ACCOUNT, schema.accounts, scribe),
        keys=SqlKeys(database, bell, nouns.KEY, schema.keys, scribe),
        models=SqlShelf(database, bell, nouns.MODEL, schema.models, scribe),
        deployments=SqlShelf(database, bell, nouns.DEPLOYMENT, schema.deployments, scribe),
        cards=SqlShelf(database, bell, nouns.CARD, schema.cards, scribe),
        secrets=SqlSecrets(database, bell, nouns.SECRET, schema.secrets, scribe),
        policy=SqlPolicy(database), requests=SqlRequests(database), ledger=SqlLedger(database),
        metering=SqlMetering(database), meta=SqlMeta(database, *chance, scribe), trail=SqlTrail(database), bell=bell,
        close=close, acting=acting)
