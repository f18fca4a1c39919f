"""The field table: who may be asked what, and what the body looks like that goes there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire.dialects import DIALECTS, ENGINES, Dialect, Engine
from tokenworks.wire.fields import EXTRA_USES, Source, check_fields, count_uses, prepare, refuse_dialect
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import RequestFacts, read_request
from tokenworks.wire.rules import GUARDED, HELD, HELD_DIALECT, OPEN, SPECIAL

LEAST: dict[Dialect, dict[str, Any]] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "completions": {"model": "m", "prompt": "hi"},
    "responses": {"model": "m", "input": "hi"},
    "messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "embeddings": {"model": "m", "input": "hi"},
}
OPENAI = Source("openai", False, "gpt")
ANTHROPIC = Source("anthropic", False, "claude")
VLLM = Source("vllm", True, "qwen", "exact")
LLAMACPP = Source("llamacpp", True, "m", "exact")


def ask(dialect: Dialect, **more: Any) -> tuple[bytes, RequestFacts]:
    body = json.dumps({**LEAST[dialect], **more}, separators=(",", ":")).encode()
    facts = read_request(dialect, body)
    assert isinstance(facts, RequestFacts), facts
    return body, facts


def fault_of(source: Source, dialect: Dialect, priced: tuple[str, ...] = (), **more: Any) -> Malformed | None:
    return check_fields(ask(dialect, **more)[1], source, priced)


def sent(source: Source, dialect: Dialect, cap: int | None = None, as_stream: bool = False, **more: Any) -> Any:
    body, facts = ask(dialect, **more)
    found = prepare(body, facts, source, cap, "acc_1", as_stream)
    whole = b"".join(found.pieces)
    assert found.length == len(whole)
    return json.loads(whole)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_ordinary_fields(engine: Engine, own: bool, dialect: Dialect) -> None:
    """What the interface has and costs nothing goes to everybody."""
    source = Source(engine, own, "x")
    for key in sorted(OPEN[dialect] - {"n", "best_of", "stream_options", "tools", "timings_per_token"}):
        value = LEAST[dialect].get(key, 1 if key.startswith("max_") else True if key == "stream" else "x")
        if key in HELD_DIALECT.get((engine, dialect), {}):
            continue
        assert fault_of(source, dialect, **{key: value}) is None, key


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_unknown_fields(engine: Engine, dialect: Dialect) -> None:
    fault = fault_of(Source(engine, True, "x"), dialect, frobnicate=1)
    assert fault == Malformed(
        Refusal.FEATURE_UNSUPPORTED, "frobnicate is not known to the server of this model. Leave it out.", "frobnicate")
    assert fault_of(Source(engine, False, "x"), dialect, frobnicate=1) is None


MONEY = [
    ("service_tier", "priority"), ("service_tier", "flex"), ("speed", "fast"), ("inference_geo", "us"),
    ("billing_policy", {}), ("fallbacks", ["big"]), ("models", ["big"]), ("background", True), ("deferred", True),
    ("web_search_options", {}), ("enable_search", True), ("search_parameters", {"mode": "on"}), ("plugins", [{}]),
    ("mcp_servers", [{"url": "https://x"}]), ("modalities", ["text", "audio"]), ("audio", {"voice": "x"}),
    ("workspace_id", "wrk_1"), ("diagnostics", {"previous_message_id": "msg_1"}), ("api_base", "http://evil"),
    ("provider", {"order": ["x"]}), ("extra_body", {"a": 1}), ("thread", {"id": "t"}), ("fallback_credit_token", "t"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), MONEY)
@pytest.mark.parametrize("source", [OPENAI, ANTHROPIC, VLLM, LLAMACPP, Source("vllm", False, "x")])
def test_fields_that_reach_money(source: Source, key: str, value: Any) -> None:
    """Neither an own engine nor a bought upstream is asked what no card prices, in whatever case it is written."""
    for dialect in DIALECTS:
        fault = fault_of(source, dialect, **{key: value})
        assert fault is not None and fault.refusal is Refusal.FEATURE_UNSUPPORTED and fault.param == key
        assert key in fault.message and fault.message.endswith(".")
        for spelling in (key.upper(), key.title()):
            fault = fault_of(source, dialect, **{spelling: value})
            assert fault is not None and fault.refusal is Refusal.FIELD_INVALID and key in fault.message


@pytest.mark.parametrize(("key", "value"), [
    ("service_tier", "auto"), ("service_tier", None), ("service_tier", "default"), ("service_tier", "standard_only"),
    ("background", False), ("background", None), ("modalities", ["text"]), ("plugins", []), ("mcp_servers", []),
    ("diagnostics", None), ("priority", 0), ("inference_geo", "global"),
])
@pytest.mark.parametrize("source", [OPENAI, ANTHROPIC, VLLM, LLAMACPP])
def test_harmless_values(source: Source, key: str, value: Any) -> None:
    assert fault_of(source, "chat", **{key: value}) is None


@pytest.mark.parametrize(("key", "value"), [
    ("background", 0), ("priority", False), ("priority", 0.0), ("service_tier", "auto" + " " * 300), ("priority", 1),
])
def test_nearly_harmless_values(key: str, value: Any) -> None:
    assert fault_of(OPENAI, "responses", **{key: value}) is not None


@pytest.mark.parametrize("spelling", ["Tools", "MESSAGES", "Input", "Service_Tier", "\u017ftore"])
def test_spellings(spelling: str) -> None:
    """A server that folds case must not find under another spelling what was not looked at."""
    fault = fault_of(OPENAI, "responses", **{spelling: []})
    assert spelling == "MESSAGES" or (fault is not None and fault.refusal is Refusal.FIELD_INVALID)
    assert spelling != "MESSAGES" or fault_of(OPENAI, "chat", MESSAGES=[]) is not None


def test_tables_agree() -> None:
    """No field is both open and held; the aliases of caps are held wherever they are not the dialect's own."""
    for dialect in DIALECTS:
        assert not OPEN[dialect] & GUARDED[dialect].keys()
        for engine in ENGINES:
            assert not SPECIAL.get((engine, dialect), frozenset()) & (GUARDED[dialect].keys() | HELD[engine].keys())


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(("dialect", "more"), [
    ("chat", {"n_predict": 99}), ("responses", {"max_completion_tokens": 99}), ("responses", {"max_tokens": 99}),
    ("completions", {"max_completion_tokens": 99}), ("chat", {"id_slot": 3}), ("chat", {"response_fields": ["x"]}),
    ("chat", {"n": 2}), ("completions", {"n": 2}), ("completions", {"best_of": 2}),
    ("completions", {"prompt": ["a", "b"]}),
    ("chat", {"lora": [{"id": 0, "scale": 1}]}), ("chat", {"n_cmpl": 4}),
])
def test_llamacpp(own: bool, dialect: Dialect, more: dict[str, Any]) -> None:
    """What llama.cpp would take for a higher cap, another's cache, or answers that its usage does not count."""
    source = Source("llamacpp", own, "x")
    fault = fault_of(source, dialect, **more)
    assert fault is not None and fault.refusal is Refusal.FEATURE_UNSUPPORTED and fault.param in {*more, "n", "prompt"}
    assert fault_of(source, "chat", n=1, seed=4) is None


