"""Coding agents and terminal tools: what each one's own settings must say, as the tools' own documents have it.

Every one of them tries again for minutes if it is let: where a tool has a setting for that, it is written too. The
gateway itself tries other deployments, so that what it answers is not mended by asking again.
"""

from __future__ import annotations

from tokenworks.cli.connect.setup import Change, Edit, Pick, Setup

NAME = "tokenworks"
KEY_VARIABLE = "TOKENWORKS_API_KEY"
CLAUDE_RETRIES = "2"  # instead of 10: over in seconds, not in three minutes


def write_claude(setup: Setup) -> tuple[Edit, ...]:
    """Claude Code: the `env` block of the user's settings; the project's would hand the key to everybody."""
    fact = setup.fact()
    env = {"ANTHROPIC_BASE_URL": setup.url, "ANTHROPIC_AUTH_TOKEN": setup.key, "ANTHROPIC_MODEL": setup.model,
           "ANTHROPIC_DEFAULT_OPUS_MODEL": setup.model, "ANTHROPIC_DEFAULT_SONNET_MODEL": setup.model,
           "ANTHROPIC_DEFAULT_HAIKU_MODEL": setup.model, "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
           "CLAUDE_CODE_MAX_RETRIES": CLAUDE_RETRIES}
    if fact.context_tokens:  # else it takes the model for one of a million tokens, and never compacts
        env["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] = str(fact.context_tokens)
    if fact.output_tokens_max:
        env["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(fact.output_tokens_max)
    path = setup.folder("CLAUDE_CONFIG_DIR", ".claude") / "settings.json"
    return (Edit(path, "json", tuple(Change(("env", name), value) for name, value in env.items()), private=True),)


def write_codex(setup: Setup) -> tuple[Edit, ...]:
    """Codex: a provider of its own, which never tries the websocket; the key stays in the environment."""
    provider = ("model_providers", NAME)
    changes = [
        Change(("model",), setup.model),
        Change(("model_provider",), NAME),
        Change((*provider, "name"), "Tokenworks"),
        Change((*provider, "base_url"), setup.v1),
        Change((*provider, "env_key"), KEY_VARIABLE),
        Change((*provider, "wire_api"), "responses"),
        Change((*provider, "model_catalog_url"), f"{setup.v1}/models"),
        Change((*provider, "request_max_retries"), 0),  # a 402 is told at once instead of after six tries
        Change((*provider, "stream_max_retries"), 0),  # a long retry-after is told instead of waited for
        Change(("web_search",), "disabled"),  # else it asks each time for a tool of OpenAI's servers, which costs extra
        Change(("features", "api_key_model_discovery"), True),
        Change(("notice", "hide_rate_limit_model_nudge"), True),  # the model it offers instead is not sold here
    ]
    if setup.fact().context_tokens:
        changes.insert(1, Change(("model_context_window",), setup.fact().context_tokens))
    return (Edit(setup.folder("CODEX_HOME", ".codex") / "config.toml", "toml", tuple(changes)),)


def write_opencode(setup: Setup) -> tuple[Edit, ...]:
    """opencode: a provider over the AI SDK, with every model on sale; the small model names its sessions."""
    place = ("provider", NAME)
    models = setup.models if setup.fact() in setup.models else (*setup.models, setup.fact())
    changes = [Change((*place, "npm"), "@ai-sdk/openai-compatible"), Change((*place, "name"), "Tokenworks"),
               Change((*place, "options", "baseURL"), setup.v1), Change((*place, "options", "apiKey"), setup.key)]
    for fact in models:
        limit = {"limit": {"context": fact.context_tokens, "output": fact.output_tokens_max}}
        known = fact.context_tokens and fact.output_tokens_max
        changes.append(Change((*place, "models", fact.id), {"name": fact.id, **(limit if known else {})}))
    chosen = f"{NAME}/{setup.model}"
    changes += [Change(("model",), chosen), Change(("small_model",), chosen)]
    folder = setup.folder("XDG_CONFIG_HOME", ".config") / "opencode"
    found = next((path for name in ("opencode.jsonc", "config.json") if (path := folder / name).exists()), None)
    return (Edit(found or folder / "opencode.json", "json", tuple(changes), private=True),)


def write_qwen(setup: Setup) -> tuple[Edit, ...]:
    """Qwen Code: one model of an OpenAI-compatible provider, and the key as a variable of its settings."""
    fact = setup.fact()
    generation: dict[str, object] = {"maxRetries": 0}  # the first of its own waits is a minute
    if fact.context_tokens:
        generation["contextWindowSize"] = fact.context_tokens
    model = {"id": setup.model, "name": setup.model, "envKey": KEY_VARIABLE, "baseUrl": setup.v1,
             "generationConfig": generation}
    changes = (Change(("env", KEY_VARIABLE), setup.key),
               Change(("modelProviders", "openai", Pick("id", setup.model)), model),
               Change(("security", "auth", "selectedType"), "openai"), Change(("model", "name"), setup.model))
    return (Edit(setup.home / ".qwen" / "settings.json", "json", changes, private=True),)


def auth_cline(setup: Setup) -> tuple[str, ...]:
    """Cline keeps its settings in a form of its own; this is its own command that writes them."""
    return "cline", "auth", "-p", "openai", "-k", setup.key, "-m", setup.model, "-b", setup.v1


def write_aider(setup: Setup) -> tuple[Edit, ...]:
    """aider: the file in the home directory, which it reads before the project's."""
    changes = (Change(("model",), f"openai/{setup.model}"), Change(("weak-model",), f"openai/{setup.model}"),
               Change(("openai-api-base",), setup.v1), Change(("openai-api-key",), setup.key),
               Change(("show-model-warnings",), False))  # it knows no foreign model and would ask each time
    return (Edit(setup.home / ".aider.conf.yml", "yaml", changes, private=True),)


def write_llm(setup: Setup) -> tuple[Edit, ...]:
    """`llm`: a model of its own list of OpenAI-compatible ones, and the key among its keys."""
    folder = setup.folder("LLM_USER_PATH", ".config/io.datasette.llm")
    model = f"{NAME}/{setup.model}"
    row = {"model_id": model, "model_name": setup.model, "api_base": setup.v1, "api_key_name": NAME}
    return (Edit(folder / "extra-openai-models.yaml", "yaml", (Change((Pick("model_id", model),), row),)),
            Edit(folder / "keys.json", "json", (Change((NAME,), setup.key),), private=True))
