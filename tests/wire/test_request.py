"""Bodies: what is read of them, what is refused, and that splicing changes nothing else."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire.dialects import DIALECTS, Dialect
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import COPY_BYTES_MAX, RequestFacts, read_request, shown, splice

LEAST: dict[Dialect, dict[str, Any]] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "completions": {"model": "m", "prompt": "hi"},
    "responses": {"model": "m", "input": "hi"},
    "messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "embeddings": {"model": "m", "input": "hi"},
}


def facts_of(dialect: Dialect, **more: Any) -> RequestFacts:
    found = read_request(dialect, json.dumps({**LEAST[dialect], **more}).encode())
    assert isinstance(found, RequestFacts), found
    return found


def refusal_of(dialect: Dialect, body: bytes) -> Malformed:
    found = read_request(dialect, body)
    assert isinstance(found, Malformed), found
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_least(dialect: Dialect) -> None:
    facts = facts_of(dialect)
    assert (facts.model, facts.stream, facts.choices, facts.content) == ("m", False, 1, None)
    assert facts.output_cap == (9 if dialect == "messages" else None)
    assert facts.body_bytes == len(json.dumps(LEAST[dialect]))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_required(dialect: Dialect) -> None:
    for key in LEAST[dialect]:
        if (dialect, key) == ("responses", "input"):
            continue  # a stored prompt or conversation may stand in for it
        body = {name: value for name, value in LEAST[dialect].items() if name != key}
        found = refusal_of(dialect, json.dumps(body).encode())
        assert (found.refusal, found.param) == (Refusal.FIELD_INVALID, key) and "field required" in found.message


@pytest.mark.parametrize(("dialect", "more", "cap"), [
    ("chat", {"max_tokens": 5}, 5), ("chat", {"max_tokens": 5, "max_completion_tokens": 3}, 3),
    ("chat", {"max_tokens": None, "max_completion_tokens": 7}, 7), ("chat", {"max_tokens": 0}, 0),
    ("responses", {"max_output_tokens": 4}, 4), ("completions", {"max_tokens": 2**31 - 1}, 2**31 - 1),
])
def test_caps(dialect: Dialect, more: dict[str, Any], cap: int) -> None:
    assert facts_of(dialect, **more).output_cap == cap


@pytest.mark.parametrize(("dialect", "more", "choices", "token_ids", "prompts"), [
    ("chat", {"n": 3}, 3, 0, 1), ("chat", {"n": None}, 1, 0, 1), ("completions", {"n": 2, "best_of": 4}, 4, 0, 1),
    ("completions", {"prompt": ["a", "b"], "n": 2}, 4, 0, 2), ("completions", {"prompt": [1, 2, 3]}, 1, 3, 1),
    ("completions", {"prompt": [[1, 2], [3]], "n": 3}, 6, 3, 2), ("embeddings", {"input": ["a", "b", "c"]}, 1, 0, 3),
    ("embeddings", {"input": [[1], [2, 3]]}, 1, 3, 2), ("embeddings", {"input": []}, 1, 0, 1),
])
def test_multiples(dialect: Dialect, more: dict[str, Any], choices: int, token_ids: int, prompts: int) -> None:
    facts = facts_of(dialect, **more)
    assert (facts.choices, facts.token_ids, facts.prompts) == (choices, token_ids, prompts)


def test_flags() -> None:
    options = {"include_usage": True, "continuous_usage_stats": True, "x": 1}
    facts = facts_of("chat", stream=True, stream_options=options)
    assert (facts.stream, facts.include_usage, facts.progress_wanted) == (True, True, True)
    facts = facts_of("chat", stream=None, stream_options=None, timings_per_token=True)
    assert (facts.stream, facts.include_usage, facts.progress_wanted) == (False, False, True)


def test_objects() -> None:
    facts = facts_of("responses", previous_response_id="resp_1", conversation={"id": "conv_1"})
    assert facts.object_ids == ("resp_1", "conv_1")
    assert facts_of("responses", previous_response_id=None, conversation=None).object_ids == ()
    assert facts_of("messages", container="c_1").object_ids == ("c_1",)
    assert facts_of("messages", container={"id": "c_2", "skills": []}).object_ids == ("c_2",)
    assert refusal_of("messages", json.dumps({**LEAST["messages"], "container": 5}).encode()).param == "container"


@pytest.mark.parametrize("body", [
    b"", b" ", b"nul", b"[1]", b'"x"', b"null", b"{", b'{"model":}', b'{"model":"m",}', b'{"model":"m"}x', b"\xff\xfe",
    b'{"a":' + b"[" * 100_000, b'{"model":"m","prompt":"a","x":NaN}', b'\xef\xbb\xbf{"model":"m","prompt":"a"}',
    b'{"\xff":1}', b'{"a\xc3":1}', b"{1:2}", b"{'model':'m'}", b'{"\\ud800":1,"model":"m","prompt":"a"}',
])
def test_not_json(body: bytes) -> None:
    assert refusal_of("completions", body).refusal is Refusal.MALFORMED_JSON


@pytest.mark.parametrize(("body", "param", "words"), [
    (b'{"model":"a","prompt":"x","model":"b"}', "model", "stands twice"),
    (b'{"model":"a","prompt":"x","mod\\u0065l":"b"}', "model", "stands twice"),
    (b'{"model":"a", "prompt":"x", "seed":1, "seed":1}', "seed", "stands twice"),
    (b'{"model":"a","prompt":"x","seed":1,"seed":222}', "seed", "stands twice"),
    (b'{"model":"a","prompt":"x","Model":"b"}', "Model", "another spelling"),
    (b'{"model":"a","prompt":"x","MAX_TOKENS":9}', "MAX_TOKENS", "another spelling"),
    ('{"model":"a","prompt":"x","\u017ftream":true}'.encode(), "\u017ftream", "another spelling"),
    (b'{"model":1,"prompt":"x"}', "model", "must be a string, got 1"),
    (b'{"model":null,"prompt":"x"}', "model", "must be a string"),
    (b'{"model":"a","prompt":"x","stream":"yes"}', "stream", "true or false"),
    (b'{"model":"a","prompt":"x","stream":1}', "stream", "true or false"),
    (b'{"model":"a","prompt":"x","max_tokens":"9"}', "max_tokens", "whole number"),
    (b'{"model":"a","prompt":"x","max_tokens":1.5}', "max_tokens", "whole number"),
    (b'{"model":"a","prompt":"x","max_tokens":-1}', "max_tokens", "between 0"),
    (b'{"model":"a","prompt":"x","max_tokens":99999999999999999999}', "max_tokens", "between 0"),
    (b'{"model":"a","prompt":"x","n":0}', "n", "between 1"), (b'{"model":"a","prompt":"x","n":129}', "n", "between 1"),
    (b'{"model":"a","prompt":"x","stream_options":[]}', "stream_options", "an object"),
    (b'{"model":"a","prompt":["x",1]}', "prompt", "not a mixture"),
    (b'{"model":"a","prompt":[{}]}', "prompt", "something else"),
    (b'{"model":"a","prompt":"x","max_tokens":"' + b"9" * 500 + b'"}', "max_tokens", "..."),
])
def test_invalid(body: bytes, param: str, words: str) -> None:
    found = refusal_of("completions", body)
    assert (found.refusal, found.param) == (Refusal.FIELD_INVALID, param)
    assert words in found.message and len(found.message) < 200


KEYS = st.sampled_from(["model", "prompt", "max_tokens", "n", "stream", "seed", "x", "naïve", 'q"uote', "\u2028", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8) | st.just("\U0001f600é"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8)
STYLES = st.sampled_from([
    {"separators": (",", ":")}, {"separators": (",", ":"), "ensure_ascii": False}, {}, {"indent": 2},
    {"separators": (" ,\t", " :\r\n "), "ensure_ascii": False},
])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Valid bodies in every style of writing, keys in any order, small and above the size where slices are views."""
    fields = draw(st.dictionaries(KEYS, VALUES, max_size=7))
    fields |= {"model": draw(st.text(max_size=5)), "prompt": draw(st.text(max_size=5)), "stream": draw(st.booleans())}
    fields |= {"max_tokens": draw(st.none() | st.integers(0, 99)), "n": draw(st.integers(1, 9))}
    if draw(st.booleans()):
        fields["long"] = "x" * COPY_BYTES_MAX
    text = json.dumps(dict(draw(st.permutations(list(fields.items())))), **draw(STYLES))
    return (draw(st.sampled_from(["", " ", "\n\t"])) + text + draw(st.sampled_from(["", "\n", "  "]))).encode()


