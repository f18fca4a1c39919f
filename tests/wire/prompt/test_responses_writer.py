"""Responses are written as engines and OpenAI take them; what they say comes back the same; the SDK's types judge."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic import TypeAdapter
from tests.wire.prompt.strategies import PDF, encoded, prompts, same
from tests.wire.prompt.test_messages_writer import drain

from tokenworks.wire.prompt.responses import read_prompt
from tokenworks.wire.prompt.responses_writer import write_prompt
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
    Declined,
    Document,
    Foreign,
    Format,
    Image,
    Prompt,
    Reasoning,
    Result,
    Sampling,
    Target,
    Text,
    Thought,
    Tool,
    Turn,
)

OPENAI = Target("openai", output_max=8192)
VLLM = Target("vllm", own=True)
WHOLE = TypeAdapter(ResponseCreateParamsNonStreaming)
STREAMED = TypeAdapter(ResponseCreateParamsStreaming)
HI = Turn("user", (Text("hi"),))
HI_ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}


def written(prompt: Prompt, target: Target = OPENAI) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(msgspec.json.encode(write_prompt(prompt, target)))
    return body


def said(*turns: Turn, **more: Any) -> dict[str, Any]:
    return written(Prompt("m", turns, **more))


def judge(body: dict[str, Any]) -> None:
    """Refusals of the past alone have no type for input, although the interface takes them as it gave them."""
    items = [item for item in body["input"] if '"refusal"' not in json.dumps(item)]
    drain((STREAMED if body.get("stream") else WHOLE).validate_python({**body, "input": items}))


@given(prompts("responses"))
def test_nothing_is_lost(prompt: Prompt) -> None:
    body = write_prompt(prompt, OPENAI)
    judge(json.loads(msgspec.json.encode(body)))
    again = read_prompt(msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw]))
    assert isinstance(again, Prompt) and again.left == ()
    assert again.extras.keys() == {"store"}
    assert same(again) == same(prompt)


@given(prompts("messages", "responses"))
def test_every_item_has_a_type(prompt: Prompt) -> None:
    body = written(prompt)
    assert all(item["type"] for item in body["input"])
    assert body["store"] is False


def test_instructions() -> None:
    body = said(Turn("system", (Text("a"), Text("b"))), Turn("system", (Text("c"),)), HI)
    assert body["instructions"] == "a\n\nb"
    assert body["input"][0] == {**HI_ITEM, "role": "system", "content": [{"type": "input_text", "text": "c"}]}
    developer = said(Turn("system", (Text("a"),), developer=True), HI)
    assert "instructions" not in developer and developer["input"][0]["role"] == "developer"
    assert "instructions" not in said(HI)


def test_what_the_model_said() -> None:
    sealed = {"type": "reasoning", "id": "rs_7", "summary": [], "encrypted_content": "e"}
    parts = (
        Thought("t", "openai", "e", raw=msgspec.json.encode(sealed)), Thought("t", "anthropic", "sealed"), Text("a"),
        Declined("no"), Call("c1", "f", ""), Call("c2", "g", "free", True, "space"),
        Foreign("web_search_call", b'{"type":"web_search_call","id":"ws_1"}'), Image(url="https://a/b"),
        Result("c1", ()),
    )  # fmt: skip
    assistant = {"type": "message", "role": "assistant"}
    assert said(Turn("assistant", parts))["input"] == [
        sealed,
        {**assistant, "content": "a"},
        {**assistant, "content": [{"type": "refusal", "refusal": "no"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "free", "namespace": "space"},
        {"type": "web_search_call", "id": "ws_1"},
        {**assistant, "content": [{"type": "input_image", "detail": "auto", "image_url": "https://a/b"}]},
        {"type": "function_call_output", "call_id": "c1", "output": ""},
    ]


def test_long_ids_are_cut_alike() -> None:
    turns = (Turn("assistant", (Call("c" * 99, "f", "{}"),)), Turn("user", (Result("c" * 99, ()),)))
    ids = [item["call_id"] for item in said(*turns)["input"]]
    assert ids[0] == ids[1] and len(ids[0]) == 64


def test_open_thoughts_go_to_engines_alone() -> None:
    prompt = Prompt("m", (Turn("assistant", (Thought("t", "openai"), Thought("", "openai"))),))
    assert written(prompt)["input"] == []
    content = [{"type": "reasoning_text", "text": "t"}]
    assert written(prompt, VLLM)["input"] == [
        {"type": "reasoning", "id": "rs_earlier", "summary": [], "content": content}
    ]


def test_refusals_go_to_their_maker_alone() -> None:
    prompt = Prompt("m", (Turn("assistant", (Declined("no"),)),))
    assert written(prompt, VLLM)["input"] == [{"type": "message", "role": "assistant", "content": "no"}]


def test_results_break_a_message() -> None:
    turn = Turn("user", (Text("a"), Result("c1", (Text("ok"),)), Foreign("x", b'{"type":"x"}'), Text("b")))
    assert [item["type"] for item in said(turn)["input"]] == ["message", "function_call_output", "x", "message"]


@pytest.mark.parametrize(("result", "output"), [
    (Result("c1", ()), ""),
    (Result("c1", (), True), "The tool failed."),
    (Result("c1", (Text("ok"),)), "ok"),
    (Result("c1", (Text("ok", b'{"mode":"explicit"}'),)),
     [{"type": "input_text", "text": "ok", "prompt_cache_breakpoint": {"mode": "explicit"}}]),
    (Result("c1", (Image("image/png", "AAAA", detail="low"), Foreign("x", b'{"type":"x"}'))),
     [{"type": "input_image", "detail": "low", "image_url": "data:image/png;base64,AAAA"}, {"type": "x"}]),
])  # fmt: skip
def test_what_tools_came_to(result: Result, output: Any) -> None:
    assert said(Turn("user", (result,)))["input"] == [
        {"type": "function_call_output", "call_id": "c1", "output": output}
    ]


def test_pictures_and_files() -> None:
    parts = (
        Image(file="f1"), Document("application/pdf", encoded(PDF)), Document(url="https://a/b", name="n"),
        Document(file="f2"), Document(text="t", name="n"), Text("x", b'{"type":"ephemeral"}'), Declined("no"),
    )  # fmt: skip
    assert said(Turn("user", parts))["input"][0]["content"] == [
        {"type": "input_image", "detail": "auto", "file_id": "f1"},
        {"type": "input_file", "file_data": f"data:application/pdf;base64,{encoded(PDF)}", "filename": "document.pdf"},
        {"type": "input_file", "file_url": "https://a/b", "filename": "n"},
        {"type": "input_file", "file_id": "f2"},
        {"type": "input_text", "text": '<document title="n">\nt\n</document>'},
        {"type": "input_text", "text": "x"},
        {"type": "input_text", "text": "no"},
    ]


def test_tools() -> None:
    tools = (
        Tool("f", group="one", group_about="about"), Tool("g", "does", b"{}", True), Tool("h", group="one"),
        Tool("i", custom=True, grammar=b'{"type":"text"}'), Tool("j", custom=True),
    )  # fmt: skip
    hosted = (Foreign("web_search", b'{"type":"web_search"}'),)
    none = {"parameters": {"type": "object", "properties": {}}, "strict": False}
    inner = [{"type": "function", "name": "f", **none}, {"type": "function", "name": "h", **none}]
    assert said(HI, tools=tools, hosted=hosted, parallel=False) | {"input": []} == {
        "model": "m", "input": [], "store": False, "parallel_tool_calls": False, "tools": [
            {"type": "namespace", "name": "one", "description": "about", "tools": inner},
            {"type": "function", "name": "g", "description": "does", "parameters": {}, "strict": True},
            {"type": "custom", "name": "i", "format": {"type": "text"}},
            {"type": "custom", "name": "j"},
            {"type": "web_search"},
        ],
    }  # fmt: skip
    assert "parallel_tool_calls" not in said(HI, parallel=False)


F, G = {"type": "function", "name": "f"}, {"type": "custom", "name": "g"}


@pytest.mark.parametrize(("choice", "told"), [
    (Choice("auto"), None),
    (Choice("auto", path="tool_choice"), "auto"),
    (Choice("none"), "none"),
    (Choice("some"), "required"),
    (Choice("these", ("f",)), F),
    (Choice("these", ("web_search",)), {"type": "web_search"}),
    (Choice("these", ("f", "g")), {"type": "allowed_tools", "mode": "required", "tools": [F, G]}),
    (Choice("auto", ("g",)), {"type": "allowed_tools", "mode": "auto", "tools": [G]}),
])  # fmt: skip
def test_choices(choice: Choice, told: Any) -> None:
    body = said(HI, tools=(Tool("f"), Tool("g", custom=True)), choice=choice)
    assert body.get("tool_choice") == told


def test_words_beside_the_conversation() -> None:
    body = said(
        HI, stream=True, output_cap=9, user="u" * 99, cache_key="k", metadata=b'{"a":"b"}', verbosity="low",
        sampling=Sampling(b"0.5", b"1", 3, logprobs=2), extras={"include": msgspec.Raw(b'["x"]')},
        format=Format("json"), reasoning=Reasoning(sealed=True),
    )  # fmt: skip
    assert len(body.pop("user")) == 64
    assert body == {
        "model": "m", "input": [HI_ITEM], "stream": True, "store": False, "max_output_tokens": 9, "temperature": 0.5,
        "top_p": 1, "top_k": 3, "top_logprobs": 2, "prompt_cache_key": "k", "metadata": {"a": "b"},
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs", "x"],
    }  # fmt: skip
    assert said(HI, sampling=Sampling(logprobs=0))["include"] == ["message.output_text.logprobs"]


def test_the_form_of_the_answer() -> None:
    form = Format("schema", "n", b"{}", "about", False)
    told = {"type": "json_schema", "name": "n", "schema": {}, "description": "about", "strict": False}
    assert said(HI, format=form)["text"] == {"format": told}
    assert said(HI, format=Format("schema", schema=b"{}"))["text"]["format"]["name"] == "answer"


@pytest.mark.parametrize(("asked", "told"), [
    (Reasoning(), None),
    (Reasoning("high"), {"effort": "high"}),
    (Reasoning(shown=True), None),
    (Reasoning("low", shown=True, path="thinking"), {"effort": "low", "summary": "auto"}),
    (Reasoning(on=True, shown=True, detail="summarized", path="thinking"), {"summary": "auto"}),
    (Reasoning(on=True, shown=True, detail="detailed", path="reasoning"), {"summary": "detailed"}),
    (Reasoning("none", on=False, shown=True, path="reasoning_effort"), {"effort": "none"}),
    (Reasoning("high", on=False, shown=True, path="thinking"), None),
    (Reasoning(budget_tokens=900, on=True), {"effort": "high"}),
    (Reasoning(budget_tokens=500, on=True), {"effort": "medium"}),
    (Reasoning(budget_tokens=100, on=True), {"effort": "low"}),
])  # fmt: skip
def test_thinking(asked: Reasoning, told: Any) -> None:
    assert said(HI, reasoning=asked, output_cap=1000).get("reasoning") == told
