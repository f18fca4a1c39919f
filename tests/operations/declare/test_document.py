"""From documents to what they declare, and back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.operations.declare.samples import (
    PRICES,
    apply,
    doc,
    export,
    open_desk,
    plan,
    shop,
    told,
)

from tokenworks.clock import FakeClock, SystemClock
from tokenworks.errors import BooksUnreachable, Conflict, Invalid
from tokenworks.fleet.deployment import Deployment
from tokenworks.operations.account import ChangeAccount, change_account
from tokenworks.operations.declare.kinds import KINDS
from tokenworks.operations.declare.live import name_keys
from tokenworks.operations.deployment import ChangeDeployment
from tokenworks.operations.desk import Desk
from tokenworks.operations.document import ApplyDocuments, ExportDocuments, apply_documents, export_documents
from tokenworks.operations.key import CreateKey, OneKey, create_key, revoke_key
from tokenworks.operations.ratecard import SetCard, set_card
from tokenworks.operations.wallet import TopUp, top_up
from tokenworks.store.shapes import AccountRow, KeyRow
from tokenworks.store.trail import Actor, TrailQuery
from tokenworks.tariff.card import Price

FUTURE, LATER = "2099-01-01T00:00:00.000000Z", "2099-02-01T00:00:00.000000Z"


def test_in_an_order_in_which_it_can_be_done() -> None:
    view = plan(open_desk(), shop())
    assert told(view) == [("create", "RateCard", "standard"), ("create", "Model", "m1"), ("create", "Deployment", "d1"),
                          ("create", "Account", "top"), ("create", "Account", "acme"), ("create", "Key", "ci")]


def test_applied_twice_it_does_nothing() -> None:
    desk = open_desk()
    first = apply(desk, shop())
    assert len(first.done) == 6 and first.left == [] and first.keys[0].secret.startswith("tw_live_")
    before = desk.store.policy.version()
    second = apply(desk, shop())
    assert (second.done, second.unchanged, second.keys) == ([], 6, [])
    assert desk.store.policy.version() == before


def test_field_by_field() -> None:
    desk = open_desk()
    apply(desk, shop())
    documents = [doc("Model", "m1", context_tokens=8192, vendor="acme"),
                 doc("Deployment", "d1", model="m1", url="http://127.0.0.2:9", engine="vllm", allow_private=True,
                     enabled=False, secret="env:TOKENWORKS_SECRET_A"),
                 doc("RateCard", "standard", currency="CNY", models={"*": {"input": "5", "output": "16"}, "m": {}})]
    view = plan(desk, documents)
    found = {step.name: {change.field: (change.before, change.after) for change in step.changes}
             for step in view.steps}
    assert found == {
        "m1": {"context_tokens": (4096, 8192), "output_tokens_max": (4096, 8192), "vendor": (None, "acme")},
        "d1": {"url": ("http://127.0.0.1:9", "http://127.0.0.2:9"), "enabled": (True, False),
               "secret": (None, "env:TOKENWORKS_SECRET_A")},
        "standard": {"models.*.input": ("4", "5"), "models.m": (None, {})}} or found
    apply(desk, documents)
    assert plan(desk, documents).steps == []
    assert desk.store.deployments.get("d1").row.secret == "env:TOKENWORKS_SECRET_A"
    assert len(desk.store.cards.page(under="standard").data) == 2


def test_what_is_left_out_has_its_default() -> None:
    desk = open_desk()
    apply(desk, shop())
    change_account(desk, ChangeAccount("acme", active=False, labels={"team": "y"}))
    apply(desk, [doc("Account", "acme", parent="top")])
    row = desk.store.accounts.get("acme").row
    assert row.active and row.labels == {} and row.name == "acme"


def test_what_is_fixed_is_made_again() -> None:
    desk = open_desk()
    apply(desk, shop())
    documents = [doc("Deployment", "d1", model="m1", url="http://127.0.0.1:9", engine="sglang", allow_private=True)]
    assert told(plan(desk, documents)) == [("replace", "Deployment", "d1")]
    apply(desk, documents)
    assert desk.store.deployments.get("d1").row.engine == "sglang"
    assert plan(desk, documents).steps == []


def test_prune() -> None:
    desk = open_desk()
    apply(desk, [*shop(), doc("Model", "m2", context_tokens=5), doc("Account", "old", active=False),
                 doc("Deployment", "d2", model="m2", url="http://127.0.0.1:9", engine="vllm", allow_private=True)])
    keep = [one for one in shop() if one["metadata"]["name"] not in ("ci", "acme")]
    assert plan(desk, keep).steps == []
    view = plan(desk, [*keep, doc("Key", "new", account="top")], prune=True)
    assert told(view) == [("create", "Key", "new"), ("remove", "Key", "ci"), ("remove", "Account", "acme"),
                          ("remove", "Deployment", "d2"), ("remove", "Model", "m2")]
    assert told(plan(desk, keep, prune=True)) == told(view)[2:], "no key is declared: keys stay"
    apply(desk, [*keep, doc("Key", "new", account="top")], prune=True)
    assert plan(desk, [*keep, doc("Key", "new", account="top")], prune=True).steps == []
    assert not desk.store.accounts.get("acme").row.active
    assert [kept.row.id for kept in desk.store.deployments.page().data] == ["d1"]


def test_prune_leaves_what_is_needed() -> None:
    desk = open_desk()
    apply(desk, shop())
    other = doc("Model", "m2", context_tokens=5)
    (fault,) = plan(desk, [other], prune=True).faults
    assert fault.document == -1 and "Deployment d1 needs it" in fault.message
    (fault,) = plan(desk, [other, shop()[2]], prune=True).faults
    assert fault.document == 1 and "would take Model m1 away" in fault.message
    moved = doc("Deployment", "d1", model="m2", url="http://127.0.0.1:9", engine="vllm", allow_private=True)
    assert told(plan(desk, [other, moved], prune=True)) == [
        ("create", "Model", "m2"), ("replace", "Deployment", "d1"), ("remove", "Model", "m1")]
    apply(desk, [other, moved], prune=True)


def test_cards_are_not_pruned() -> None:
    desk = open_desk()
    apply(desk, shop())
    assert plan(desk, [doc("RateCard", "other", currency="CNY", models=PRICES)], prune=True).steps[0].name == "other"
    assert len(plan(desk, [doc("RateCard", "other", currency="CNY", models=PRICES)], prune=True).steps) == 1


def test_when_a_card_takes_over() -> None:
    clock = FakeClock()
    desk = open_desk(clock)
    card = doc("RateCard", "c", currency="CNY", models=PRICES, effective_from="2001-01-01T00:00:00Z")
    apply(desk, [card])
    assert desk.store.cards.get("c@1").row.effective_from_ns == 978_307_200 * 10**9, "a new card keeps a past start"
    card["spec"]["models"] = {"*": {"input": "5"}}
    apply(desk, [card])
    second = desk.store.cards.get("c@2").row
    assert second.effective_from_ns == clock.now_ns(), "new prices do not reach back"
    assert plan(desk, [card]).steps == []
    card["spec"] |= {"models": {"*": {"input": "6"}}, "effective_from": FUTURE}
    (step,) = plan(desk, [card]).steps
    assert {change.field for change in step.changes} == {"models.*.input", "effective_from"}
    apply(desk, [card])
    assert plan(desk, [card]).steps == []
    card["spec"]["effective_from"] = LATER
    assert len(plan(desk, [card]).steps) == 1
    clock.advance(100 * 365 * 24 * 3600 * 10**9)
    assert plan(desk, [card]).steps == [], "its time has come, whichever it was"


def test_round_trip() -> None:
    desk = open_desk()
    apply(desk, shop())
    set_card(desk, SetCard("standard", "CNY", {"m.5": Price(input="1", extras={"search": "3"})}, LATER))
    set_card(desk, SetCard("standard", "CNY", {"m.5": Price(input="2", cache_read="0.2")}, FUTURE))
    for name in ("ci", "", "", "ci-2"):
        create_key(desk, CreateKey("acme", name))
    revoke_key(desk, OneKey(create_key(desk, CreateKey("acme", "gone")).id))
    apply(desk, [doc("Account", "closed", active=False, crash="waive")])
    found = export(desk)
    assert [one["metadata"]["name"] for one in found if one["kind"] == "Key"] == [
        "ci", "ci-2", "ci-3", "unnamed", "unnamed-2"]
    assert plan(desk, found, prune=True).steps == []
    other = open_desk()
    apply(other, found)
    assert export(other) == found
    assert [kept.row.ref for kept in other.store.cards.page().data] == ["standard@1", "standard@2", "standard@3"]
    assert other.store.cards.get("standard@3").row == desk.store.cards.get("standard@3").row


def test_keys_that_have_ended_are_not_exported() -> None:
    clock = FakeClock()
    desk = open_desk(clock)
    apply(desk, shop())
    create_key(desk, CreateKey("acme", "short", expires_at=FUTURE))
    clock.advance(100 * 365 * 24 * 3600 * 10**9)
    found = export(desk, "key")
    assert [one["metadata"]["name"] for one in found] == ["ci"]
    assert plan(desk, found, prune=True).steps == []


def test_export_by_kind() -> None:
    desk = open_desk()
    apply(desk, shop())
    assert {one["kind"] for one in export(desk, "models, rate-card,Deployment")} == {"Model", "RateCard", "Deployment"}
    assert len(export(desk)) == 6
    with pytest.raises(Invalid, match="Did you mean Model"):
        export(desk, "modle")


def test_no_secret_and_no_money_is_exported() -> None:
    desk = open_desk()
    secret = apply(desk, shop()).keys[0].secret
    top_up(desk, TopUp("acme", "1234.56"))
    text = str(export(desk))
    assert secret not in text and "1234" not in text and "digest" not in text and "masked" not in text
    assert plan(desk, export(desk), prune=True).steps == []
    assert desk.store.ledger.lots("acme").data[0].available_minor == 1234_56 * 10**7


def test_names_of_keys() -> None:
    rows = [KeyRow(f"key_{number}", bytes([number]), account, name) for number, (account, name) in enumerate([
        ("a", "x"), ("a", "x"), ("a", "x-2"), ("b", "x"), ("a", ""), ("a", "unnamed"), ("a", "")])]
    names = name_keys(rows)
    assert list(names.values()) == ["x", "x-3", "x-2", "x", "unnamed-2", "unnamed", "unnamed-3"]
    again = [KeyRow(row.id, row.digest, row.account, names[row.id]) for row in rows]
    assert name_keys(again) == names


# --- on the way ---


def test_another_plan_than_the_one_that_was_agreed_to() -> None:
    desk = open_desk()
    apply(desk, shop())
    documents = [doc("Model", "m1", context_tokens=100)]
    digest = plan(desk, documents).digest
    apply(desk, [doc("Model", "m1", context_tokens=200)])
    with pytest.raises(Conflict, match="Plan again"):
        apply_documents(desk, ApplyDocuments(documents, digest=digest))
    assert desk.store.models.get("m1").row.context_tokens == 200
    assert apply_documents(desk, ApplyDocuments(documents, digest=plan(desk, documents).digest)).complete


class Meddler:
    """Changes an account between the plan and its step, as another operator would."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.models = desk, desk.store.models

    def put(self, row: object, if_version: int = 0) -> int:
        version = self.models.put(row, if_version)  # type: ignore[arg-type]
        accounts = self.desk.store.accounts
        accounts.put(AccountRow("acme", "Meddled", "CNY", "standard", parent="top"))
        return version

    def __getattr__(self, name: str) -> object:
        return getattr(self.models, name)


