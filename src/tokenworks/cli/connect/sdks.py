"""Libraries: they have no settings file, so what connects them is a few lines of a program or of a shell.

What is shown can be run as it is. Tries are limited where a library would go on by itself for long.
"""

from __future__ import annotations

import json
import shlex

from tokenworks.cli.connect.setup import Setup


def show_openai(setup: Setup) -> str:
    """OpenAI's SDKs take both from the environment."""
    return _exports({"OPENAI_BASE_URL": setup.v1, "OPENAI_API_KEY": setup.key})


def show_anthropic(setup: Setup) -> str:
    """Anthropic's SDKs add /v1 themselves."""
    return _exports({"ANTHROPIC_BASE_URL": setup.url, "ANTHROPIC_API_KEY": setup.key})


def show_langchain(setup: Setup) -> str:
    """LangChain asks for the figures of a stream only when told."""
    return f"""from langchain_openai import ChatOpenAI

model = ChatOpenAI(model={setup.model!r}, base_url={setup.v1!r},
                   api_key={setup.key!r}, max_retries=2, stream_usage=True)
print(model.invoke("Hello").content)
"""


def show_llamaindex(setup: Setup) -> str:
    """LlamaIndex has a class for models that it does not know."""
    context = setup.fact().context_tokens
    return f"""from llama_index.llms.openai_like import OpenAILike

model = OpenAILike(model={setup.model!r}, api_base={setup.v1!r},
                   api_key={setup.key!r}, is_chat_model=True, max_retries=2{_window(context)})
print(model.complete("Hello"))
"""


def show_litellm(setup: Setup) -> str:
    """LiteLLM's client, by its prefix for whatever speaks as OpenAI does."""
    return f"""import litellm

answer = litellm.completion(model={"openai/" + setup.model!r}, api_base={setup.v1!r},
                            api_key={setup.key!r}, num_retries=0, max_retries=2,
                            messages=[{{"role": "user", "content": "Hello"}}])
print(answer.choices[0].message.content)
"""


def show_ai_sdk(setup: Setup) -> str:
    """Vercel's AI SDK; without `includeUsage` its streams end without figures."""
    url, key, model = (json.dumps(text) for text in (setup.v1, setup.key, setup.model))
    return f"""import {{ createOpenAICompatible }} from "@ai-sdk/openai-compatible";
import {{ generateText }} from "ai";

const tokenworks = createOpenAICompatible({{
  name: "tokenworks",
  baseURL: {url},
  apiKey: {key},
  includeUsage: true,
}});
const answer = await generateText({{ model: tokenworks({model}), prompt: "Hello", maxRetries: 2 }});
console.log(answer.text);
"""


def _window(tokens: int) -> str:
    return f", context_window={tokens}" if tokens else ""


def _exports(variables: dict[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
