"""The events of one answer, gathered: which choices and blocks it has, their text, what is complete and what is not."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tokenworks.wire.events import (
    Begin,
    BlockBegin,
    BlockEnd,
    ChoiceBegin,
    Delta,
    Event,
    Extra,
    Finish,
    UsageSeen,
)


class Answer:
    """What a stream said, for the bodies and ends that are made of it. `usage` is the last final usage."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.begun = Begin("", "")
        self.choices: list[int] = []
        self.usage = b""
        self._begun: dict[tuple[int, int], BlockBegin] = {}
        self._texts: dict[tuple[int, int], list[str]] = {}
        self._ended: dict[tuple[int, int], bytes] = {}
        self._extras: dict[tuple[int, int], list[Extra]] = {}
        self._finish: dict[int, Finish] = {}
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, Delta):
            self._texts[event.choice, event.block].append(event.text)
        elif isinstance(event, BlockBegin):
            self._begun[event.choice, event.block] = event
            self._texts[event.choice, event.block] = []
        elif isinstance(event, BlockEnd):
            self._ended[event.choice, event.block] = event.raw
        elif isinstance(event, Extra):
            self._extras.setdefault((event.choice, event.block), []).append(event)
        elif isinstance(event, ChoiceBegin):
            self.choices.append(event.choice)
        elif isinstance(event, Begin):
            self.begun = event
        elif isinstance(event, Finish):
            self._finish[event.choice] = event
        elif isinstance(event, UsageSeen) and (event.choice < 0 or event.final):
            self.usage = event.raw

    def blocks(self, choice: int = 0) -> list[BlockBegin]:
        """The blocks of a choice in the order in which they began."""
        return [begun for (whose, _), begun in self._begun.items() if whose == choice]

    def text(self, begun: BlockBegin) -> str:
        """The text of a block so far."""
        return "".join(self._texts[begun.choice, begun.block])

    def complete(self, begun: BlockBegin) -> bool:
        """Whether the block was ended."""
        return (begun.choice, begun.block) in self._ended

    def ended_raw(self, begun: BlockBegin) -> bytes:
        """The dialect's own object of an ended block, b"" without."""
        return self._ended.get((begun.choice, begun.block), b"")

    def extras(self, begun: BlockBegin, key: str) -> list[bytes]:
        """What came beside the text of a block under a key."""
        return [extra.raw for extra in self._extras.get((begun.choice, begun.block), ()) if extra.key == key]

    def finish(self, choice: int = 0, cut: str = "length") -> str:
        """The dialect's own word for why a choice ended, or `cut` when it did not."""
        known = self._finish.get(choice)
        return known.native if known else cut

    def closing(self, choice: int = 0) -> Finish | None:
        """The upstream's own end of a choice."""
        return self._finish.get(choice)

    def logprobs(self, choice: int) -> dict[str, object] | None:
        """The log probabilities of all pieces of a choice: their lists one after the other."""
        merged: dict[str, object] = {}
        for (whose, _), extras in self._extras.items():
            for extra in extras if whose == choice else ():
                if extra.key == "logprobs":
                    _append(merged, msgspec.json.decode(extra.raw))
        return merged or None


def _append(merged: dict[str, object], piece: object) -> None:
    for key, value in piece.items() if isinstance(piece, dict) else ():
        known = merged.get(key)
        merged[key] = known + value if isinstance(known, list) and isinstance(value, list) else value or known
