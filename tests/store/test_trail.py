"""The audit trail: every change of an operator's is noted with it, and a note that is touched shows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text
from tests.store.samples import CENT, NOW, WRITER, found_world
from tests.store.test_database import database_of
from tests.store.test_policy import DEPLOYMENT, MODEL, key_row

from tokenworks.errors import Conflict, Invalid, NotFound
from tokenworks.limits import AUDIT_TEXT_CHARS_MAX, AUDIT_VALUE_BYTES_MAX
from tokenworks.store.open import open_store
from tokenworks.store.ports import Store
from tokenworks.store.shapes import AccountRow, Funding, Withdrawal
from tokenworks.store.trail import (
    Actor,
    AuditNote,
    Sealed,
    TrailQuery,
    clip,
    find_break,
    make_note,
    seal_note,
    tell_changes,
)

ADMIN = Actor("admin:0a1b2c3d", "test.act", NOW, "root", "socket", "api_1")


def notes_of(store: Store) -> list[Sealed]:
    return store.trail.page(TrailQuery(limit=500)).data


def changes_of(row: Sealed) -> dict[str, list[object]]:
    found: dict[str, list[object]] = msgspec.json.decode(row.note.changes)
    return found


def test_what_nobody_does_is_not_noted(store: Store) -> None:
    found_world(store)
    store.writers.greet(WRITER, NOW)
    store.writers.mark(WRITER, "lose", NOW)
    assert notes_of(store) == [] and store.trail.head() == (0, b"")


def test_every_change_is_noted(store: Store) -> None:
    acting = store.acting(ADMIN)
    account = AccountRow("acc", "Acme \0 “ü”", "CNY", "retail", labels={"team": "x"})
    version = acting.accounts.add(account)
    acting.accounts.add(account)  # the same again changes nothing, and is not noted
    acting.accounts.put(msgspec.structs.replace(account, active=False, labels={}), version)
    acting.keys.add(key_row(1))
    acting.models.add(MODEL)
    acting.deployments.add(DEPLOYMENT)
    acting.deployments.drop("own")
    acting.books.fund(Funding("lot_1", "acc", "paid", 100 * CENT, NOW, reference="invoice 7"))
    acting.books.fund(Funding("lot_1", "acc", "paid", 100 * CENT, NOW, reference="invoice 7"))
    acting.books.withdraw(Withdrawal("ent_1", "lot_1", "refund", NOW, 40 * CENT, "sorry"))
    acting.writers.greet(WRITER, NOW)
    acting.writers.mark(WRITER, "forget", NOW)
    acting.meta.raise_epoch()
    rows = notes_of(store)[::-1]
    assert [(row.note.noun, row.note.id) for row in rows] == [
        ("account", "acc"), ("account", "acc"), ("key", "key_000001"), ("model", "tiny"), ("deployment", "own"),
        ("deployment", "own"), ("lot", "lot_1"), ("lot", "lot_1"), ("gateway", WRITER), ("books", "epoch")]
    assert [row.number for row in rows] == list(range(1, 11))
    assert {(row.note.actor, row.note.action, row.note.login, row.note.request, row.note.outcome) for row in rows} == \
        {("admin:0a1b2c3d", "test.act", "root", "api_1", "done")}
    assert changes_of(rows[1]) == {"active": [True, False], "labels": [{"team": "x"}, {}]}
    assert changes_of(rows[0])["name"] == [None, "Acme \0 “ü”"]
    assert "digest" not in changes_of(rows[2]) and changes_of(rows[2])["masked"] == [None, "tw_live_ab…cd"]
    assert changes_of(rows[5])["url"] == ["http://127.0.0.1:1", None]
    assert changes_of(rows[6])["credited"] == [None, "1.00 CNY"]
    assert changes_of(rows[7]) == {"refunded": ["", "0.40 CNY"]}
    assert changes_of(rows[8]) == {"state": ["live", "forgotten"]}
    assert find_break(store.trail.head(), notes_of(store)) is None


def test_a_change_that_is_refused_leaves_no_note(store: Store) -> None:
    acting = store.acting(ADMIN)
    acting.models.add(MODEL)
    with pytest.raises(Conflict):
        acting.models.add(msgspec.structs.replace(MODEL, vendor="other"))
    with pytest.raises(NotFound):
        acting.books.fund(Funding("lot_1", "nobody", "paid", 1, NOW))
    assert len(notes_of(store)) == 1


def test_pages_and_filters(store: Store) -> None:
    for number in range(5):
        store.trail.add(AuditNote(NOW + number, "admin", "a" if number % 2 else "b", "account", f"acc{number}", "why",
                                  outcome="refused", request=f"r{number}"))
    first = store.trail.page(TrailQuery(limit=2))
    assert [row.number for row in first.data] == [5, 4] and first.next_cursor == "4"
    rest = store.trail.page(TrailQuery(cursor="4", limit=5))
    assert ([row.number for row in rest.data], rest.next_cursor) == ([3, 2, 1], None)
    for query, numbers in ((TrailQuery(action="a"), [4, 2]), (TrailQuery(id="acc2"), [3]),
                           (TrailQuery(noun="key"), []), (TrailQuery(outcome="done"), []),
                           (TrailQuery(request="r4", actor="admin"), [5]),
                           (TrailQuery(since_ns=NOW + 1, until_ns=NOW + 3), [3, 2]),
                           (TrailQuery(action="b", cursor="5", limit=1), [3])):
        assert [row.number for row in store.trail.page(query).data] == numbers, query
    assert store.trail.get(2).note.id == "acc1"
    for missing in (0, 6):
        with pytest.raises(NotFound):
            store.trail.get(missing)
    with pytest.raises(Invalid):
        store.trail.page(TrailQuery(cursor="not a cursor"))


@pytest.mark.parametrize("statement", ["UPDATE notes SET actor = 'nobody'", "DELETE FROM notes"])
def test_notes_only_grow(database_url: str, statement: str) -> None:
    store = open_store(database_url)
    store.acting(ADMIN).models.add(MODEL)
    with pytest.raises(Exception, match="only grows"):
        database_of(store).write(lambda conn: conn.execute(text(statement)))
    assert len(notes_of(store)) == 1
    store.close()


def test_notes_of_before_the_chain(tmp_path: Path, sqlite_template: Path) -> None:
    """A database whose notes were written by the version before keeps them; the chain begins behind them."""
    path = tmp_path / "old.db"
    path.write_bytes(sqlite_template.read_bytes())
    store = open_store(f"sqlite:///{path}")
    database = database_of(store)
    database.write(lambda conn: [conn.execute(text(line)) for line in (
        "INSERT INTO notes (id, at_ns, actor, action, noun, noun_id) VALUES (1, 5, 'admin', 'forget', 'gateway', 'h')",
        "UPDATE trail SET number = 1")])
    store.acting(ADMIN).models.add(MODEL)
    assert [row.number for row in notes_of(store)] == [2, 1]
    assert find_break(store.trail.head(), notes_of(store)) is None
    store.close()


CHAIN = st.lists(st.builds(AuditNote, st.integers(0, 2**62), st.text(max_size=3), st.text(max_size=3),
                           st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=8)


def chain_of(notes: list[AuditNote]) -> list[Sealed]:
    """Newest first."""
    rows: list[Sealed] = []
    for note in notes:
        rows.insert(0, seal_note(len(rows) + 1, note, rows[0].digest if rows else b""))
    return rows


@given(CHAIN, st.data())
def test_whatever_is_done_to_a_chain_shows(notes: list[AuditNote], data: st.DataObject) -> None:
    rows = chain_of(notes)
    head = (rows[0].number, rows[0].digest)
    assert find_break(head, rows) is None
    at = data.draw(st.integers(0, len(rows) - 1))
    changed = msgspec.structs.replace(rows[at], note=msgspec.structs.replace(rows[at].note, actor="somebody else"))
    forged = seal_note(rows[at].number, changed.note, rows[at + 1].digest if at + 1 < len(rows) else b"")
    for wrong in ([*rows[:at], *rows[at + 1:]], [*rows[:at], changed, *rows[at + 1:]],
                  [*rows[:at], forged, *rows[at + 1:]], [*rows[:at], rows[at], *rows[at:]],
                  [msgspec.structs.replace(row, digest=b"") if row is rows[at] else row for row in rows]):
        assert find_break(head, wrong) is not None


def test_what_is_told_of_a_change() -> None:
    assert tell_changes({"a": 1, "b": ""}, {"a": 1, "b": None}) == "{}"
    assert tell_changes(None, {"a": "x", "digest": "secret", "flag": False}) == '{"a":[null,"x"]}'
    long = "x" * AUDIT_VALUE_BYTES_MAX
    assert len(tell_changes({"a": ""}, {"a": long})) < 200


def test_texts_that_a_database_refuses() -> None:
    note = make_note(msgspec.structs.replace(ADMIN, login="a\0b\ud800"), "account", "x" * 5000)
    assert note.login == "a\\0b?" and len(note.id) == AUDIT_TEXT_CHARS_MAX
    assert clip("plain") == "plain"


def test_many_at_once(store: Store) -> None:
    """Whoever changes something at the same time stands in one chain without gaps."""
    found_world(store)

    def work(number: int) -> None:
        acting = store.acting(msgspec.structs.replace(ADMIN, name=f"admin:{number}"))
        for count in range(5):
            acting.books.fund(Funding(f"lot_{number}_{count}", "acc", "granted", CENT, NOW))
            acting.accounts.add(AccountRow(f"acc_{number}_{count}", "A", "CNY", "retail"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    rows = notes_of(store)
    assert [row.number for row in rows] == list(range(60, 0, -1))
    assert find_break(store.trail.head(), rows) is None
    assert {row.note.id for row in rows if row.note.noun == "lot"} == {
        f"lot_{number}_{count}" for number in range(6) for count in range(5)}


def test_a_change_that_fails_takes_its_note_along(database_url: str) -> None:
    """One transaction: what breaks at its end has left neither."""
    store = open_store(database_url)
    engine = database_of(store).engine

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    event.listen(engine, "commit", crash)
    with pytest.raises(KeyboardInterrupt):
        store.acting(ADMIN).models.add(MODEL)
    event.remove(engine, "commit", crash)
    assert notes_of(store) == [] and store.models.page().data == []
    store.acting(ADMIN).models.add(MODEL)
    assert [row.number for row in notes_of(store)] == [1]
    store.close()
