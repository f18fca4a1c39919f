"""Legacy completions."""

from __future__ import annotations

import json

from tests.goldens import body, stream
from tests.wire.gist import events_of, gist

from tokenworks.wire import completions
from tokenworks.wire.events import ENDED, BlockBegin, BlockEnd, ChoiceBegin, Delta, Failed, UsageSeen, finish_of


def test_chunks() -> None:
    reader = completions.Reader()
    events = reader.read(b'{"id":"i","choices":[{"index":1,"text":"a","finish_reason":null}]}') or []
    assert events[1:] == [ChoiceBegin(1), BlockBegin(1, 0, "text"), Delta(1, 0, "a")]
    events = reader.read(
        b'{"choices":[{"index":1,"text":"","finish_reason":"length"}],"usage":{"completion_tokens":1}}')
    assert events == [BlockEnd(1, 0), finish_of(1, "length"), UsageSeen(b'{"completion_tokens":1}', 1, 1, True)]
    assert reader.read(b"[DONE]") == [ENDED] and reader.read(b"null") == [] and reader.read(b"nul") is None


def test_error() -> None:
    data = b'{"error":{"message":"x"}}'
    assert completions.Reader().read(data) == [Failed(data)] == completions.Reader().read_body(data)


def test_batch() -> None:
    said = gist(events_of("completions", stream("llamacpp/completions_batch").data))
    assert sorted(choice for choice, _, _ in said) == [0, 1] and {reason for _, _, reason in said} == {"length"}


def test_body() -> None:
    golden = body("llamacpp/completions_whole")
    events = completions.Reader().read_body(golden.data) or []
    assert events[-1] == ENDED and [e.choice for e in events if isinstance(e, UsageSeen)] == [-1]
    written = json.loads(completions.write_body(events))
    real = json.loads(golden.data)
    assert written["choices"] == real["choices"] and written["usage"] == real["usage"]
    assert completions.Reader().read_body(b"<") is None


def test_logprobs() -> None:
    events = events_of("completions", stream("llamacpp/completions_logprobs").data)
    made = json.loads(completions.write_body(events))["choices"][0]
    assert made["logprobs"] and made["text"]
