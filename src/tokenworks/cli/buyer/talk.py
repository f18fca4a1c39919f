"""A conversation in any of the three dialects: what is sent for a turn, and the text, end and figures of its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from tokenworks.cli.buyer.client import read_error
from tokenworks.cli.exits import UNAVAILABLE, failed
from tokenworks.wire.events import BlockBegin, Delta, Failed, Finish, UsageSeen
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.sse import Splitter, read_event

Spoken = Literal["chat", "responses", "messages"]
PATHS: dict[Spoken, str] = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
OUTPUT_TOKENS = 2048  # the messages dialect wants a cap always


class Turn(NamedTuple):
    """One thing said; `role` is user or assistant."""

    role: str
    text: str


class Ask(NamedTuple):
    """What a conversation is held with. `output_tokens` 0: as the model will, where the dialect allows that."""

    dialect: Spoken
    model: str
    system: str = ""
    output_tokens: int = 0


def write_turns(ask: Ask, turns: Iterable[Turn]) -> bytes:
    """The body of a streamed request for the next answer."""
    said = [{"role": turn.role, "content": turn.text} for turn in turns]
    body: dict[str, Any] = {"model": ask.model, "stream": True}
    if ask.dialect == "responses":
        body |= {"input": said, "store": False, **({"instructions": ask.system} if ask.system else {})}
        cap = {"max_output_tokens": ask.output_tokens} if ask.output_tokens else {}
    elif ask.dialect == "messages":
        body |= {"messages": said, **({"system": ask.system} if ask.system else {})}
        cap = {"max_tokens": ask.output_tokens or OUTPUT_TOKENS}
    else:
        first = [{"role": "system", "content": ask.system}] if ask.system else []
        body |= {"messages": [*first, *said], "stream_options": {"include_usage": True}}
        cap = {"max_tokens": ask.output_tokens} if ask.output_tokens else {}
    return json.dumps(body | cap, ensure_ascii=False).encode()


class Listener:
    """Takes a streamed answer and gives its text; `ended_by` says, when it was cut, why; `usage` is its figures."""

    def __init__(self, dialect: Spoken) -> None:
        self._reader = SPOKEN[dialect].reader()
        self._splitter = Splitter()
        self._kinds: dict[tuple[int, int], str] = {}
        self.text = ""
        self.native = ""
        self.ended_by = ""
        self.usage: dict[str, Any] = {}

    def hear(self, pieces: Iterable[bytes]) -> Iterator[str]:
        """The text, piece by piece; raises Failed with the gateway's sentence when the stream ends in an error."""
        for piece in pieces:
            for block in self._splitter.feed(piece):
                name, data = read_event(block)
                yield from self._take(name, data)

    def _take(self, name: str, data: bytes) -> Iterator[str]:
        if not data:
            return
        self.ended_by = _extension(data) or self.ended_by
        for event in self._reader.read(data, name) or ():
            if isinstance(event, BlockBegin):
                self._kinds[event.choice, event.block] = event.kind
            elif isinstance(event, Delta) and self._kinds.get((event.choice, event.block)) in ("text", "refusal"):
                self.text += event.text
                yield event.text
            elif isinstance(event, UsageSeen):
                self.usage.update(json.loads(event.raw) or {})
            elif isinstance(event, Finish):
                self.native = event.native
            elif isinstance(event, Failed):
                message, code = read_error(data)
                raise failed(message or "The answer broke off.", UNAVAILABLE, code=code or "broken_off")


def _extension(data: bytes) -> str:
    """The sentence of our extension, which says why an answer was ended early."""
    if b'"tokenworks"' not in data:
        return ""
    found = json.loads(data)
    for place in (found, found.get("response"), found.get("delta"), found.get("message")):
        if isinstance(place, dict) and isinstance(place.get("tokenworks"), dict):
            return str(place["tokenworks"].get("message", ""))
    return ""
