"""Blocks told one after the other, for a dialect in which only one is open at a time (messages).

What another upstream writes at once waits until the block before it has ended; numbers are those of the telling.
"""

from __future__ import annotations

import msgspec

from tokenworks.wire.events import BlockBegin, BlockEnd, Delta, Event, Extra, Finish

TEXTS = ("text", "reasoning", "refusal")


class OneByOne:
    """The order of one answer's blocks."""

    def __init__(self) -> None:
        self._open: int | None = None
        self._told = 0
        self._waiting: dict[int, list[BlockBegin | Delta | Extra | BlockEnd]] = {}

    def take(self, event: Event) -> list[Event]:
        """What can be told when an event has come."""
        if isinstance(event, BlockBegin):
            if self._open is not None:
                self._waiting[event.block] = [event]
                return []
            self._open = event.block
        elif isinstance(event, Finish):
            return [*self.rest(), event]
        elif not isinstance(event, (Delta, Extra, BlockEnd)):
            return [event]
        if event.block in self._waiting:
            self._waiting[event.block].append(event)
            return []
        told: list[Event] = [msgspec.structs.replace(event, block=self._told)]
        return [*told, *self._next()] if isinstance(event, BlockEnd) else told

    def number(self, block: int) -> int | None:
        """Under which number a block is being told; None while it waits."""
        return self._told if block == self._open else None

    def rest(self) -> list[Event]:
        """What waits behind a call that never ended: texts, closed, and calls that are whole."""
        told: list[Event] = []
        while self._waiting:
            events = self._waiting.pop(min(self._waiting))
            ended = isinstance(events[-1], BlockEnd)
            if not ended and events[0].kind not in TEXTS:  # type: ignore[union-attr]
                continue
            self._told += 1
            told += [msgspec.structs.replace(event, block=self._told) for event in events]
            if not ended:
                told.append(BlockEnd(0, self._told))
        return told

    def _next(self) -> list[Event]:
        """The block that was open has ended: the next one is told as far as it has come."""
        self._open = None
        self._told += 1
        told: list[Event] = []
        while self._waiting and self._open is None:
            block = min(self._waiting)
            for event in self._waiting.pop(block):
                told.append(msgspec.structs.replace(event, block=self._told))
                if isinstance(event, BlockEnd):
                    self._told += 1
                    break
            else:
                self._open = block
        return told
