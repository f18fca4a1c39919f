"""Token counts off the loop, for requests whose bound cannot be funded and for answers whose usage was not reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import msgspec
import structlog

from tokenworks.errors import Invalid
from tokenworks.fleet.deployment import Model
from tokenworks.gateway.shared import Counted
from tokenworks.supply.tokens import TokenCounter
from tokenworks.wire.dialects import Dialect

log = structlog.get_logger()
TEXT_FIELDS = ("system", "instructions", "messages", "input", "prompt", "tools")
NO_TEXT = frozenset({"role", "type", "id", "call_id", "tool_call_id", "data", "url", "image_url", "media_type"})
MESSAGE_TOKENS = 8  # what a chat template adds for each message, at most about
NESTING_MAX = 64


class TextCounter:
    """shared.Counter over the models' own tokenizers. One that cannot be loaded is not tried again."""

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self._broken: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def can_count(self, model: Model) -> bool:
        """Whether the model has a tokenizer here."""
        return model.tokenizer != "" and model.tokenizer not in self._broken

    def count(self, model: Model, dialect: Dialect, body: bytes, text: str, done: Callable[[Counted], None]) -> None:
        """Input and output tokens; `done` is called on the loop, with None where nothing could be counted."""
        task = asyncio.create_task(self._count(model.tokenizer, body, text, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _count(self, name: str, body: bytes, text: str, done: Callable[[Counted], None]) -> None:
        prompt = output = None
        try:
            found = await asyncio.to_thread(read_texts, body)
            prompt = await self._counter.count(name, "\n".join(found))
            prompt = None if prompt is None else prompt + MESSAGE_TOKENS * len(found)
            output = await self._counter.count(name, text) if text else None
        except Invalid as error:
            self._broken.add(name)
            log.error("tokenizer_unusable", why=str(error))
        done((prompt, output))


def read_texts(body: bytes) -> list[str]:
    """The texts of a request that become input, one per message or part."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return [text for name in TEXT_FIELDS if name in fields for text in _walk(fields[name], 0)]


def _walk(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < NESTING_MAX:
        for item in value:
            yield from _walk(item, depth + 1)
    elif isinstance(value, dict) and depth < NESTING_MAX:
        for name, item in value.items():
            if name not in NO_TEXT:
                yield from _walk(item, depth + 1)