@pytest.mark.parametrize("dialect", ["chat", "completions"])
def test_llamacpp_several(dialect: Dialect) -> None:
    """Several answers where each tells how far it is; never several prompts."""
    assert fault_of(LLAMACPP, dialect, n=2) is None
    if dialect == "completions":
        fault = fault_of(LLAMACPP, dialect, prompt=["a", "b"])
        assert fault is not None and fault.param == "prompt"


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(("key", "value"), [
    ("chat_template", "{{ x }}"), ("logits_processors", ["os.system"]), ("kv_transfer_params", {}),
    ("prompt_logprobs", 5), ("use_beam_search", True),
])
def test_vllm(own: bool, key: str, value: Any) -> None:
    fault = fault_of(Source("vllm", own, "x"), "chat", **{key: value})
    assert fault is not None and fault.param == key


def test_templates() -> None:
    assert fault_of(VLLM, "chat", chat_template_kwargs={"enable_thinking": False}) is None
    fault = fault_of(VLLM, "chat", chat_template_kwargs={"enable_thinking": False, "chat_template": "{{ x }}"})
    assert fault is not None and fault.param == "chat_template_kwargs"
    assert fault_of(VLLM, "chat", chat_template_kwargs=["enable_thinking"]) is not None
    assert fault_of(OPENAI, "chat", chat_template_kwargs={"a": 1}) is None


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
REMOTE = {"type": "image_url", "image_url": {"url": "http://10.0.0.1/a.png"}}
FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}


