"""Admission as tables: who is refused with what, in which order, and with which reasons."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tokenworks.admission.admit import Admitted, Caller, Denied, admit_key, admit_request
from tokenworks.admission.offer import Offer, make_offer
from tokenworks.credit.policy import Account, Endpoint, Key
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.refusals import Refusal
from tokenworks.wire.request import RequestFacts, read_request

NOW = 1_000
ACCOUNTS = {"acc": Account("acc", "A", "CNY", "std"), "shut": Account("shut", "B", "CNY", "std", active=False)}
KEYS = {key.digest: key for key in (
    Key(b"good", "key_1", "acc"), Key(b"revoked", "key_2", "acc", revoked=True), Key(b"past", "key_3", "acc", NOW),
    Key(b"future", "key_4", "acc", NOW + 1), Key(b"shut", "key_5", "shut"), Key(b"lost", "key_6", "nobody"),
    Key(b"both", "key_7", "shut", NOW, True),
)}
CALLER = Caller(KEYS[b"good"], ACCOUNTS["acc"])
MODEL = Model("m", 4096, 1024)
SMALL = Model("small", 100, 1024)


@pytest.mark.parametrize(("digest", "refusal"), [
    (None, Refusal.KEY_MISSING), (b"nonsense", Refusal.KEY_UNKNOWN), (b"revoked", Refusal.KEY_REVOKED),
    (b"past", Refusal.KEY_EXPIRED), (b"shut", Refusal.ACCOUNT_INACTIVE), (b"lost", Refusal.ACCOUNT_INACTIVE),
    (b"both", Refusal.KEY_REVOKED), (b"good", None), (b"future", None),
])
def test_keys(digest: bytes | None, refusal: Refusal | None) -> None:
    found = admit_key(digest, KEYS, ACCOUNTS, NOW)
    if refusal is None:
        assert digest is not None and found == Caller(KEYS[digest], ACCOUNTS["acc"])
    else:
        assert isinstance(found, Denied) and found.refusal is refusal


def offer(name: str = "d", model: Model = MODEL, **row: Any) -> Offer:
    fields = {"engine": "openai", "dialects": ("chat",), **row}
    return make_offer(Endpoint(Deployment(name, model.id, "https://up.example", "theirs", **fields)), model)


def decide(
    *offers: Offer, dialect: Dialect = "chat", caller: Caller = CALLER, priced: tuple[str, ...] = (), **fields: Any
) -> Admitted | Denied:
    asked = "prompt" if dialect == "completions" else "messages" if dialect in ("chat", "messages") else "input"
    body = {"model": "m", asked: [{"role": "user", "content": "hi"}] if asked == "messages" else "hi", **fields}
    facts = read_request(dialect, json.dumps(body).encode())
    assert isinstance(facts, RequestFacts), facts
    return admit_request(facts, caller, {"m": MODEL, "small": SMALL}, {"m": offers, "small": offers}, priced)


def test_admitted() -> None:
    one, other = offer("a"), offer("b")
    found = decide(one, other, max_tokens=50)
    assert isinstance(found, Admitted)
    assert (found.caller, found.model, found.offers, found.output_max) == (CALLER, MODEL, (one, other), 50)
    assert found.why == {"model": "m", "candidates": 2}


@pytest.mark.parametrize(("dialect", "fields", "most"), [
    ("chat", {}, 1024), ("chat", {"max_tokens": 5000}, 1024), ("chat", {"max_tokens": 0}, 1),
    ("chat", {"model": "small"}, 100), ("embeddings", {}, 0),
])
def test_output_bound(dialect: Dialect, fields: dict[str, Any], most: int) -> None:
    found = decide(offer(dialects=(dialect,)), dialect=dialect, **fields)
    assert isinstance(found, Admitted) and found.output_max == most


LIMITED = Caller(Key(b"x", "key_8", "acc", models=("small",)), ACCOUNTS["acc"])


@pytest.mark.parametrize(("offers", "more", "refusal", "words"), [
    ((offer(),), {"model": "nonsense"}, Refusal.MODEL_UNKNOWN, "'nonsense'"),
    ((offer(),), {"model": "x" * 999}, Refusal.MODEL_UNKNOWN, "..."),
    ((offer(),), {"model": "smal"}, Refusal.MODEL_UNKNOWN, "Did you mean 'small'? List"),
    ((), {"model": "smal"}, Refusal.MODEL_UNKNOWN, "'smal'. List"),  # nobody may serve it
    ((offer(),), {"model": "mm"}, Refusal.MODEL_UNKNOWN, "Did you mean 'm'?"),
    ((offer(),), {"caller": LIMITED, "model": "mm"}, Refusal.MODEL_UNKNOWN, "'mm'. List"),  # not for this key
    ((offer(),), {"caller": LIMITED}, Refusal.MODEL_NOT_ALLOWED, ""),
    ((offer(),), {"caller": LIMITED, "model": "nonsense"}, Refusal.MODEL_UNKNOWN, "nonsense"),
    ((), {}, Refusal.NO_CAPACITY, ""), ((offer(enabled=False),), {}, Refusal.NO_CAPACITY, ""),
    ((offer(dialects=("embeddings",)),), {}, Refusal.DIALECT_UNSUPPORTED, "Use /v1/embeddings."),
    ((offer(),), {"dialect": "embeddings"}, Refusal.DIALECT_UNSUPPORTED,
     "Use /v1/chat/completions or /v1/completions or /v1/responses or /v1/messages."),
    ((offer("a", enabled=False), offer("b")), {"dialect": "embeddings"}, Refusal.DIALECT_UNSUPPORTED, "'m'"),
    ((offer(engine="vllm", own=True, dialects=("messages",)),), {"dialect": "messages", "max_tokens": 9},
     Refusal.DIALECT_UNSUPPORTED, "'m'"),
    ((offer(),), {"service_tier": "priority"}, Refusal.FEATURE_UNSUPPORTED, "service_tier"),
    ((offer("a", dialects=("responses",)), offer("b")), {"deferred": True}, Refusal.FEATURE_UNSUPPORTED, "deferred"),
    ((offer(),), {"Service_tier": "priority"}, Refusal.FIELD_INVALID, "service_tier"),
    ((offer(own=True),), {"frobnicate": 1}, Refusal.FEATURE_UNSUPPORTED, "frobnicate"),
    ((offer(dialects=("completions",)),), {"dialect": "completions", "prompt": [1] * 4097}, Refusal.CONTEXT_TOO_LONG,
     "4096 tokens. However, your messages resulted in 4097"),
])
def test_denied(offers: tuple[Offer, ...], more: dict[str, Any], refusal: Refusal, words: str) -> None:
    found = decide(*offers, **more)
    assert isinstance(found, Denied) and found.refusal is refusal
    assert words in found.message and len(found.message) < 300


def test_only_who_can_serves() -> None:
    """A deployment that may not be asked is passed over, with the reason, while another may."""
    own, bought = offer("own", own=True, engine="vllm"), offer("bought")
    found = decide(own, bought, offer("off", enabled=False), frobnicate=1)
    assert isinstance(found, Admitted) and found.offers == (bought,)
    assert found.why["candidates"] == 1 and found.why["passed over off"] == "switched off"
    assert "frobnicate" in str(found.why["passed over own"])


def test_priced_extras() -> None:
    maker, tools = offer(engine="anthropic", dialects=("messages",)), [{"type": "web_search_20260318", "name": "s"}]
    found = decide(maker, dialect="messages", max_tokens=9, tools=tools, tool_choice={"type": "any"})
    assert isinstance(found, Denied) and found.refusal is Refusal.FEATURE_UNSUPPORTED and found.param == "tools"
    assert isinstance(decide(maker, dialect="messages", max_tokens=9, tools=tools, priced=("searches",)), Admitted)