@given(bodies(), st.dictionaries(KEYS | st.sampled_from(["own", "ö\\wn"]), VALUES, max_size=5))
def test_splice(body: bytes, ours: dict[str, Any]) -> None:
    """The result says what the body said with exactly the owned values replaced, and every other byte is kept."""
    facts = read_request("completions", body)
    assert isinstance(facts, RequestFacts), facts
    owned = {key: msgspec.json.encode(value) for key, value in ours.items()}
    pieces = [bytes(piece) for piece in splice(body, facts, owned)]
    said = json.loads(body)
    assert json.loads(b"".join(pieces)) == {**said, **ours}
    kept = [piece for place, piece in enumerate(pieces) if place % 2]
    theirs = [bytes(raw) for key, raw in facts.fields.items() if key in owned]
    woven = b"".join(part + value for part, value in zip(kept, [*theirs, b""], strict=True))
    assert woven == body[body.index(b"{") + 1 :]
    added = [key for key in owned if key not in facts.fields]
    head = json.loads(pieces[0].rstrip(b",") + b"}")
    assert list(head) == added


@given(bodies())
def test_facts_of_any_style(body: bytes) -> None:
    facts, said = read_request("completions", body), json.loads(body)
    assert isinstance(facts, RequestFacts)
    assert {key: json.loads(bytes(raw)) for key, raw in facts.fields.items()} == said
    assert (facts.model, facts.stream, facts.output_cap) == (said["model"], said["stream"], said["max_tokens"])


