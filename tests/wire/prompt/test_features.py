"""The table is what happens: every row at every target of every engine, and the notes that stand on the record."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.wire.prompt.asking import facts_of, moved, prompt_of, refused, sent
from tests.wire.prompt.strategies import PDF, PNG

from tokenworks.wire.dialects import ENGINES, Dialect, Engine
from tokenworks.wire.fields import Source, check_fields
from tokenworks.wire.prompt.features import FEATURES, Feature, Fitted, fit
from tokenworks.wire.prompt.translate import REACHES, Translated, translate
from tokenworks.wire.prompt.vocabulary import Target
from tokenworks.wire.refusals import Malformed, Refusal

PICTURE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
FILE = f"data:application/pdf;base64,{base64.b64encode(PDF).decode()}"
F = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
H = {"type": "function", "function": {"name": "h"}}
G = {"type": "custom", "custom": {"name": "g"}}
CALL = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
IMAGE = {"type": "image_url", "image_url": {"url": PICTURE}}


def asks(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def gave(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "u"}, CALL,
                         {"role": "tool", "tool_call_id": "c", "content": list(parts)}]}


def says(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a", **more},
                         {"role": "user", "content": "v"}]}


def file(data: str, name: str = "n") -> dict[str, Any]:
    return asks({"type": "file", "file": {"file_data": data, "filename": name}})


def block(role: str, **members: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "u"}, {"role": role, "content": [members]},
                         {"role": "user", "content": "v"}]}


CALLED = {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]}
FAILED = {"messages": [{"role": "user", "content": "u"}, CALLED, {"role": "user", "content": [
    {"type": "tool_result", "tool_use_id": "c", "content": "no", "is_error": True}]}]}
THINKS = {"type": "thinking", "thinking": "t", "signature": "s"}
# For each row a request that uses it: (client, more in its least body, the field that is named).
USES: dict[str, tuple[Dialect, dict[str, Any], str]] = {
    "several answers": ("chat", {"n": 2}, "n"),
    "temperature above 1": ("chat", {"temperature": 1.5}, "temperature"),
    "top_k for all tokens": ("chat", {"top_k": -1}, "top_k"),
    "top_k where it is not known": ("chat", {"top_k": 5}, "top_k"),
    "a cap below 16 tokens": ("chat", {"max_tokens": 1}, "max_tokens"),
    "seed": ("chat", {"seed": 0}, "seed"),
    "presence penalty": ("chat", {"presence_penalty": 1}, "presence_penalty"),
    "frequency penalty": ("chat", {"frequency_penalty": -0.5}, "frequency_penalty"),
    "logit bias": ("chat", {"logit_bias": {"5": 1}}, "logit_bias"),
    "log-probabilities": ("chat", {"logprobs": True}, "logprobs"),
    "stop sequences": ("messages", {"stop_sequences": ["x"]}, "stop_sequences"),
    "a stop of white space": ("chat", {"stop": ["x", "\n"]}, "stop"),
    "images for a model without eyes": ("chat", asks(IMAGE), "messages[0].content[0]"),
    "addresses, where none is fetched": (
        "chat", asks({"type": "image_url", "image_url": {"url": "https://x/y"}}), "messages[0].content[0]"),
    "files that another maker keeps": (
        "chat", asks({"type": "file", "file": {"file_id": "f"}}), "messages[0].content[0]"),
    "sound": ("chat", asks({"type": "input_audio", "input_audio": {}}), "messages[0].content[0]"),
    "parts of one interface alone": ("chat", asks({"type": "video_url", "video_url": {}}), "messages[0].content[0]"),
    "how closely to look at an image": (
        "chat", asks({"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}}), "messages[0].content[0]"),
    "documents of text": ("chat", file("data:text/csv;base64,YSxi"), "messages[0].content[0]"),
    "documents at an address": ("responses", {"input": [{"type": "message", "role": "user", "content": [
        {"type": "input_file", "file_url": "https://x/y.pdf"}]}]}, "input[0].content[0]"),
    "documents that are no text": ("chat", file(FILE), "messages[0].content[0]"),
    "documents that are neither text nor PDF": (
        "chat", file("data:application/msword;base64,QUJD"), "messages[0].content[0]"),
    "images and files that a tool gave": ("chat", gave(IMAGE), "messages[2].content[0]"),
    "a tool call that failed": ("messages", FAILED, "messages[2].content[0]"),
    "earlier reasoning, sealed": ("messages", block("assistant", **THINKS), "messages[1].content[0]"),
    "earlier reasoning, open": ("chat", says(reasoning_content="hm"), "messages[1].reasoning_content"),
    "earlier refusals": ("chat", says(refusal="no"), "messages[1].refusal"),
    "the name of a speaker": ("chat", {"messages": [{"role": "user", "name": "Ann", "content": "u"}]},
                              "messages[0].name"),
    "messages of the developer": ("chat", {"messages": [
        {"role": "developer", "content": "d"}, {"role": "user", "content": "u"}]}, "messages[0]"),
    "the system in mid-conversation": ("chat", {"messages": [
        {"role": "user", "content": "u"}, {"role": "system", "content": "s"}, {"role": "user", "content": "v"}]},
        "messages[1]"),
    "an answer begun, to be gone on from": ("messages", {"messages": [
        {"role": "user", "content": "u"}, {"role": "assistant", "content": "{"}]}, "messages[1]"),
    "an answer at the end, to be answered": ("chat", {"messages": [
        {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]}, "messages[1]"),
    "cache marks of Anthropic's": ("messages", block(
        "user", type="text", text="t", cache_control={"type": "ephemeral"}), "messages[1].content[0]"),
    "cache marks of OpenAI's": (
        "chat", asks({"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}}),
        "messages[0].content[0]"),
    "a tool of another maker's that has to be used": (
        "chat", {"tools": [F, {"type": "web_search"}], "tool_choice": {"type": "web_search"}}, "tool_choice"),
    "tools that only one maker's models know": (
        "messages", {"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0]"),
    "tools that another maker's servers run": ("chat", {"tools": [F, {"type": "web_search"}]}, "tools[1]"),
    "tools in a namespace": ("responses", {"tools": [{"type": "namespace", "name": "n", "description": "", "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object"}}]}]}, "tools[0].tools[0]"),
    "names of tools that are too long, or odd": (
        "chat", {"tools": [{"type": "function", "function": {"name": "a.b"}}]}, "tools[0]"),
    "strict tools that Claude does not guarantee": (
        "chat", {"tools": [{"type": "function", "function": {**F["function"], "strict": True}}]}, "tools[0]"),
    "strict tools that OpenAI does not guarantee": (
        "messages", {"tools": [{"name": "f", "input_schema": {"type": "object"}, "strict": True}]}, "tools[0]"),
    "tools of free text": ("chat", {"tools": [G]}, "tools[0]"),
    "a choice among some tools": ("chat", {"tools": [F, H], "tool_choice": {"type": "allowed_tools", "allowed_tools": {
        "mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}}}, "tool_choice"),
    "a function that has to be called": (
        "chat", {"tools": [F], "tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
    "JSON of any form": ("chat", {"response_format": {"type": "json_object"}}, "response_format"),
    "JSON by a schema": ("chat", {"response_format": {"type": "json_schema", "json_schema": {
        "name": "n", "schema": {"type": "object", "additionalProperties": False}}}}, "response_format.json_schema"),
    "a schema that Claude does not guarantee": ("chat", {"response_format": {"type": "json_schema", "json_schema": {
        "name": "n", "schema": {"type": "object"}}}}, "response_format.json_schema"),
    "a schema of Claude's, guaranteed": ("messages", {"output_config": {"format": {
        "type": "json_schema", "schema": {"type": "object", "additionalProperties": False}}}}, "output_config.format"),
    "a schema of Claude's, without OpenAI's guarantee": ("messages", {"output_config": {"format": {
        "type": "json_schema", "schema": {"type": "object"}}}}, "output_config.format"),
    "a budget to think for": ("messages", {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048},
                              "thinking"),
    "an effort in Claude's words": ("messages", {"output_config": {"effort": "max"}}, "output_config.effort"),
    "an effort without a word": ("chat", {"reasoning_effort": "xhigh"}, "reasoning_effort"),
    "reasoning to be sealed": ("responses", {"include": ["reasoning.encrypted_content"]}, "include"),
    "prompt cache key": ("chat", {"prompt_cache_key": "k"}, "prompt_cache_key"),
    "the client's own user": ("chat", {"user": "u"}, "user"),
    "metadata": ("chat", {"metadata": {"a": "b"}}, "metadata"),
    "verbosity": ("chat", {"verbosity": "low"}, "verbosity"),
    "several texts in a row": (
        "chat", asks({"type": "text", "text": "a"}, {"type": "text", "text": "b"}), "messages[0]"),
}
CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}
UNEYED = ("images for a model without eyes",)


def test_every_row_has_a_use() -> None:
    assert [feature.name for feature in FEATURES] == list(USES)


def target_of(feature: Feature, engine: Engine) -> Target:
    return Target(engine, own=feature.name.startswith("addresses"), images=feature.name not in UNEYED)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
@pytest.mark.parametrize("to", ["chat", "responses", "messages"])
def test_the_table_is_what_happens(feature: Feature, to: Dialect) -> None:
    client, more, where = USES[feature.name]
    prompt = prompt_of(client, **more)
    for engine in ENGINES if (client, to) != ("messages", "messages") else ():
        fate, target = feature.fate(to, engine), target_of(feature, engine)
        assert next(feature.find(prompt, target)) in (where, ""), "the row finds its use"
        found = fit(prompt, client, to, target)
        if fate.verdict == "refused" and (not feature.clients or client in feature.clients):
            assert isinstance(found, Malformed) and found.refusal is Refusal.FEATURE_UNSUPPORTED
            reasons = {f"{where} {row.fate(to, engine).why}" for row in FEATURES}
            assert found.param == where and found.message in reasons, "its own reason, or that of an earlier row"
            assert found.message == f"{where} {fate.why}" or engine == "bedrock"
            continue
        if isinstance(found, Malformed):  # another row says so: an unread page is no page at an address either
            assert found.message in {f"{where} {row.fate(to, engine).why}" for row in FEATURES if row is not feature}
            continue
        noted = [note for note in found.notes if note == f"{where} {fate.why}"]
        assert len(noted) == (fate.verdict == "dropped" or (fate.verdict == "told" and fate.noted))
        if fate.rewrite is not None and fate.verdict != "kept":
            left = list(feature.find(found.prompt, target))
            assert left == [] or feature.name == "an answer begun, to be gone on from", "what was rewritten is gone"
        if fate.verdict == "kept":
            still = list(feature.find(found.prompt, target))
            assert still or found.prompt.format is None, "what is kept is still there, if it is not a call by now"


@pytest.mark.parametrize("engine", ["vllm", "sglang", "llamacpp", "trtllm", "mindie", "lmdeploy", "ollama"])
def test_own_engines_take_what_is_written(engine: Engine) -> None:
    """The allow-list of an own engine has every word that a translation may write for it."""
    source = Source(engine, True, "m", images=True)
    for client, more, _ in USES.values():
        for to in REACHES[client]:
            found = translate(facts_of(client, **more), to, Target(engine, True, True))
            if isinstance(found, Translated) and (to == "chat" or engine == "vllm"):
                assert check_fields(found.facts, source) is None, (client, to, more)


def test_reasons_are_sentences() -> None:
    for feature in FEATURES:
        assert feature.cells.keys() == {"chat", "responses", "messages"}
        for fate in (*feature.cells.values(), *feature.engines.values()):
            assert fate.verdict == "kept" or fate.why.endswith("."), feature.name
            assert fate.rewrite is not None or fate.verdict != "dropped", feature.name


def test_nothing_is_lost_of_a_plain_chat() -> None:
    for client, reached in REACHES.items():
        for to in reached:
            for engine in ENGINES:
                assert moved(client, to, Target(engine)).notes == ()


def test_many_places_make_one_note() -> None:
    found = fit(prompt_of("messages", messages=[
        {"role": "user", "content": "u"}, {"role": "assistant", "content": [THINKS, THINKS]},
        {"role": "user", "content": "v"}]), "messages", "chat", Target("vllm"))
    assert isinstance(found, Fitted)
    assert found.notes == ("messages[1].content[0] (and 1 more) was dropped: it is sealed for its maker's models, and "
                           "no other can read it.",)
    assert [turn.role for turn in found.prompt.turns] == ["user"], "a turn of nothing is gone, its neighbours are one"


def test_members_without_a_word_are_noted() -> None:
    found = moved("chat", "messages", messages=[{"role": "user", "content": [{"type": "text", "text": "a", "odd": 1}]}])
    assert found.notes == ("messages[].content[].odd was dropped: no other interface knows it.",)


@pytest.mark.parametrize(("more", "param"), [
    ({"temperature": 1.2}, None), ({"temperature": 1}, None), ({"temperature": 0.2, "top_p": 0.5}, None),
    ({"presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}}, None), ({"metadata": {}}, None),
])  # fmt: skip
def test_what_says_nothing_is_not_found(more: dict[str, Any], param: str | None) -> None:
    assert moved("chat", "messages", Target("vllm"), **more).notes == ()


def test_refusals_name_the_client_s_own_field() -> None:
    assert refused("responses", "messages", Target("anthropic"), top_logprobs=2).param == "top_logprobs"
    assert refused("completions", "responses", stop="x").param == "stop"
    assert refused("messages", "responses", stop_sequences=["x"]).param == "stop_sequences"


def test_claude_takes_what_claude_can() -> None:
    body = sent("chat", "messages", Target("anthropic", images=True), temperature=1, stop=["x"], tools=[F],
                response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": CLOSED}})
    assert body["stop_sequences"] == ["x"] and body["temperature"] == 1
    assert body["output_config"]["format"]["schema"] == CLOSED


@pytest.mark.parametrize(("engine", "roles"), [("vllm", ["system", "user"]), ("openai", ["system", "user", "system"])])
def test_claude_code_at_templates_that_take_one_system(engine: Engine, roles: list[str]) -> None:
    said = {"system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "messages": [
        {"role": "user", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
        {"role": "system", "content": "e"}]}
    body = moved("messages", "chat", Target(engine), **said).body
    told = [(message["role"], message["content"]) for message in json.loads(body)["messages"]]
    assert [role for role, _ in told] == roles
    if engine == "vllm":
        assert told[1][1] == "c\n\nd\n\n<system-reminder>\ne\n</system-reminder>"