@pytest.mark.parametrize(("source", "part", "words"), [
    (OPENAI, IMAGE, "no images"), (Source("openai", False, "x", images=True), IMAGE, ""),
    (Source("openai", False, "x", images=True), REMOTE, ""), (Source("vllm", True, "x", images=True), IMAGE, ""),
    (Source("vllm", True, "x", images=True), REMOTE, "not fetched"), (OPENAI, FILE, ""), (VLLM, FILE, "'file'"),
    (OPENAI, AUDIO, "'input_audio'"), (VLLM, {"image_url": "http://x"}, "'untyped'"),
])
def test_parts(source: Source, part: dict[str, Any], words: str) -> None:
    fault = fault_of(source, "chat", messages=[{"role": "user", "content": [{"type": "text", "text": "x"}, part]}])
    assert (fault is None) if not words else (fault is not None and words in fault.message)


@pytest.mark.parametrize(("source", "dialect", "kind", "priced", "passes"), [
    (ANTHROPIC, "messages", "web_search_20260318", (), False),
    (ANTHROPIC, "messages", "web_search_20260318", ("searches",), True),
    (ANTHROPIC, "messages", "web_fetch_20260318", ("searches",), False),
    (ANTHROPIC, "messages", "code_execution_20260521", ("searches", "fetches"), False),
    (ANTHROPIC, "messages", "text_editor_20250728", (), True), (ANTHROPIC, "messages", "custom", (), True),
    (OPENAI, "responses", "web_search", ("searches",), False), (OPENAI, "responses", "mcp", (), False),
    (OPENAI, "responses", "local_shell", (), True), (OPENAI, "responses", "image_generation", (), False),
    (Source("anthropic", True, "x"), "messages", "web_search_20260318", ("searches",), False),
    (VLLM, "chat", "web_search", ("searches",), False), (LLAMACPP, "responses", "code_interpreter", (), False),
])
def test_tools(source: Source, dialect: Dialect, kind: str, priced: tuple[str, ...], passes: bool) -> None:
    """Tools that the server runs pass only where the card prices them and the usage says how often they ran."""
    fault = fault_of(source, dialect, priced, tools=[{"type": kind, "name": "x"}])
    assert (fault is None) == passes
    assert passes or (fault is not None and repr(kind) in fault.message and fault.param == "tools")


def test_uses_held_for() -> None:
    """As often as the request allows, or a usual number; tools of no priced kind are nothing to hold for."""
    search, fetch = {"type": "web_search_20260318"}, {"type": "web_fetch_20260318"}
    tools = [{**search, "max_uses": 2}, {**search, "max_uses": 3}, fetch, {"type": "custom"}]
    body = {"model": "m", "max_tokens": 1, "messages": [], "tools": tools}
    facts = read_request("messages", json.dumps(body).encode())
    assert isinstance(facts, RequestFacts)
    assert count_uses(facts, "anthropic") == {"searches": 5, "fetches": EXTRA_USES}
    assert count_uses(facts, "openai") == {}


