"""The contract of policy, meta and bell, on all three stores."""

from __future__ import annotations

from threading import Event

import msgspec
import pytest
from tests.store.samples import NOW, SECOND, found_world

from tokenworks.clock import SystemClock
from tokenworks.errors import Conflict, NotFound
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.limits import IDEMPOTENCY_KEEP_S
from tokenworks.store.ports import Store
from tokenworks.store.shapes import AccountRow, Kept, KeyRow
from tokenworks.tariff.card import Price, RateCard

MODEL = Model("tiny", 4096, 1024)
DEPLOYMENT = Deployment("own", "tiny", "http://127.0.0.1:1", "tiny", "llamacpp", ("chat",))


def key_row(number: int, account: str = "acc") -> KeyRow:
    return KeyRow(f"key_{number:06d}", number.to_bytes(32, "big"), account, f"name {number}", "tw_live_ab…cd",
                  models=("tiny",), created_at_ns=NOW)


def test_accounts(store: Store) -> None:
    start = store.policy.version()
    acme = AccountRow("acc_b", "Acme \0 “ü”", "CNY", "retail", parent="acc_a", created_at_ns=NOW, labels={"team": "x"})
    assert store.accounts.add(acme) == start + 1
    assert store.accounts.add(acme) == start + 1, "the same addition again changes nothing"
    assert store.accounts.get("acc_b") == Kept(acme, start + 1)
    with pytest.raises(Conflict):
        store.accounts.add(msgspec.structs.replace(acme, name="Other"))
    closed = msgspec.structs.replace(acme, active=False)
    assert store.accounts.put(closed, start + 1) == start + 2
    assert store.accounts.put(closed, start + 1) == start + 2, "its answer was lost"
    with pytest.raises(Conflict):
        store.accounts.put(acme, start + 1)
    assert store.accounts.put(acme) == start + 3 == store.policy.version()
    with pytest.raises(NotFound):
        store.accounts.get("acc_c")
    with pytest.raises(NotFound):
        store.accounts.put(msgspec.structs.replace(acme, id="acc_c"))
    with pytest.raises(Conflict):
        store.accounts.drop("acc_b")


def test_pages(store: Store) -> None:
    for number in range(7):
        store.keys.add(key_row(number, "acc" if number % 2 else "other"))
    first = store.keys.page(limit=3)
    assert [kept.row.id for kept in first.data] == ["key_000000", "key_000001", "key_000002"]
    second = store.keys.page(first.next_cursor or "", 4)
    assert [kept.row.id for kept in second.data] == [f"key_{number:06d}" for number in range(3, 7)]
    assert second.next_cursor is None
    assert [kept.row.id for kept in store.keys.page(under="acc").data] == ["key_000001", "key_000003", "key_000005"]


def test_key_digests(store: Store) -> None:
    store.keys.add(key_row(1))
    with pytest.raises(Conflict):
        store.keys.add(msgspec.structs.replace(key_row(1), id="key_other"))
    revoked = msgspec.structs.replace(key_row(1), revoked=True)
    version = store.keys.put(revoked)
    assert store.policy.since(version - 1).keys == (revoked.policy,)
    assert store.keys.find(key_row(1).digest).row == revoked
    with pytest.raises(NotFound):
        store.keys.find(b"of no key")


def test_cards(store: Store) -> None:
    first = RateCard("retail", 1, "CNY", NOW, {"*": Price("1", "2", extras={"image": "0.5"})})
    store.cards.add(first)
    assert store.cards.get("retail@1").row == first
    with pytest.raises(Conflict):
        store.cards.add(RateCard("retail", 3, "CNY", NOW, {}))
    with pytest.raises(Conflict):
        store.cards.put(first)
    second = RateCard("retail", 2, "CNY", NOW + SECOND, {"*": Price("2", "3")})
    store.cards.add(second)
    assert [kept.row for kept in store.cards.page(under="retail").data] == [first, second]
    with pytest.raises(Conflict):
        store.cards.drop("retail@1")


def test_increments(store: Store) -> None:
    """Whoever holds a version gets from there to the newest, also over what was dropped and added again."""
    start = store.policy.version()
    store.models.add(MODEL)
    store.deployments.add(DEPLOYMENT)
    store.accounts.add(AccountRow("acc", "A", "CNY", "retail"))
    whole = store.policy.since(0)
    assert (whole.version, whole.models, whole.deployments) == (start + 3, (MODEL,), (DEPLOYMENT,))
    assert whole.accounts[0].id == "acc"
    with pytest.raises(Conflict):
        store.deployments.drop("own", start + 1)
    store.deployments.drop("own", start + 2)
    with pytest.raises(NotFound):
        store.deployments.get("own")
    with pytest.raises(NotFound):
        store.deployments.drop("own")
    step = store.policy.since(start + 3)
    assert (step.after, step.version) == (start + 3, start + 4)
    assert (step.models, step.deployments, step.dropped_deployments) == ((), (), ("own",))
    assert store.policy.since(0).dropped_deployments == ()
    assert store.deployments.page().data == []
    back = msgspec.structs.replace(DEPLOYMENT, enabled=False)
    store.deployments.add(back)
    step = store.policy.since(start + 4)
    assert (step.deployments, step.dropped_deployments) == ((back,), ())
    assert store.policy.since(step.version) == type(step)(step.version, step.version)


def test_facts(store: Store) -> None:
    facts = store.meta.facts()
    assert facts.epoch == 1
    assert len(facts.pepper) == 32
    assert facts.policy_version == store.policy.version()
    now_s = SystemClock().now_ns() // SECOND
    raised = store.meta.raise_epoch()
    assert now_s <= raised == store.meta.facts().epoch < now_s + 60
    assert store.meta.raise_epoch() > raised, "also within one second"
    assert store.meta.raise_epoch(2**40) == 2**40 + 1 == store.meta.facts().epoch, "also where the clock was set back"
    assert store.meta.raise_epoch() == 2**40 + 2


def test_claims(store: Store) -> None:
    first = store.meta.claim("k", b"digest", NOW)
    assert (first.fresh, first.same, first.reply, first.at_ns) == (True, True, None, NOW)
    again = store.meta.claim("k", b"digest", NOW + 5)
    assert (again.fresh, again.same, again.seed, again.at_ns) == (False, True, first.seed, NOW)
    assert not store.meta.claim("k", b"other", NOW).same
    store.meta.answer("k", b"reply")
    assert store.meta.claim("k", b"digest", NOW).reply == b"reply"
    late = store.meta.claim("k", b"other", NOW + IDEMPOTENCY_KEEP_S * SECOND + 1)
    assert (late.fresh, late.reply) == (True, None)
    assert late.seed != first.seed


def test_bell(store: Store) -> None:
    """Heard: a change of policy with its version, a funding with its account, and any ring."""
    heard: list[tuple[str, str]] = []
    done = Event()

    def hear(topic: str, payload: str) -> None:
        heard.append((topic, payload))
        if topic == "last":
            done.set()

    stop = store.bell.listen(hear)
    found_world(store)
    store.bell.ring("recall", "lot0")
    store.bell.ring("last")
    assert done.wait(5)
    version = store.policy.version()
    assert heard == [("policy", str(version - 1)), ("policy", str(version)), ("credit", "acc"), ("recall", "lot0"),
                     ("last", "")]
    stop()
    store.bell.ring("nobody")
    assert len(heard) == 5
