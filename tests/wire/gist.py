"""What an answer says, whatever the dialect: enough to tell whether two ways of saying it are the same."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tests.goldens import Golden

from tokenworks.wire.answer import Answer
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.events import Event
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.sse import Splitter, read_event


def events_of(dialect: Dialect, data: bytes) -> list[Event]:
    """The events of a stream."""
    reader, found = SPOKEN[dialect].reader(), []
    for block in Splitter().feed(data):
        name, text = read_event(block)
        events = reader.read(text, name) if text else []
        assert events is not None
        found += events
    return found


def gist(events: Iterable[Event], merge: bool = False) -> list[object]:
    """Per choice: blocks as (kind, name, text), and the reason. `merge`: text and reasoning as one run each."""
    answer = Answer(events)
    said: list[object] = []
    for choice in answer.choices:
        blocks = [(_kind(b.kind), b.name, _text(b.kind, answer.text(b))) for b in answer.blocks(choice)]
        if merge:
            kinds = dict.fromkeys(kind for kind, _, _ in blocks if kind in ("text", "reasoning"))
            merged = [(kind, "", "".join(t for k, _, t in blocks if k == kind)) for kind in kinds]
            blocks = [block for block in merged if block[2]] + [b for b in blocks if b[0] in ("tool", "custom")]
        closing = answer.closing(choice)
        said.append((choice, blocks, closing.reason if closing else None))
    return said


def _text(kind: str, text: str) -> str:
    """Arguments as JSON without their spaces; none is an empty object."""
    if kind != "tool":
        return text
    try:
        return json.dumps(json.loads(text or "{}"))
    except ValueError:
        return text


def _kind(kind: str) -> str:
    return {"summary": "reasoning", "refusal": "text"}.get(kind, kind)


def plain(golden: Golden) -> bool:
    """One choice, and nothing that only one dialect can say."""
    return "two" not in golden.name and "batch" not in golden.name and "search" not in golden.name \
        and not golden.name.endswith(("openai/responses_tools.sse", "_error.sse"))
