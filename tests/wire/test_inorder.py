"""Blocks that overlap are told one after the other, numbered as they are told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire.events import ENDED, BlockBegin, BlockEnd, Delta, Event, Kind, finish_of
from tokenworks.wire.inorder import OneByOne


def order(*events: Event) -> list[Event]:
    ordered = OneByOne()
    return [said for event in events for said in ordered.take(event)]


def block(index: int, kind: Kind = "text") -> BlockBegin:
    return BlockBegin(0, index, kind)


def test_in_order_passes() -> None:
    events = [block(0), Delta(0, 0, "a"), BlockEnd(0, 0), block(1), BlockEnd(0, 1), finish_of(0, "stop"), ENDED]
    assert order(*events) == events


def test_overlap_waits() -> None:
    assert order(block(0), block(1, "tool"), Delta(0, 1, "b"), Delta(0, 0, "a"), BlockEnd(0, 0), Delta(0, 1, "c")) == [
        block(0), Delta(0, 0, "a"), BlockEnd(0, 0), block(1, "tool"), Delta(0, 1, "b"), Delta(0, 1, "c")]


def test_several_wait() -> None:
    told = order(block(0), block(1), block(2), BlockEnd(0, 1), Delta(0, 2, "c"), BlockEnd(0, 2), block(3),
                 BlockEnd(0, 0), Delta(0, 3, "d"))
    assert told == [block(0), BlockEnd(0, 0), block(1), BlockEnd(0, 1), block(2), Delta(0, 2, "c"), BlockEnd(0, 2),
                    block(3), Delta(0, 3, "d")]


def test_behind_half_call() -> None:
    """A call that never ends stays open; text behind it is told, another half call is not."""
    told = order(block(0, "tool"), block(1, "tool"), block(2), Delta(0, 2, "t"), block(3, "tool"), BlockEnd(0, 3),
                 finish_of(0, "length"))
    assert told == [block(0, "tool"), block(1), Delta(0, 1, "t"), BlockEnd(0, 1), block(2, "tool"), BlockEnd(0, 2),
                    finish_of(0, "length")]


def test_numbers() -> None:
    ordered = OneByOne()
    ordered.take(block(4))
    ordered.take(block(5))
    assert ordered.number(4) == 0 and ordered.number(5) is None
    ordered.take(BlockEnd(0, 4))
    assert ordered.number(5) == 1 and ordered.number(4) is None


@given(st.lists(st.integers(0, 4), max_size=40))
def test_any_interleaving(whose: list[int]) -> None:
    """Whatever comes when: all is told, one block at a time, with rising numbers."""
    begun: dict[int, int] = {}
    events: list[Event] = []
    for one in whose:
        if one not in begun:
            begun[one] = len(begun)
            events.append(block(begun[one]))
        events.append(Delta(0, begun[one], str(one)))
    events += [BlockEnd(0, index) for index in reversed(range(len(begun)))]
    told = order(*events)
    assert len(told) == len(events)
    at = -1
    texts: dict[int, str] = {}
    for event in told:
        if isinstance(event, BlockBegin):
            at += 1
        assert not isinstance(event, (BlockBegin, Delta, BlockEnd)) or event.block == at
        if isinstance(event, Delta):
            texts[at] = texts.get(at, "") + event.text
    assert texts == {index: "".join(str(one) for one in whose if begun[one] == index) for index in begun.values()}
