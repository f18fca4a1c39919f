"""The chat template (ChatML with tools in the Hermes manner) and the same in Python, split by who speaks.

The engine renders the Jinja text; training renders `segments`, because it must know which part the model has to learn.
A test holds both together.
"""

from __future__ import annotations

import json
from typing import Any

CHAT_TEMPLATE = """\
{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
{{- '# Tools\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}
{{- '\\n</tools>\\nTo call one, write\\n<tool_call>\\n' }}
{{- '{"name": <name>, "arguments": <object>}\\n</tool_call><|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}
{{- '<|im_start|>assistant\\n' }}
{%- if message.content %}{{- message.content }}{%- endif %}
{%- if message.tool_calls %}
{%- for tool_call in message.tool_calls %}
{%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
{%- if not loop.first or message.content %}{{- '\\n' }}{%- endif %}
{{- '<tool_call>\\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}{{- tool_call.arguments | tojson }}
{{- '}\\n</tool_call>' }}
{%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- elif message.role == 'tool' %}
{%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}
{{- '\\n<tool_response>\\n' }}{{- message.content }}{{- '\\n</tool_response>' }}
{%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|im_end|>\\n' }}{%- endif %}
{%- elif message.role == 'user' or not loop.first %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""

END = "<|im_end|>"
SYSTEM_TOOLS = ("# Tools\n<tools>{}\n</tools>\nTo call one, write\n<tool_call>\n"
                '{{"name": <name>, "arguments": <object>}}\n</tool_call>')

Segments = list[tuple[str, bool]]


def segments(chat: dict[str, Any]) -> Segments:
    """The chat as (text, to be learnt) in order."""
    if "plain" in chat:
        return [(chat["plain"] + "<|endoftext|>", True)]
    messages, tools = chat["messages"], chat.get("tools")
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    if tools:
        listed = "".join("\n" + json.dumps(tool, ensure_ascii=False) for tool in tools)
        system = (system + "\n\n" if system else "") + SYSTEM_TOOLS.format(listed)
    found: Segments = [(f"<|im_start|>system\n{system}{END}\n", False)] if system else []
    for message in messages:
        role, text = message["role"], message["content"]
        if role == "assistant":
            found += [("<|im_start|>assistant\n", False), (text + calls(message) + END, True), ("\n", False)]
        elif role == "tool":
            found.append((f"<|im_start|>user\n<tool_response>\n{text}\n</tool_response>{END}\n", False))
        elif role == "user":
            found.append((f"<|im_start|>user\n{text}{END}\n", False))
    return found


def calls(message: dict[str, Any]) -> str:
    """The tool calls of an assistant's message as text."""
    parts = []
    for call in message.get("tool_calls", ()):
        function = call["function"]
        arguments = json.dumps(function["arguments"], ensure_ascii=False)
        parts.append(f'<tool_call>\n{{"name": "{function["name"]}", "arguments": {arguments}}}\n</tool_call>')
    return ("\n" if message["content"] and parts else "") + "\n".join(parts)
