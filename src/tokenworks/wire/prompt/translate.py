"""A request of one dialect becomes one of another: read, checked, fitted to what the target can say, written.

The facts of the new body are read from it like those of any body, so that what is checked, spliced and held for
afterwards is what really goes upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.prompt import (
    chat,
    chat_writer,
    completions,
    messages,
    messages_writer,
    responses,
    responses_writer,
)
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.prompt.features import fit
from tokenworks.wire.prompt.retools import flat_names
from tokenworks.wire.prompt.sound import check_sound
from tokenworks.wire.prompt.vocabulary import Prompt, Target
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import RequestFacts, read_request

Reader = Callable[[Mapping[str, msgspec.Raw]], Prompt | Malformed]
Writer = Callable[[Prompt, Target], dict[str, object]]

READERS: dict[Dialect, Reader] = {
    "chat": chat.read_prompt,
    "completions": completions.read_prompt,
    "responses": responses.read_prompt,
    "messages": messages.read_prompt,
}
WRITERS: dict[Dialect, Writer] = {
    "chat": chat_writer.write_prompt,
    "responses": responses_writer.write_prompt,
    "messages": messages_writer.write_prompt,
}
# Into which dialects a client's may be translated, the closest first.
REACHES: dict[Dialect, tuple[Dialect, ...]] = {
    "chat": ("responses", "messages"),
    "completions": ("chat", "responses", "messages"),
    "responses": ("chat", "messages"),
    "messages": ("chat", "responses"),
    "embeddings": (),
}


# OpenAI's newer models take tools in chat only from those who ask for no thinking, and tell none there: whoever comes
# from elsewhere asks for responses, where all of that is to be had.
RATHER: dict[tuple[Dialect, Engine], tuple[Dialect, ...]] = {("messages", "openai"): ("responses", "chat")}
# What a response object repeats of its request, with what it says where the request said nothing. The official types
# ask for the first three.
REPEATED: dict[str, bytes] = {
    "parallel_tool_calls": b"true", "tool_choice": b'"auto"', "tools": b"[]", "instructions": b"null",
    "max_output_tokens": b"null", "metadata": b"{}", "reasoning": b'{"effort":null,"summary":null}',
    "temperature": b"1.0", "text": b'{"format":{"type":"text"}}', "top_p": b"1.0", "truncation": b'"disabled"',
}  # fmt: skip
REPEATED_IF_SAID = ("user", "safety_identifier", "prompt_cache_key", "top_logprobs", "max_tool_calls")
NOTHING_KEPT = b'"store":false,"previous_response_id":null,"background":false'


def order_reach(client: Dialect, engine: Engine) -> tuple[Dialect, ...]:
    """The dialects that a client's may be translated into for an engine, the best first."""
    return RATHER.get((client, engine), REACHES[client])


class Translated(msgspec.Struct, frozen=True):
    """A request in another dialect. `notes`: what was dropped on the way, each with its reason."""

    body: bytes
    facts: RequestFacts
    notes: tuple[str, ...]
    asked: Asked


def translate(facts: RequestFacts, to: Dialect, target: Target) -> Translated | Malformed:
    """The request as `to` says it, for this target; or why it cannot be said, naming the client's own field."""
    client = facts.dialect
    if to not in REACHES[client]:
        return Malformed(Refusal.DIALECT_UNSUPPORTED, "This model is not offered at this endpoint.")
    prompt = READERS[client](facts.fields)
    if isinstance(prompt, Malformed):
        return prompt
    fault = check_sound(prompt, client)
    if fault is not None:
        return fault
    fitted = fit(prompt, client, to, target)
    if isinstance(fitted, Malformed):
        return fitted
    body = msgspec.json.encode(WRITERS[to](fitted.prompt, target))
    written = read_request(to, body)
    if isinstance(written, Malformed):
        return written
    return Translated(body, written, fitted.notes, _asked(facts, prompt, fitted.prompt))


def _asked(facts: RequestFacts, prompt: Prompt, sent: Prompt) -> Asked:
    """What has to be told back otherwise than it comes, seen from what was read and what was sent."""
    grouped = any(tool.group for tool in prompt.tools) and not any(tool.group for tool in sent.tools)
    flat = flat_names(prompt, grouped)
    functions = {tool.name for tool in sent.tools if not tool.custom}
    customs = {flat.get((tool.group, tool.name), tool.name) for tool in prompt.tools if tool.custom}
    called = prompt.format is None and sent.format is not None
    formed = prompt.format is not None and sent.format is None and len(sent.tools) > 0
    added = functions - {flat.get((tool.group, tool.name), tool.name) for tool in prompt.tools}
    return Asked(
        model=facts.model,
        include_usage=facts.include_usage,
        forced=sent.format.name if called and sent.format is not None else "",
        customs=frozenset(customs & functions),
        groups={sent_as: group for (group, _), sent_as in flat.items() if group},
        names={sent_as: name for (_, name), sent_as in flat.items()},
        reasoning_shown=facts.dialect != "messages" or prompt.reasoning.shown,
        stops=prompt.sampling.stop,
        schema_tool=next(iter(added)) if formed and added else "",
        echo=_echo(facts) if facts.dialect == "responses" else b"",
    )


def _echo(facts: RequestFacts) -> bytes:
    """The members of a response object that repeat the request: as they came, or as they are when nothing is said."""
    said = {key: bytes(raw) for key, raw in facts.fields.items() if bytes(raw) != b"null"}
    members = {key: said.get(key, usual) for key, usual in REPEATED.items()}
    members |= {key: said[key] for key in REPEATED_IF_SAID if key in said}
    return b",".join([*(b'"%b":%b' % (key.encode(), value) for key, value in members.items()), NOTHING_KEPT])
