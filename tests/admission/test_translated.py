"""Who serves in another dialect: the own dialect first, each target translated once, refusals in the own words."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.admission.test_admit import MODEL, decide, offer

from tokenworks.admission import translated
from tokenworks.admission.admit import Admitted, Denied
from tokenworks.admission.translated import find_others, speaks
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.prompt.translate import Translated
from tokenworks.wire.prompt.vocabulary import Target
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import RequestFacts, read_request


class Translator:
    """Stands in for the translation: every request becomes a small one, or what `refused` says of the dialect."""

    def __init__(self) -> None:
        self.asked: list[tuple[Dialect, Target]] = []
        self.refused: dict[Dialect, Malformed] = {}
        self.members: dict[str, Any] = {}

    def __call__(self, facts: RequestFacts, to: Dialect, target: Target) -> Translated | Malformed:
        self.asked.append((to, target))
        if to in self.refused:
            return self.refused[to]
        body: dict[str, Any] = {"model": facts.model, "max_tokens": 9, **self.members}
        if to == "responses":
            del body["max_tokens"]
        body["input" if to == "responses" else "messages"] = [{"role": "user", "content": "hi", **self.members}]
        data = json.dumps(body).encode()
        found = read_request(to, data)
        assert isinstance(found, RequestFacts), found
        return Translated(data, found, ("metadata: dropped",), Asked(facts.model))


@pytest.fixture
def translator(monkeypatch: pytest.MonkeyPatch) -> Translator:
    made = Translator()
    monkeypatch.setattr(translated, "translate", made)
    return made


def test_own_dialect_first(translator: Translator) -> None:
    """Who speaks as the client does serves it; the others wait until he cannot."""
    found = decide(offer("a", dialects=("messages",)), offer("b"))
    assert isinstance(found, Admitted) and [one.deployment.id for one in found.offers] == ["b"]
    assert not found.told and not translator.asked
    assert found.why["passed over a"] == "does not speak chat"


def test_others_serve(translator: Translator) -> None:
    """One translation for deployments that would be asked the same."""
    found = decide(offer("a", dialects=("messages",)), offer("b", dialects=("messages", "responses")),
                   offer("c", dialects=("messages",)), offer("e", dialects=("embeddings",)),
                   offer("f", dialects=("messages",), enabled=False), max_tokens=50)
    assert isinstance(found, Admitted) and [one.deployment.id for one in found.offers] == ["a", "b", "c"]
    assert {name: told.facts.dialect for name, told in found.told.items()} == {
        "a": "messages", "b": "responses", "c": "messages"}
    assert [dialect for dialect, _ in translator.asked] == ["messages", "responses"]
    assert translator.asked[0][1] == Target("openai", False, False, 50)
    assert found.why == {"model": "m", "candidates": 3, "passed over e": "does not speak chat",
                         "passed over f": "switched off"}
    assert found.told["a"].notes == ("metadata: dropped",)


@pytest.mark.parametrize(("message", "kept"), [
    ("messages[0].role must be one of user; got 'my secret'.", "messages[0].role must be one of user; got '…'."),
    ('content must be a list, got "my \\"very\\" secret....', "content must be a list, got '…'"),
    ('tools[0] must be an object, got "it\'s secret".', "tools[0] must be an object, got '…'."),
    ('x must be a list, got {"text":"secret....', "x must be a list, got {'…':'…'"),
    ("top_k: no other interface has it. Leave it out.", "top_k: no other interface has it. Leave it out.")])
def test_records_hold_nothing_that_was_said(translator: Translator, message: str, kept: str) -> None:
    """The client reads what it wrote; journal, books and traces keep the place and the rule alone."""
    translator.refused = {"messages": Malformed(Refusal.FEATURE_UNSUPPORTED, message, "messages")}
    found = decide(offer("a", dialects=("messages",)))
    assert isinstance(found, Denied) and found.message == message
    assert found.why["passed over a"] == kept


def test_next_dialect_tried(translator: Translator) -> None:
    """What cannot be said in the closest dialect may be said in another that the deployment speaks."""
    translator.refused["responses"] = Malformed(Refusal.FEATURE_UNSUPPORTED, "stop: not there", "stop")
    found = decide(offer(dialects=("responses", "messages")))
    assert isinstance(found, Admitted) and found.told["d"].facts.dialect == "messages"
    found = decide(offer(dialects=("responses",)))
    assert isinstance(found, Denied) and (found.message, found.param) == ("stop: not there", "stop")
    assert found.why["passed over d"] == "stop: not there"


@pytest.mark.parametrize(("members", "param"), [
    ({"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]}, "input"),
    ({"service_tier": "priority"}, None),
])
def test_refused_by_own_name(translator: Translator, members: dict[str, Any], param: str | None) -> None:
    """A field of the translated request is named as the client named it, or not at all."""
    translator.members = members
    found = decide(offer(dialects=("chat",)), dialect="responses")
    assert isinstance(found, Denied) and found.refusal is Refusal.FEATURE_UNSUPPORTED
    assert found.param == param


def test_same_name_kept(translator: Translator) -> None:
    translator.members = {"tools": [{"type": "web_search"}]}
    found = decide(offer(dialects=("chat",)), dialect="responses", tools=[{"type": "function", "name": "f"}])
    assert isinstance(found, Denied) and found.param == "tools"


def test_stored_objects(translator: Translator) -> None:
    """What an upstream keeps can be gone on from nowhere else."""
    found = decide(offer(dialects=("chat",)), dialect="responses", previous_response_id="resp_1")
    assert isinstance(found, Denied) and "Send the full input." in found.message


def test_own_refusal_first(translator: Translator) -> None:
    """A refusal of who speaks the dialect comes before one of a translation."""
    translator.refused["messages"] = Malformed(Refusal.FEATURE_UNSUPPORTED, "other", "n")
    found = decide(offer("a", dialects=("messages",)), offer("b"), service_tier="priority")
    assert isinstance(found, Denied) and found.param == "service_tier"


def test_own_refusal_is_no_end(translator: Translator) -> None:
    found = decide(offer("a", dialects=("messages",)), offer("b"), service_tier="priority")
    assert isinstance(found, Admitted) and list(found.told) == ["a"]


@pytest.mark.parametrize(("dialect", "row", "spoken"), [
    ("chat", {}, True), ("messages", {}, False), ("messages", {"engine": "vllm", "dialects": ("messages",)}, False),
    ("messages", {"engine": "vllm", "dialects": ("messages",), "share_prefix_cache": True}, True),
])
def test_speaks(dialect: Dialect, row: dict[str, Any], spoken: bool) -> None:
    assert speaks(offer(**row), dialect) is spoken


def test_salted_instead(translator: Translator) -> None:
    """A vLLM that keeps caches apart in chat alone is asked in chat."""
    both = offer(engine="vllm", own=True, dialects=("messages", "chat"))
    facts = read_request("messages", msgspec.json.encode({"model": "m", "max_tokens": 5, "messages": []}))
    assert isinstance(facts, RequestFacts)
    others = find_others(facts, MODEL, [both], 5)
    assert others.told["d"].facts.dialect == "chat" and not others.faults