@given(st.binary(max_size=60) | st.text('{}[]":,modelprt\\ue0 ', max_size=60).map(str.encode))
def test_any_bytes(body: bytes) -> None:
    """Nothing raises, and nothing is accepted that another reader would read differently."""
    found = read_request("completions", body)
    if isinstance(found, RequestFacts):
        pairs = json.loads(body.decode("utf-8", "replace"), object_pairs_hook=lambda pairs: pairs)
        assert [key for key, _ in pairs] == list(found.fields)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_large_bodies_are_not_copied(dialect: Dialect) -> None:
    body = json.dumps({**LEAST[dialect], "pad": "x" * 200_000}, separators=(",", ":")).encode()
    facts = read_request(dialect, body)
    assert isinstance(facts, RequestFacts)
    pieces = splice(body, facts, {"model": b'"other"'})
    views = [piece for piece in pieces if isinstance(piece, memoryview)]
    assert sum(map(len, views)) > 200_000 and all(view.obj is body for view in views)


def test_counting_needs_no_cap() -> None:
    body = b'{"model":"m","messages":[]}'
    assert isinstance(read_request("messages", body), Malformed)
    assert isinstance(read_request("messages", body, counting=True), RequestFacts)
    found = read_request("messages", b'{"model":"m"}', counting=True)
    assert isinstance(found, Malformed) and found.param == "messages"


def test_shown() -> None:
    assert shown(msgspec.Raw(b'"short"')) == '"short"'
    assert shown(msgspec.Raw(b'"' + b"x" * 100 + b'"')) == '"' + "x" * 36 + "..."
    assert shown(msgspec.Raw(b'"\xff"')) == '"\ufffd"'
