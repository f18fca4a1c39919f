"""What is known of each engine before anybody says otherwise: dialects, progress, where it is found, what to mind.

One row per engine; the defaults of a deployment and the page of engines are made from them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from tokenworks.wire.dialects import Dialect, Engine

Progress = Literal["exact", "visible", "blind"]


class EngineFacts(NamedTuple):
    """`dialects` and `progress` hold for a deployment that names none. `address`: an example, without /v1.

    `mind`: what its usage or its interface is known to get wrong, and what is done about it.
    """

    title: str
    dialects: tuple[Dialect, ...]
    progress: Progress
    address: str
    mind: str


_CHAT_EMBEDDINGS: tuple[Dialect, ...] = ("chat", "embeddings")
ENGINES: dict[Engine, EngineFacts] = {
    "vllm": EngineFacts(
        "vLLM", ("chat", "completions"), "exact", "http://10.0.0.5:8000",
        "Tells of cached tokens only with `--enable-prompt-tokens-details`; else all input is fresh. Figures of chunks "
        "are cumulative. `/v1/messages` takes no cache salt: it is not asked unless accounts may share the cache."),
    "sglang": EngineFacts(
        "SGLang", ("chat", "completions", "embeddings"), "exact", "http://10.0.0.5:30000",
        "Tells of cached tokens only with `--enable-cache-report`. Reasoning stands at the top level of the usage, not "
        "in its details; in mid-stream it counts as output."),
    "llamacpp": EngineFacts(
        "llama.cpp", ("chat", "completions", "embeddings"), "exact", "http://127.0.0.1:8080",
        "Tells the usage of one of several answers: for `n` above 1 it is asked for a stream, which tells of each. "
        "Start your own with `--no-cache-prompt`. "
        "Its own `/v1/responses` and `/v1/messages` take no schema and leave out what clients' types want: both are "
        "served by translation to chat."),
    "trtllm": EngineFacts(
        "TensorRT-LLM (trtllm-serve)", ("chat", "completions"), "exact", "http://10.0.0.5:8000",
        "Refuses words that it does not know: harmless ones are left out. Completions take no cache salt: they are not "
        "asked unless accounts may share the cache."),
    "mindie": EngineFacts(
        "MindIE", ("chat",), "visible", "https://10.0.0.5:1025",
        "One answer per request. Takes no cache salt. Keep `fullTextEnabled` off: its streams would repeat the whole "
        "text in each chunk, and hold too much."),
    "lmdeploy": EngineFacts(
        "LMDeploy", ("chat", "completions"), "visible", "http://10.0.0.5:23333",
        "Tells nothing of its prompt cache, and takes no salt for it: all input is fresh."),
    "ollama": EngineFacts(
        "Ollama", ("chat", "completions", "embeddings"), "visible", "http://127.0.0.1:11434",
        "Old versions count a cached prompt as 0 tokens: such a figure counts as missing. Takes no cache salt. Knows "
        "only `max_tokens`, and answers once whatever `n` says."),
    "openai": EngineFacts(
        "OpenAI, and what speaks like it", ("chat", "responses", "embeddings"), "visible", "https://api.openai.com",
        "Reasoning is part of the completion and not shown: `--progress blind` holds for it beforehand."),
    "anthropic": EngineFacts(
        "Anthropic", ("messages",), "visible", "https://api.anthropic.com",
        "Cached tokens are beside the input, not part of it. An iteration of another model is not billed as this one."),
    "deepseek": EngineFacts(
        "DeepSeek", ("chat",), "visible", "https://api.deepseek.com",
        "Cache hits and misses have words of their own. Its `/anthropic` address speaks messages: a deployment of its "
        "own with `--dialects messages`."),
    "gemini": EngineFacts(
        "Gemini, OpenAI-compatible", _CHAT_EMBEDDINGS, "visible",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "Thoughts count in the total and not in the completion. Every chunk has the figures so far: the last counts."),
    "dashscope": EngineFacts(
        "DashScope (Qwen)", _CHAT_EMBEDDINGS, "visible", "https://dashscope.aliyuncs.com/compatible-mode",
        "Cache writes are told in Anthropic's words but are part of the prompt. Searches are billed by the use."),
    "zhipu": EngineFacts(
        "Zhipu, Z.ai (GLM)", _CHAT_EMBEDDINGS, "visible", "https://open.bigmodel.cn/api/paas/v4",
        "Usage comes with the last choice, not in a chunk of its own. Its `/api/anthropic` address speaks messages."),
    "moonshot": EngineFacts(
        "Moonshot (Kimi)", ("chat",), "visible", "https://api.moonshot.cn",
        "Usage stands inside the last choice of a stream, and cached tokens at its top level."),
    "minimax": EngineFacts(
        "MiniMax", ("chat", "responses"), "visible", "https://api.minimax.io",
        "Says 0 tokens until a stream's end, and errors with status 200. Its `/anthropic` address speaks messages."),
    "bedrock": EngineFacts(
        "Amazon Bedrock (Anthropic's interface)", ("messages",), "visible",
        "https://bedrock-mantle.us-east-1.api.aws/anthropic",
        "Its own metrics repeat the figures at the end; they count once. Takes a Bedrock API key, not a signature."),
    "xai": EngineFacts(
        "xAI (Grok)", ("chat", "responses"), "blind", "https://api.x.ai",
        "Reasoning is beside the completion, and not shown: the answer's limit is held beforehand."),
    "mistral": EngineFacts(
        "Mistral", _CHAT_EMBEDDINGS, "visible", "https://api.mistral.ai",
        "Refuses words that it does not know, `stream_options` among them; usage comes unasked. Audio is told in "
        "seconds."),
}  # fmt: skip
