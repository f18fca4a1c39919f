"""The contract of the shelf of sealed secrets, on all three stores."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import select
from tests.store.samples import NOW

from tokenworks.errors import Conflict, NotFound
from tokenworks.store import schema
from tokenworks.store.ports import Store
from tokenworks.store.shapes import Kept, SecretRow
from tokenworks.store.trail import Actor, TrailQuery

ROW = SecretRow("openai", "https://api.openai.com", "aabbccdd", b"n" * 12, b"\x00\xff sealed", NOW, NOW)


def others(row: SecretRow, key: str) -> SecretRow:
    return msgspec.structs.replace(row, key_id=key, nonce=b"m" * 12, sealed=b"other")


def test_a_row(store: Store) -> None:
    version = store.secrets.add(ROW)
    assert store.secrets.get("openai") == Kept(ROW, version)
    changed = msgspec.structs.replace(ROW, sealed=b"new", changed_at_ns=NOW + 1)
    assert store.secrets.put(changed, version) == version + 1
    assert store.secrets.page().data == [Kept(changed, version + 1)]
    with pytest.raises(Conflict):
        store.secrets.put(ROW, version)
    assert store.policy.since(0).deployments == (), "nothing of it is in the policy that gateways get"
    store.secrets.drop("openai", version + 1)
    with pytest.raises(NotFound):
        store.secrets.get("openai")
    assert store.secrets.page().data == []


def test_what_was_removed_is_erased(store: Store) -> None:
    store.secrets.add(ROW)
    store.secrets.drop("openai")
    database = vars(store.secrets).get("_database")
    if database is not None:
        with database.engine.connect() as conn:
            assert conn.execute(select(schema.secrets.c.row)).scalar_one() == ""
    store.secrets.add(ROW)
    assert store.secrets.get("openai").row == ROW


def test_all_are_sealed_anew_or_none(store: Store) -> None:
    second = msgspec.structs.replace(ROW, id="zhipu", host="")
    kept = [Kept(row, store.secrets.add(row)) for row in (ROW, second)]
    anew = [Kept(others(one.row, "11223344"), one.version) for one in kept]
    with pytest.raises(Conflict, match="zhipu"):
        store.secrets.reseal(anew[:1])
    stale = store.secrets.put(msgspec.structs.replace(second, changed_at_ns=NOW + 5), kept[1].version)
    with pytest.raises(Conflict, match="zhipu"):
        store.secrets.reseal(anew)
    assert [one.row.key_id for one in store.secrets.page().data] == ["aabbccdd", "aabbccdd"], "none was"
    version = store.secrets.reseal([anew[0], Kept(anew[1].row, stale)])
    assert {one.row.key_id for one in store.secrets.page().data} == {"11223344"}
    assert {one.version for one in store.secrets.page().data} == {version} == {store.policy.version()}
    with pytest.raises(Conflict):
        store.secrets.reseal([])


def test_no_secrets_are_sealed_anew(store: Store) -> None:
    assert store.secrets.reseal([]) == store.policy.version()


def test_the_trail_tells_neither_text_nor_seal(store: Store) -> None:
    held = store.acting(Actor("admin:1", "secret.set", NOW))
    version = held.secrets.add(ROW)
    held.secrets.put(msgspec.structs.replace(ROW, sealed=b"new", nonce=b"o" * 12, changed_at_ns=NOW + 1), version)
    notes = store.trail.page(TrailQuery()).data
    assert [(one.note.noun, one.note.id, one.note.action) for one in notes] == [("secret", "openai", "secret.set")] * 2
    for one in notes:
        assert "nonce" not in one.note.changes and "sealed" not in one.note.changes
    assert "changed_at_ns" in notes[0].note.changes
