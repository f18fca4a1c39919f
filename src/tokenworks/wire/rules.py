"""The field table's rows: which fields of a request are passed, priced, owned or denied, by dialect and engine.

Own engines get an allow-list: OPEN and the engine's part of SPECIAL. Bought upstreams get everything that GUARDED and
HELD do not hold back; these apply to own engines too. Nothing here decides anything: fields.py does.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.wire.dialects import ENGINES, Dialect, Engine

Verdict = Literal["passed", "priced", "owned", "denied"]


class Rule(msgspec.Struct, frozen=True):
    """One guarded field. `only`: values that are harmless whatever the verdict. `remedy`: what the client is told.

    `keys`: an object with no other keys than these passes. `price`: the extra that the rate card must price.
    """

    verdict: Verdict
    remedy: str = ""
    only: tuple[object, ...] = (None,)
    keys: frozenset[str] = frozenset()
    price: str = ""


_LEAVE = "is not offered here. Leave it out."
_TIER = "would be billed at another price, which is not offered here. Leave it out."
_OTHERS = "names something that belongs to the operator's own account. Leave it out."
_ELSEWHERE = "would send the request to another model or place, at another price. Leave it out."
_SEARCH = "is a search that costs extra and has no price here. Leave it out."
_ALIAS = "is another word for a field that decides the price. Use the interface's own field."

# --- held back from whomever they would go to, by dialect ---
_ANY: dict[str, Rule] = {
    # another price for the same tokens
    "service_tier": Rule("denied", _TIER, (None, "auto", "default", "standard", "standard_only")),
    "speed": Rule("denied", _TIER, (None, "standard")),
    "priority": Rule("denied", _TIER, (None, 0)),
    "inference_geo": Rule("denied", _TIER, (None, "global")),
    "billing_policy": Rule("denied", _TIER),
    "fallback_credit_token": Rule("denied", _TIER),
    "deferred": Rule("denied", _TIER, (None, False)),
    # another model or place
    "models": Rule("denied", _ELSEWHERE),
    "fallbacks": Rule("denied", _ELSEWHERE),
    "route": Rule("denied", _ELSEWHERE),
    "provider": Rule("denied", _ELSEWHERE),
    "api_base": Rule("denied", _ELSEWHERE),
    "base_url": Rule("denied", _ELSEWHERE),
    "api_key": Rule("denied", _ELSEWHERE),
    "extra_body": Rule("denied", "is a setting of the client library; it should not have been sent. Leave it out."),
    "extra_headers": Rule("denied", "is a setting of the client library; it should not have been sent. Leave it out."),
    "extra_query": Rule("denied", "is a setting of the client library; it should not have been sent. Leave it out."),
    # work beside the answer
    "background": Rule("denied", "is not offered here. Ask for a stream instead.", (None, False)),
    "background_options": Rule("denied", _LEAVE),
    "web_search_options": Rule("denied", _SEARCH),
    "web_search": Rule("denied", _SEARCH, (None, False)),
    "enable_search": Rule("denied", _SEARCH, (None, False)),
    "search_parameters": Rule("denied", _SEARCH),
    "search_options": Rule("denied", _SEARCH),
    "plugins": Rule("denied", _SEARCH, (None, [])),
    "mcp_servers": Rule("denied", "lets the upstream call other servers, which is not offered here.", (None, [])),
    "modalities": Rule("denied", "must be text alone: other output has no price here.", (None, ["text"])),
    "audio": Rule("denied", "has no price here. Leave it out."),
    # the operator's account at the upstream
    "workspace_id": Rule("denied", _OTHERS),
    "user_profile_id": Rule("denied", _OTHERS),
    "access_programs": Rule("denied", _OTHERS),
    "thread": Rule("denied", _OTHERS),
    "diagnostics": Rule("denied", _OTHERS, (None, {}, {"previous_message_id": None})),
}
GUARDED: dict[Dialect, dict[str, Rule]] = {
    "chat": {**_ANY, "store": Rule("owned")},
    "completions": {**_ANY, "store": Rule("owned")},
    "responses": {
        **_ANY,
        "prompt": Rule("denied", _OTHERS),
        "store": Rule("passed"),  # objects stored upstream are bound to the account that they were issued to
    },
    "messages": _ANY,
    "embeddings": _ANY,
}

# --- held back from one kind of engine, own or bought ---
_CAP_WORDS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict", "n_cmpl")
_CODE = Rule("denied", "would run code of yours on the server. Leave it out.")
_CHAT_TEMPLATE = Rule("denied", "would run a template of yours on the server. Leave it out.")
_ONE_ANSWER = Rule("denied", "must be 1 for this model. Send one request per answer.", (None, 1))
_BEAMS = Rule("denied", "makes tokens that no figure shows. Leave it out.", (None, False))
HELD: dict[Engine, dict[str, Rule]] = {
    **{engine: {} for engine in ENGINES},
    "vllm": {
        "priority": Rule("owned"),
        "cache_salt": Rule("owned"),
        "chat_template": _CHAT_TEMPLATE,
        "logits_processors": _CODE,
        "kv_transfer_params": Rule("denied", _OTHERS),
        "prompt_logprobs": Rule("denied", "would switch the prompt cache off. Leave it out."),
        "use_beam_search": _BEAMS,
    },
    "sglang": {
        "priority": Rule("owned"),
        "cache_salt": Rule("owned"),
        "chat_template": _CHAT_TEMPLATE,
        "custom_logit_processor": _CODE,
        "custom_params": _CODE,
        **dict.fromkeys(("extra_key", "session_id", "session_params", "rid", "lora_path", "bootstrap_host",
                         "bootstrap_port", "bootstrap_room", "routed_dp_rank", "data_parallel_rank"),
                        Rule("denied", _OTHERS)),
        "return_hidden_states": Rule("denied", _LEAVE, (None, False)),
        "use_beam_search": _BEAMS,
    },
    "trtllm": {
        "cache_salt": Rule("owned"),
        "chat_template": _CHAT_TEMPLATE,
        **dict.fromkeys(("lora_request", "disaggregated_params", "conversation_params", "agent_hierarchy",
                         "prompt_token_ids", "prompt_token_ids_b64"), Rule("denied", _OTHERS)),
        "use_beam_search": _BEAMS,
        "best_of": _ONE_ANSWER,
    },
    "lmdeploy": {"session_id": Rule("denied", _OTHERS, (None, -1))},
    "ollama": {"_debug_render_only": Rule("denied", _LEAVE, (None, False))},
    "dashscope": {"enable_code_interpreter": Rule("denied", _LEAVE, (None, False))},
    "mistral": {
        "safe_prompt": Rule("denied", "would change your prompt. Write it into the system message.", (None, False)),
        "guardrails": Rule("denied", _LEAVE),
    },
    "llamacpp": {
        "cache_prompt": Rule("owned"),
        "id_slot": Rule("denied", "would reach into another account's cache. Leave it out.", (None, -1)),
        "response_fields": Rule("denied", "would take the usage out of the answer. Leave it out."),
        "lora": Rule("denied", _OTHERS, (None, [])),
        **{word: Rule("denied", _ALIAS) for word in _CAP_WORDS},  # llama.cpp takes the first of them that it finds
    },
}
HELD_DIALECT: dict[tuple[Engine, Dialect], dict[str, Rule]] = {
    # Several answers or prompts in one request: the usage names the tokens of one (llama.cpp PR 27318). Its streams
    # tell the progress of each answer, so `n` is asked for as a stream.
    ("llamacpp", "completions"): {"best_of": _ONE_ANSWER},
    ("trtllm", "completions"): {"best_of": _ONE_ANSWER},
    # MindIE and Ollama answer once whatever is asked for.
    **{(engine, dialect): {"n": _ONE_ANSWER} for engine in ("mindie", "ollama") for dialect in ("chat", "completions")},
    ("mistral", "chat"): dict.fromkeys(
        ("logit_bias", "logprobs", "top_logprobs"),
        Rule("denied", "is not known to the server of this model. Leave it out.", (None, False, 0, {})),
    ),
}

# Servers that refuse what they do not know: words that cost nothing are left out for them, harmless values as well.
STRICT: frozenset[Engine] = frozenset({"mistral", "trtllm"})
_UNHEARD = frozenset({
    "store", "user", "metadata", "verbosity", "safety_identifier", "prompt_cache_retention", "service_tier",
})  # fmt: skip
LEFT_OUT: dict[Engine, frozenset[str]] = {
    "mistral": _UNHEARD - {"metadata"} | {"stream_options"},  # its last chunk has the usage without being asked
    "trtllm": _UNHEARD - {"user"} | {"prompt_cache_key"},
}
# Words that an engine knows under another name. A cap that is not heard would be none.
_ONE_CAP = {"max_completion_tokens": "max_tokens"}
RENAMED: dict[Engine, dict[str, str]] = {
    **dict.fromkeys(("deepseek", "dashscope", "zhipu", "mindie", "ollama"), _ONE_CAP),
    "mistral": {**_ONE_CAP, "seed": "random_seed"},
}
# Where accounts' prompt caches cannot be kept apart, because the engine takes no salt in that dialect.
UNSALTED: dict[Engine, tuple[Dialect, ...]] = {
    "vllm": ("messages",),
    "sglang": ("messages",),
    "trtllm": ("completions", "messages"),
    "lmdeploy": ("chat", "completions"),
    "mindie": ("chat", "completions"),
    "ollama": ("chat", "completions", "responses", "messages"),
}
SALTED: frozenset[Engine] = frozenset({"vllm", "sglang", "trtllm"})  # in all their other dialects

# --- the allow-lists of own engines ---
_SAMPLING = ("temperature", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty", "logit_bias", "user")
OPEN: dict[Dialect, frozenset[str]] = {
    "chat": frozenset({
        *_SAMPLING, "model", "messages", "max_tokens", "max_completion_tokens", "n", "stream", "stream_options",
        "logprobs", "top_logprobs", "response_format", "tools", "tool_choice", "parallel_tool_calls", "metadata",
        "reasoning_effort", "verbosity", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    }),
    "completions": frozenset({
        *_SAMPLING, "model", "prompt", "max_tokens", "n", "best_of", "stream", "stream_options", "logprobs", "echo",
        "suffix",
    }),
    "responses": frozenset({
        "model", "input", "instructions", "max_output_tokens", "stream", "temperature", "top_p", "tools", "tool_choice",
        "parallel_tool_calls", "max_tool_calls", "text", "reasoning", "metadata", "client_metadata", "include", "user",
        "truncation", "top_logprobs", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
        "stream_options",
    }),
    "messages": frozenset({
        "model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences",
        "tools", "tool_choice", "thinking", "metadata", "output_config", "output_format", "context_management",
        "cache_control",
    }),
    "embeddings": frozenset({"model", "input", "dimensions", "encoding_format", "user"}),
}  # fmt: skip
_EXTRA = ("top_k", "min_p", "ignore_eos")
_VLLM = frozenset({
    *_EXTRA, "repetition_penalty", "length_penalty", "stop_token_ids", "include_stop_str_in_output", "min_tokens",
    "skip_special_tokens", "spaces_between_special_tokens", "truncate_prompt_tokens", "allowed_token_ids", "bad_words",
    "echo", "add_generation_prompt", "continue_final_message", "add_special_tokens", "documents", "structured_outputs",
    "guided_json", "guided_regex", "guided_choice", "guided_grammar", "include_reasoning", "thinking_token_budget",
    "return_token_ids", "return_tokens_as_token_ids", "repetition_detection",
})  # fmt: skip
_LLAMACPP = frozenset({
    *_EXTRA, "typical_p", "top_n_sigma", "repeat_penalty", "repeat_last_n", "dry_multiplier", "dry_base",
    "dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers", "xtc_probability", "xtc_threshold", "mirostat",
    "mirostat_tau", "mirostat_eta", "dynatemp_range", "dynatemp_exponent", "samplers", "grammar", "json_schema",
    "reasoning_format", "thinking_budget_tokens", "timings_per_token",
})  # fmt: skip
_SGLANG = frozenset({
    *_EXTRA, "min_tokens", "repetition_penalty", "stop_token_ids", "stop_regex", "no_stop_trim", "regex", "ebnf",
    "json_schema", "skip_special_tokens", "spaces_between_special_tokens", "continue_final_message",
    "separate_reasoning", "stream_reasoning", "return_token_ids",
})  # fmt: skip
_TRTLLM = frozenset({
    *_EXTRA, "top_p_min", "min_tokens", "repetition_penalty", "length_penalty", "stop_token_ids",
    "include_stop_str_in_output", "skip_special_tokens", "spaces_between_special_tokens", "add_special_tokens",
    "add_generation_prompt", "thinking_token_budget", "thinking", "documents",
})  # fmt: skip
_LMDEPLOY = frozenset({
    *_EXTRA, "min_new_tokens", "repetition_penalty", "skip_special_tokens", "spaces_between_special_tokens",
    "include_stop_str_in_output", "enable_thinking",
})  # fmt: skip
_MINDIE = frozenset({*_EXTRA, "repetition_penalty", "stop_token_ids", "include_stop_str_in_output",
                     "skip_special_tokens"})
_FREE_TEXT: tuple[Dialect, ...] = ("chat", "completions", "responses")
SPECIAL: dict[tuple[Engine, Dialect], frozenset[str]] = {
    **{("vllm", dialect): _VLLM for dialect in _FREE_TEXT},
    **{("llamacpp", dialect): _LLAMACPP for dialect in _FREE_TEXT},
    **{("sglang", dialect): _SGLANG for dialect in _FREE_TEXT},
    **{("trtllm", dialect): _TRTLLM for dialect in _FREE_TEXT},
    **{("lmdeploy", dialect): _LMDEPLOY for dialect in _FREE_TEXT},
    **{("mindie", dialect): _MINDIE for dialect in _FREE_TEXT},
    **{("openai", dialect): frozenset({*_EXTRA, "repetition_penalty", "min_tokens"}) for dialect in _FREE_TEXT},
    ("llamacpp", "messages"): frozenset({"timings_per_token"}),
    ("vllm", "embeddings"): frozenset({"truncate_prompt_tokens", "add_special_tokens"}),
}
# What a chat template may be told: switches that templates of known models read, nothing that replaces the template.
TEMPLATE = Rule(
    "denied",
    "may only say enable_thinking, thinking, preserve_thinking or reasoning_effort here.",
    (None, {}),
    frozenset({"enable_thinking", "thinking", "preserve_thinking", "clear_thinking", "reasoning_effort"}),
)
# At own engines beside all that: nothing is stored there, and templates are told little.
OWN_ONLY: dict[str, Rule] = {"store": Rule("owned"), "chat_template_kwargs": TEMPLATE}
REPLACED: dict[str, bytes] = {"store": b"false", "priority": b"0"}  # what stands in for owned fields the client sent

# --- tools that are more than a function the client runs, by the beginning of their type ---
CLIENT_TOOLS: dict[Dialect, tuple[str, ...]] = {
    "chat": ("custom",),
    "responses": ("custom", "namespace", "local_shell", "shell", "apply_patch", "computer", "tool_search"),
    "messages": ("custom", "bash_", "text_editor_", "computer_", "memory_", "browser_", "tool_search_tool_"),
}
PRICED_TOOLS: dict[tuple[Engine, Dialect], dict[str, str]] = {  # only where the usage says how often
    ("anthropic", "messages"): {"web_search_": "searches", "web_fetch_": "fetches"},
    ("xai", "responses"): {"web_search": "searches", "x_search": "searches"},
    ("dashscope", "responses"): {"web_search": "searches", "web_extractor": "fetches"},
}
AUDIO = frozenset({"input_audio", "audio", "audio_url"})
