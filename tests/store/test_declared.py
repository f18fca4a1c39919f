"""Documents over every kind of store: applied, changed, pruned, with every step on the trail."""

from __future__ import annotations

from tests.operations.declare.samples import apply, doc, export, plan, shop

from tokenworks.clock import SystemClock, SystemDice
from tokenworks.operations.desk import Desk
from tokenworks.operations.secret import SecretBook
from tokenworks.store.ports import Store
from tokenworks.store.trail import Actor, TrailQuery, find_break


def test_declared_changed_and_pruned(store: Store) -> None:
    clock, dice = SystemClock(), SystemDice()
    desk = Desk(store, SecretBook({}), clock, dice, dice).acting(Actor("admin:1", "document.apply", clock.now_ns()))
    apply(desk, shop())
    found = export(desk)
    assert plan(desk, found, prune=True).steps == []
    changed = [one for one in shop() if one["kind"] not in ("Key", "Deployment")]
    changed += [doc("Deployment", "d2", model="m1", url="http://127.0.0.1:8", engine="vllm", allow_private=True),
                doc("Key", "ci", account="top")]
    assert len(apply(desk, changed, prune=True).done) == 4
    assert plan(desk, changed, prune=True).steps == []
    apply(desk, found, prune=True)
    assert [one for one in export(desk) if one["kind"] != "Key"] == [one for one in found if one["kind"] != "Key"]
    rows = store.trail.page(TrailQuery(limit=500)).data
    assert len(rows) == 6 + 4 + 4 and {row.note.detail for row in rows} == {"document.apply"}
    assert find_break(store.trail.head(), rows) is None
