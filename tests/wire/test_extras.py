"""Log probabilities and citations in other dialects."""

from __future__ import annotations

import json

import pytest
from openai.types.chat.chat_completion_chunk import ChoiceLogprobs
from openai.types.completion_choice import Logprobs
from openai.types.responses.response_output_text import AnnotationURLCitation, Logprob
from tests.goldens import stream
from tests.wire import sdk
from tests.wire.gist import events_of
from tests.wire.retelling import ASKED, Telling, told
from tests.wire.test_ends import USAGE

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.events import Extra
from tokenworks.wire.extras import carry_extra
from tokenworks.wire.retell import Reteller
from tokenworks.wire.spoken import SPOKEN

CHAT = {"content": [{"token": "é", "logprob": -0.5, "bytes": None, "id": 3, "top_logprobs": [
    {"token": "é", "logprob": -0.5, "bytes": [195, 169]}, {"token": "e", "logprob": -1.5}]}]}
RESPONSES = [{"token": "é", "logprob": -0.5, "top_logprobs": [{"token": "e", "logprob": -1.5}]}]


def carry(said: object, client: Dialect, key: str = "logprobs", texts: int = 1) -> object:
    raw = carry_extra(Extra(0, 0, key, json.dumps(said).encode()), client, texts)
    return json.loads(raw) if raw else None


def test_logprobs() -> None:
    made = carry(CHAT, "responses")
    assert isinstance(made, list) and Logprob.model_validate(made[0]).bytes == [195, 169]
    assert made[0]["top_logprobs"][1] == {"token": "e", "logprob": -1.5, "bytes": [101]} and "id" not in made[0]
    back = ChoiceLogprobs.model_validate(carry(RESPONSES, "chat"))
    assert back.content is not None and back.content[0].token == "é" and back.content[0].bytes == [195, 169]
    old = Logprobs.model_validate(carry(CHAT, "completions"))
    assert old.tokens == ["é"] and old.top_logprobs == [{"é": -0.5, "e": -1.5}]


@pytest.mark.parametrize("said", [{"content": None}, {}, [], {"content": "odd"}, [3]])
def test_no_logprobs(said: object) -> None:
    assert carry(said, "responses") is None and carry(said, "chat") is None


def test_not_messages() -> None:
    assert carry(CHAT, "messages") is None


def test_refusal_logprobs() -> None:
    made = carry({"content": None, "refusal": CHAT["content"]}, "responses")
    assert isinstance(made, list) and made[0]["token"] == "é"


FLAT = {"type": "url_citation", "url": "https://x.example/", "title": "X", "start_index": 2, "end_index": 5}
NESTED = {"type": "url_citation",
          "url_citation": {"url": "https://x.example/", "title": "X", "start_index": 2, "end_index": 5}}


def test_citations() -> None:
    made = carry(NESTED, "responses", "annotation")
    assert made == FLAT and AnnotationURLCitation.model_validate(made)
    assert carry(FLAT, "chat", "annotation") == NESTED
    assert carry(FLAT, "messages", "annotation") is None and carry(FLAT, "completions", "annotation") is None
    assert carry(FLAT, "chat", "annotation", texts=2) is None, "its place counts from another beginning"
    assert carry({"type": "file_citation", "file_id": "f"}, "chat", "annotation") is None
    assert carry("odd", "chat", "annotation") is None
    assert carry("EqQ", "chat", "signature") is None and carry({}, "chat", "citation") is None


@pytest.mark.parametrize("client", ["responses", "completions"])
def test_said_with_piece(client: Dialect) -> None:
    """Each piece has its own log probabilities, and the end has all of them."""
    made = sdk.check(client, told("chat", client, stream("llamacpp/chat_logprobs").data))
    if client == "completions":
        pieces = [(event.choices[0].text, event.choices[0].logprobs.tokens) for event in made
                  if event.choices and event.choices[0].text]
        assert len(pieces) > 3 and all(text == "".join(tokens) for text, tokens in pieces)
        return
    deltas = [event for event in made if event.type == "response.output_text.delta"]
    assert len(deltas) > 3 and all(event.delta == event.logprobs[0].token for event in deltas)
    done = next(event for event in made if event.type == "response.output_text.done")
    assert [one.token for one in done.logprobs] == [event.delta for event in deltas]
    part = made[-1].response.output[0].content[0]
    assert [one.token for one in part.logprobs] == [event.delta for event in deltas]
    assert all(one.bytes for one in part.logprobs)


def test_there_and_back() -> None:
    data = stream("llamacpp/chat_logprobs").data
    back = told("responses", "chat", told("chat", "responses", data))
    ours = [event.raw for event in events_of("chat", back) if isinstance(event, Extra)]
    theirs = [event.raw for event in events_of("chat", data) if isinstance(event, Extra)]
    assert [json.loads(raw)["content"][0]["token"] for raw in ours] == [
        json.loads(raw)["content"][0]["token"] for raw in theirs]


def test_without_piece() -> None:
    """Log probabilities of no text have a chunk of their own, or wait for the end of the part."""
    data = stream("llamacpp/chat_logprobs").blocks
    bare = data[2].replace(b'"content":" capital"', b'"content":""')
    assert bare != data[2]
    telling = Telling("chat", "completions")
    said = [telling.block(block) for block in (*data[:2], bare)]
    assert sdk.check("completions", said[2])[0].choices[0].logprobs.tokens == [" capital"]
    telling = Telling("chat", "responses")
    said = [telling.block(block) for block in (*data[:2], bare)]
    counted = b',"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
    said[2] += telling.block(bare[:-3] + counted)
    done = sdk.check("responses", telling.reteller.close(None, None))[0]
    assert said[2] == b"" and [one.token for one in done.logprobs] == ["The", " capital", " capital"]


def test_whole() -> None:
    """A whole response keeps them with its text, there and back."""
    events = events_of("chat", stream("llamacpp/chat_logprobs").data)
    made = Reteller("chat", "responses", ASKED, "req_1").body(events, USAGE["responses"])
    tokens = [one.token for one in sdk.check_body("responses", made).output[0].content[0].logprobs]
    assert len(tokens) > 3
    read = SPOKEN["responses"].reader().read_body(made) or []
    back = sdk.check_body("chat", Reteller("responses", "chat", ASKED, "req_1").body(read, USAGE["chat"]))
    assert [one.token for one in back.choices[0].logprobs.content] == tokens