def test_somebody_else_comes_between() -> None:
    """It stops where the change is, says what was done and what was not, and goes on when it is applied again."""
    desk = open_desk()
    apply(desk, shop())
    documents = [doc("Model", "m1", context_tokens=100), doc("Account", "acme", parent="top", labels={"whose": "ours"}),
                 doc("Key", "new", account="acme")]
    store = desk.store._replace(models=Meddler(desk))
    applied = apply_documents(desk._replace(store=store), ApplyDocuments(documents))
    assert not applied.complete and "has changed since" in applied.stopped
    assert [step.name for step in applied.done] == ["m1"]
    assert [step.name for step in applied.left] == ["acme", "new"]
    assert desk.store.accounts.get("acme").row.name == "Meddled"
    assert [step.name for step in apply(desk, documents).done] == ["acme", "new"]
    assert desk.store.accounts.get("acme").row.labels == {"whose": "ours"}


def test_the_books_go_away_on_the_way() -> None:
    """What was made with a secret is not lost with them."""
    desk = open_desk()
    apply(desk, [one for one in shop() if one["kind"] != "Key"])
    calls = 0

    def away(_row: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise BooksUnreachable("gone")
        return desk.store.keys.add(_row)  # type: ignore[arg-type]

    class Keys:
        add = staticmethod(away)
        page = desk.store.keys.page

    class Trail:
        def add(self, _note: object) -> None:
            raise BooksUnreachable("gone")

    away_store = desk.store._replace(keys=Keys(), trail=Trail(), acting=lambda _actor: away_store)
    away_desk = desk._replace(store=away_store, actor=Actor("admin:1", "document.apply", 5))
    keys = [doc("Key", "k1", account="acme"), doc("Key", "k2", account="acme")]
    applied = apply_documents(away_desk, ApplyDocuments(keys))
    assert not applied.complete and [key.name for key in applied.keys] == ["k1"]
    assert [key.name for key in apply(desk, keys).keys] == ["k2"]


def test_two_at_once_make_one_of_each() -> None:
    desk = open_desk()
    apply(desk, [one for one in shop() if one["kind"] != "Key"])
    keys = [doc("Key", f"k{number}", account="acme") for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        made = [len(applied.keys) for applied in pool.map(lambda _: apply(desk, keys), range(4))]
    assert sorted(made) == [0, 0, 0, 20]


def test_every_step_is_in_the_trail() -> None:
    desk = open_desk(SystemClock()).acting(Actor("admin:1", "document.apply", 5, request="api_1"))
    apply(desk, shop())
    notes = [row.note for row in desk.store.trail.page(TrailQuery()).data][::-1]
    assert [note.action for note in notes] == ["rate-card.set", "model.set", "deployment.add", "account.create",
                                               "account.create", "key.create"]
    assert {(note.actor, note.request, note.detail) for note in notes} == {("admin:1", "api_1", "document.apply")}


# --- what the table promises ---


def test_specs_have_what_operations_take() -> None:
    """A field that an operation learns can be declared, too; and what is declared can be changed or is fixed."""
    changes = {"Deployment": ChangeDeployment, "Account": ChangeAccount}
    for name, kind in KINDS.items():
        fields = set(kind.fields())
        assert set(kind.takes.__struct_fields__) - set(kind.own) <= fields
        assert {field for field, _ in kind.links} | set(kind.fixed) | set(kind.always) <= fields
        if name in changes:
            assert fields - set(kind.fixed) <= set(changes[name].__struct_fields__), name
    rows = {"Deployment": Deployment, "Account": AccountRow}
    for name, row in rows.items():
        assert set(KINDS[name].fields()) - {"currency"} <= set(row.__struct_fields__)


def test_export_takes_words_as_people_write_them() -> None:
    desk = open_desk()
    apply(desk, shop())
    assert len(export_documents(desk, ExportDocuments("RATE_CARDS,key")).data) == 2


def test_a_call_that_is_repeated_makes_new_ids() -> None:
    """It died after its first key, and is called again under its Idempotency-Key: with the same time and dice."""
    desk = open_desk()
    apply(desk, [one for one in shop() if one["kind"] != "Key"])
    keys = [doc("Key", "k1", account="acme"), doc("Key", "k2", account="acme")]
    apply(desk.repeat(5, b"seed"), keys[:1])
    assert [key.name for key in apply(desk.repeat(5, b"seed"), keys).keys] == ["k2"]


def test_a_secret_in_the_wrong_place_is_not_told() -> None:
    wrong = doc("Deployment", "d", model="m", url="https://x", engine="openai", secret={"key": "sk-live"})
    assert "sk-live" not in str(plan(open_desk(), [wrong]).faults)
