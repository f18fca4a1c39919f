"""A request of one dialect becomes one of another: read, checked, fitted to what the target can say, written.

The facts of the new body are read from it like those of any body, so that what is checked, spliced and held for
afterwards is what really goes upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from tokenworks.wire.dialects import Dialect
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


class Translated(msgspec.Struct, frozen=True):
    """A request in another dialect. `notes`: what was dropped on the way, each with its reason."""

    body: bytes
    facts: RequestFacts
    notes: tuple[str, ...]
    asked: Asked


def translate(facts: RequestFacts, to: Dialect, target: Target) -> Translated | Malformed:
    """The request as `to` says it, for this target; or why it cannot be said, naming the client's own field."""
    reader, writer = READERS.get(facts.dialect), WRITERS.get(to)
    if reader is None or writer is None or to not in REACHES[facts.dialect]:
        return Malformed(Refusal.DIALECT_UNSUPPORTED, "This model is not offered at this endpoint.")
    prompt = reader(facts.fields)
    if isinstance(prompt, Malformed):
        return prompt
    body = msgspec.json.encode(writer(prompt, target))
    written = read_request(to, body)
    if isinstance(written, Malformed):
        return written
    return Translated(body, written, (), Asked(facts.model, facts.include_usage))
