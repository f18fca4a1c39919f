"""A stream read to its end is the whole body that the upstream would have given; a cut one never holds half a call."""

from __future__ import annotations

import json

import pytest
from tests.goldens import STREAMS, Golden, body, stream
from tests.wire import sdk
from tests.wire.gist import gist
from tests.wire.test_ends import USAGE, cut, open_calls

from tokenworks.wire.ends import End
from tokenworks.wire.events import Finish
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.whole import Assembler

SOUND = [golden for golden in STREAMS if not golden.name.endswith("_error.sse")]
IDS = [golden.name for golden in SOUND]


def assembled(golden: Golden, after: int | None = None) -> Assembler:
    made = Assembler(golden.dialect)
    for block in golden.blocks[:after]:
        made.see(block)
    return made


@pytest.mark.parametrize("golden", SOUND, ids=IDS)
def test_same_answer(golden: Golden) -> None:
    whole = assembled(golden).body(None, USAGE[golden.dialect])
    if golden.engine != "llamacpp" or golden.dialect != "responses":  # llama.cpp's own responses lack fields
        sdk.check_body(golden.dialect, whole)
    read = SPOKEN[golden.dialect].reader().read_body(whole)
    assert read is not None
    _, _, seen = cut(golden, len(golden.blocks))
    said, streamed = sorted(gist(read, merge=True)), sorted(gist(seen, merge=True))
    assert said == [(choice, blocks, reason or "stop") for choice, blocks, reason in streamed]


@pytest.mark.parametrize("golden", SOUND, ids=IDS)
def test_cut_anywhere(golden: Golden) -> None:
    for after in range(1, len(golden.blocks)):
        _, _, seen = cut(golden, after)
        whole = assembled(golden, after).body(End.CREDIT, USAGE[golden.dialect])
        made = json.loads(whole)
        assert made["tokenworks"]["reason"] == "credit_exhausted" and made["usage"] == USAGE[golden.dialect]
        if golden.engine != "llamacpp" or golden.dialect != "responses" or made["status"] == "incomplete":
            sdk.check_body(golden.dialect, whole)
        calls = [block for _, blocks, _ in gist(SPOKEN[golden.dialect].reader().read_body(whole) or [])
                 for block in blocks if block[0] in ("tool", "custom")]
        begun = [block for _, blocks, _ in gist(seen) for block in blocks if block[0] in ("tool", "custom")]
        ended = any(isinstance(event, Finish) for event in seen)
        assert len(calls) == len(begun) - (0 if ended else len(open_calls(seen))), "half a call is left out"


@pytest.mark.parametrize("golden", SOUND, ids=IDS)
def test_usage_kept(golden: Golden) -> None:
    made = json.loads(assembled(golden).body())
    assert bool(made.get("usage")) == (b'"usage":{' in golden.data)


def test_as_llamacpp() -> None:
    """The fields that llama.cpp gives whole are there when assembled."""
    made = json.loads(assembled(stream("llamacpp/chat_usage_timings")).body())
    real = json.loads(body("llamacpp/chat_whole").data)
    assert set(real) - {"timings"} == set(made)
    assert made["choices"][0]["message"]["role"] == "assistant" and made["usage"] == real["usage"]


def test_logprobs() -> None:
    made = json.loads(assembled(stream("llamacpp/chat_logprobs")).body())
    tokens = [entry["token"] for entry in made["choices"][0]["logprobs"]["content"]]
    assert "".join(tokens) == made["choices"][0]["message"]["content"] and len(tokens) > 1


def test_citations() -> None:
    made = json.loads(assembled(stream("anthropic/messages_search")).body())
    assert [block["type"] for block in made["content"]] == ["server_tool_use", "web_search_tool_result", "text"]
    assert made["content"][0]["input"] == {"query": "tea"} and len(made["content"][2]["citations"]) == 1
    assert made["stop_reason"] == "stop_sequence"


def test_thinking() -> None:
    made = json.loads(assembled(stream("anthropic/messages_tools")).body())
    assert made["content"][0]["signature"] == "EqQBCgIYAhIM" and made["content"][2]["input"] == {"city": "Paris"}
    assert made["content"][3]["input"] == {} and made["usage"]["cache_creation"]["ephemeral_1h_input_tokens"] == 200


def test_response_is_own() -> None:
    golden = stream("openai/responses_tools")
    last = json.loads(sdk.events(golden.data)[-1][1])["response"]
    assert json.loads(assembled(golden).body()) == last