@pytest.mark.parametrize(("source", "dialect", "refused"), [
    (VLLM, "messages", True), (VLLM, "chat", False),
    (Source("vllm", True, "x", share_prefix_cache=True), "messages", False),
    (LLAMACPP, "messages", False), (Source("llamacpp", False, "x"), "messages", True), (ANTHROPIC, "messages", False),
])
def test_dialects_that_cannot_be_kept_apart(source: Source, dialect: Dialect, refused: bool) -> None:
    assert bool(refuse_dialect(source, dialect)) == refused


@pytest.mark.parametrize("dialect", ["chat", "completions", "responses"])
def test_llamacpp_body(dialect: Dialect) -> None:
    body = sent(LLAMACPP, dialect, cache_prompt=True)
    assert (body["model"], body["cache_prompt"], body["timings_per_token"]) == ("m", False, True)
    shared = Source("llamacpp", True, "m", "visible", share_prefix_cache=True)
    assert sent(shared, dialect)["cache_prompt"] is True and "timings_per_token" not in sent(shared, dialect)
    assert "cache_prompt" not in sent(LLAMACPP, "messages")


def test_vllm_body() -> None:
    body = sent(VLLM, "chat", stream=True, cache_salt="mine", priority=-5, store=True)
    assert (body["model"], body["cache_salt"], body["priority"], body["store"]) == ("qwen", "acc_1", 0, False)
    assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
    assert "cache_salt" not in sent(Source("vllm", True, "x", share_prefix_cache=True), "chat")
    assert "stream_options" not in sent(VLLM, "chat") and sent(VLLM, "embeddings")["cache_salt"] == "acc_1"


@pytest.mark.parametrize(("source", "theirs", "expected"), [
    (OPENAI, "absent", {"include_usage": True}), (OPENAI, None, {"include_usage": True}),
    (OPENAI, {"include_usage": False}, {"include_usage": True}),
    (OPENAI, {"include_usage": False, "include_obfuscation": 1}, {"include_usage": True, "include_obfuscation": 1}),
    (OPENAI, {"include_usage": True, "x": 1}, {"include_usage": True, "x": 1}),
    (VLLM, {"include_usage": True}, {"include_usage": True, "continuous_usage_stats": True}),
    (VLLM, {"continuous_usage_stats": False}, {"include_usage": True, "continuous_usage_stats": True}),
])
def test_stream_options(source: Source, theirs: Any, expected: Any) -> None:
    more = {} if theirs == "absent" else {"stream_options": theirs}
    assert sent(source, "chat", stream=True, **more)["stream_options"] == expected


def test_asked_as_a_stream() -> None:
    body = sent(LLAMACPP, "chat", as_stream=True, stream=False)
    assert body["stream"] is True and body["stream_options"] == {"include_usage": True}
    assert sent(ANTHROPIC, "messages", as_stream=True)["stream"] is True


BLIND = Source("openai", False, "x", "blind")
BOTH = {"max_tokens": 3, "max_completion_tokens": 3}


@pytest.mark.parametrize(("source", "dialect", "more", "cap", "expected"), [
    (LLAMACPP, "chat", {}, 100, {"max_tokens": 100}), (LLAMACPP, "chat", {"max_tokens": 7}, 100, {"max_tokens": 7}),
    (LLAMACPP, "chat", {"max_tokens": 700}, 100, {"max_tokens": 100}),
    (LLAMACPP, "chat", {"max_tokens": None}, 100, {"max_tokens": 100}),
    (LLAMACPP, "chat", {"max_tokens": 3, "max_completion_tokens": 9}, 100, BOTH),
    (LLAMACPP, "chat", {"max_tokens": 3, "max_completion_tokens": 9}, None, BOTH),
    (LLAMACPP, "responses", {}, 50, {"max_output_tokens": 50}), (LLAMACPP, "completions", {}, 50, {"max_tokens": 50}),
    (VLLM, "completions", {}, 50, {"max_tokens": 16}), (VLLM, "completions", {}, 5, {"max_tokens": 5}),
    (OPENAI, "chat", {}, 100, {}), (OPENAI, "chat", {"max_tokens": 700}, 100, {"max_tokens": 100}),
    (BLIND, "chat", {}, 100, {"max_completion_tokens": 100}), (OPENAI, "chat", {}, None, {}),
    (ANTHROPIC, "messages", {"max_tokens": 4000}, 100, {"max_tokens": 100}), (VLLM, "embeddings", {}, 100, {}),
    (LLAMACPP, "chat", {"max_tokens": 0}, 100, {"max_tokens": 0}),
])
def test_caps(
    source: Source, dialect: Dialect, more: dict[str, Any], cap: int | None, expected: dict[str, int]
) -> None:
    body = sent(source, dialect, cap, **more)
    assert {key: value for key, value in body.items() if key.startswith("max_")} == expected


def test_nothing_to_do() -> None:
    """A body that needs nothing of ours goes as it came."""
    body, facts = ask("chat", max_tokens=5)
    assert b"".join(prepare(body, facts, Source("openai", False, "m"), 100, "acc_1").pieces) == body


@given(
    st.sampled_from([OPENAI, ANTHROPIC, VLLM, LLAMACPP, BLIND]), st.booleans(),
    st.dictionaries(st.sampled_from(["stream", "store", "cache_prompt", "cache_salt", "seed", "ö"]), st.booleans()),
    st.none() | st.integers(1, 50), st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
def test_only_owned_fields_change(
    source: Source, as_stream: bool, more: dict[str, bool], cap: int | None, separators: tuple[str, str]
) -> None:
    said = {**LEAST["chat"], **more, "max_tokens": 9}
    body = json.dumps(said, separators=separators, ensure_ascii=False).encode()
    facts = read_request("chat", body)
    assert isinstance(facts, RequestFacts)
    found = prepare(body, facts, source, cap, "acc_1", as_stream)
    whole = b"".join(found.pieces)
    assert len(whole) == found.length
    changed = {key for key, value in json.loads(whole).items() if said.get(key, said) != value}
    assert changed <= {"model", "stream", "stream_options", "store", "cache_prompt", "cache_salt", "timings_per_token",
                       "max_tokens", "max_completion_tokens"}
    assert set(said) <= set(json.loads(whole))


MISTRAL = Source("mistral", False, "mistral-large")
TRTLLM = Source("trtllm", True, "qwen", "exact")


def test_strict_servers() -> None:
    """Mistral and TensorRT-LLM answer 4xx to a word that they do not know, also with a harmless value."""
    said = {"stream": True, "stream_options": {"include_usage": True}, "store": False, "user": "u", "logprobs": False,
            "service_tier": "auto", "parallel_tool_calls": True, "seed": 7, "max_completion_tokens": 50}
    assert fault_of(MISTRAL, "chat", **said) is None
    assert sent(MISTRAL, "chat", **said) == {
        **LEAST["chat"], "model": "mistral-large", "stream": True, "parallel_tool_calls": True, "random_seed": 7,
        "max_tokens": 50}
    assert sent(MISTRAL, "chat", as_stream=True) == {**LEAST["chat"], "model": "mistral-large", "stream": True}
    assert sent(MISTRAL, "chat", cap=20, max_tokens=40, max_completion_tokens=30)["max_tokens"] == 20
    assert sent(MISTRAL, "chat", max_tokens=40, max_completion_tokens=30)["max_tokens"] == 30
    found = sent(TRTLLM, "chat", store=True, metadata={"a": "b"}, prompt_cache_key="k", service_tier="auto", user="u")
    assert found == {**LEAST["chat"], "model": "qwen", "cache_salt": "acc_1", "user": "u"}
    for key, value in (("logit_bias", {"5": 1}), ("logprobs", True), ("guardrails", []), ("safe_prompt", True)):
        fault = fault_of(MISTRAL, "chat", **{key: value})
        assert fault is not None and fault.param == key


def test_spaced_bodies_of_strict_servers() -> None:
    body = json.dumps({**LEAST["chat"], "user": "u", "max_completion_tokens": 9}, indent=2).encode()
    facts = read_request("chat", body)
    assert isinstance(facts, RequestFacts)
    found = prepare(body, facts, MISTRAL, 5, "acc_1")
    whole = b"".join(found.pieces)
    assert len(whole) == found.length
    assert json.loads(whole) == {**LEAST["chat"], "model": "mistral-large", "max_tokens": 5}


@pytest.mark.parametrize("engine", ["deepseek", "dashscope", "zhipu", "mindie", "ollama"])
def test_caps_that_are_heard(engine: Engine) -> None:
    """A server that knows one cap gets that one, or the answer would have none."""
    assert sent(Source(engine, False, "m"), "chat", max_completion_tokens=9) == {**LEAST["chat"], "max_tokens": 9}
    assert sent(Source(engine, False, "m"), "chat", cap=4, max_completion_tokens=9)["max_tokens"] == 4


@pytest.mark.parametrize(("engine", "dialect", "salted"), [
    ("sglang", "chat", True), ("sglang", "completions", True), ("sglang", "messages", False),
    ("trtllm", "chat", True), ("trtllm", "completions", False),
    ("lmdeploy", "chat", False), ("mindie", "chat", False), ("ollama", "chat", False), ("vllm", "messages", False),
])  # fmt: skip
def test_prompt_caches(engine: Engine, dialect: Dialect, salted: bool) -> None:
    """Accounts' prompt caches are kept apart by a salt, or the deployment is not asked unless they may be shared."""
    source, shared = Source(engine, True, "m"), Source(engine, True, "m", share_prefix_cache=True)
    assert (sent(source, dialect).get("cache_salt") == "acc_1") is salted
    assert (refuse_dialect(source, dialect) == "") is salted
    assert refuse_dialect(shared, dialect) == "" and "cache_salt" not in sent(shared, dialect)


@pytest.mark.parametrize("engine", ["vllm", "sglang", "trtllm"])
def test_figures_in_every_chunk(engine: Engine) -> None:
    options = sent(Source(engine, True, "m", "exact"), "chat", stream=True)["stream_options"]
    assert options == {"include_usage": True, "continuous_usage_stats": True}
    assert sent(Source(engine, True, "m"), "chat", stream=True)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(("engine", "more"), [
    ("sglang", {"extra_key": "x"}), ("sglang", {"session_params": {}}), ("sglang", {"lora_path": "/x"}),
    ("sglang", {"custom_logit_processor": "x"}), ("sglang", {"rid": "r"}), ("trtllm", {"lora_request": {}}),
    ("trtllm", {"prompt_token_ids": [1]}), ("trtllm", {"conversation_params": {"conversation_id": "c"}}),
    ("trtllm", {"best_of": 2}), ("lmdeploy", {"session_id": 5}), ("mindie", {"n": 2}), ("ollama", {"n": 2}),
    ("dashscope", {"enable_search": True}), ("dashscope", {"enable_code_interpreter": True}),
    ("xai", {"search_parameters": {"mode": "on"}}), ("xai", {"deferred": True}), ("minimax", {"plugins": ["x"]}),
])  # fmt: skip
@pytest.mark.parametrize("own", [True, False])
def test_what_engines_must_not_be_asked(engine: Engine, own: bool, more: dict[str, Any]) -> None:
    fault = fault_of(Source(engine, own, "x"), "chat", **more)
    assert fault is not None and fault.param in more


def test_tools_that_are_billed_by_the_use() -> None:
    """xAI's and DashScope's searches pass where the card prices them, because their usage says how often."""
    for engine, kind, extra in (("xai", "x_search", "searches"), ("dashscope", "web_extractor", "fetches")):
        source, tools = Source(engine, False, "x"), [{"type": kind}]  # type: ignore[arg-type]
        assert fault_of(source, "responses", tools=tools) is not None
        assert fault_of(source, "responses", (extra,), tools=tools) is None
        assert count_uses(ask("responses", tools=tools)[1], source.engine) == {extra: EXTRA_USES}
