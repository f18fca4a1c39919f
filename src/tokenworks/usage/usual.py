"""The usual event of a stream, relayed without being read: it differs from the one before only in text and figure.

Most events of an answer are the same bytes around another piece of text, with another figure of progress behind it.
Once one of them has been read, the next is compared with it; what is equal needs no reading, its text is counted, and
of its figures only the output is taken. Whatever else comes is read as usual, and shows what is usual from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from tokenworks.usage.tally import Tally
from tokenworks.wire.events import Delta, Event, ProgressSeen, UsageSeen
from tokenworks.wire.spoken import Reader
from tokenworks.wire.sse import read_event

PATIENCE = 16  # so often a stream is learned anew without any use of it; then no more
ODD = b'"\\' + bytes(range(32))  # a text without these stands in JSON as it is
_END = b"}\n\n"
_CRLF = b"\r\n"
_CLOSE = _END + _CRLF
_FIGURES = {ProgressSeen: (b',"timings":{', b'"predicted_n":'), UsageSeen: (b',"usage":{', b'"total_tokens":')}


class Goal(Protocol):
    """Who has set a mark for the output."""

    @property
    def mark(self) -> int:
        """In tokens."""


class Way(NamedTuple):
    """Where usual events go: to `send`; when the output comes to the goal's mark, `reached` is called."""

    send: Callable[[bytes], None]
    goal: Goal
    reached: Callable[[], None]


class Shape(msgspec.Struct, frozen=True, gc=False):
    """The bytes around text and figure. `out`: what the client gets in place of `after` and all behind it.

    `key`: what precedes the output's figure, b"" where there is none; `less`: what that figure counts beside output.
    """

    before: bytes
    after: bytes
    out: bytes
    key: bytes = b""
    less: int = 0


def learn_shape(block: bytes, relayed: bytes, text: str, figure: Event | None) -> Shape | None:
    """The shape of an event that says `text` and at most one cumulative figure; None when it cannot be told for sure.

    Without a backslash every string of the event stands there as it is, so a text that stands there once is in its
    place. `relayed` is what the client got: its bytes behind the text have to be those of any such event.
    """
    quoted = b'"%b"' % text.encode("utf-8", "replace")
    place = block.find(quoted)
    if place < 0 or b"\\" in block or block.find(quoted, place + 1) >= 0:
        return None
    start, end = place + 1, place + len(quoted) - 1
    if figure is None:
        return Shape(block[:start], block[end:], relayed[end:]) if relayed[:end] == block[:end] else None
    opening, key = _FIGURES[type(figure)]
    cut, (head, _, tail) = block.rfind(opening), block.rpartition(key)
    figures, _, close = tail.partition(b"}")
    number = figures.partition(b",")[0]
    if close != _END:
        return None  # the figures are not flat, or not the last of the event
    if not end < cut < len(head) or relayed != block[:cut] + _END or not number.isdigit():
        return None
    output = figure.output if isinstance(figure, UsageSeen) else int(number)
    return Shape(block[:start], head[end:], relayed[end:], key, int(number) - output)


class Usual(Tally):
    """A tally that knows what the usual event looks like: `learn` is told of each event that was read."""

    _reader: Reader
    _shape: Shape | None = None
    unread = b""  # the last event that was not read: its figures are read when somebody asks
    _patience = PATIENCE

    def shortcut(self, lead: int, way: Way) -> Callable[[bytes], bool] | None:
        """What takes an event of the usual shape: counts it and sends what the client gets; None where none is known.

        It says False, and has done nothing, for anything else. It is good until the next event is read. The event comes
        as a chunk of HTTP, whose size stands before it in a line of `lead` bytes, and goes as one.
        """
        shape = self._shape
        if shape is None:
            return None
        if not shape.key:
            return _plain(self, shape, lead, way, self._texts)
        return _counted(self, shape, lead, way) if self._texts is None else None

    def learn(self, block: bytes, relayed: bytes, events: list[Event]) -> None:
        """An event was read, and said these: if they are a text and at most a figure, the next may be alike."""
        if not 0 < len(events) < 3 or self._choices > 1 or len(self._counted) > 1 or not self._patience:
            return
        said, figure = events[0], events[1] if len(events) == 2 else None
        known = figure is None or type(figure) is ProgressSeen or (type(figure) is UsageSeen and not figure.final)
        if type(said) is Delta and known:
            self._patience -= 1
            self._shape = learn_shape(block, relayed, said.text, figure)

    def catch_up(self) -> None:
        """Reads the figures of the last event that was passed on unread."""
        if self.unread:
            name, data = read_event(self.unread)  # the line with the size means nothing in an event
            self.unread, self._patience = b"", PATIENCE
            for event in self._reader.read(data, name) or ():
                if type(event) is ProgressSeen:
                    self.count_progress(event)
                elif type(event) is UsageSeen:
                    self.count_usage(event)


def _counted(tally: Usual, shape: Shape, lead: int, way: Way) -> Callable[[bytes], bool]:
    """For events with a figure. A closure, because it runs for nearly every chunk: all that it needs is at hand."""
    before, after, out, key, less = shape.before, shape.after, shape.out, shape.key, shape.less
    start, end, line, rest, more = lead + len(before), -len(after), slice(lead), lead + len(_CRLF), len(out)
    front, inner, back, kept = slice(lead, start), slice(start, end), slice(end, None), slice(lead, end)
    send, goal, reached = way

    def pass_counted(data: bytes) -> bool:
        head, _, tail = data.rpartition(key)
        if head[front] != before or head[back] != after:
            return False
        text = head[inner]
        figures, _, close = tail.partition(b"}")
        if close != _CLOSE or not text or text.translate(None, ODD) != text:
            return False
        try:
            if int(data[line], 16) + rest != len(data):
                return False
            seen = int(figures.partition(b",")[0]) - less
        except ValueError:
            return False
        tally.output_seen = seen
        tally.visible_bytes += len(text)
        tally.unread = data
        piece = head[kept]
        send(b"%x\r\n%b%b\r\n" % (len(piece) + more, piece, out))
        if seen >= goal.mark:
            reached()
        return True

    return pass_counted


def _plain(
    tally: Usual, shape: Shape, lead: int, way: Way, texts: list[str] | None
) -> Callable[[bytes], bool]:
    """For events without a figure."""
    before, after, out = shape.before, shape.after + _CRLF, shape.out
    start, end, line, rest, more = lead + len(before), -len(after), slice(lead), lead + len(_CRLF), len(out)
    send, goal, reached = way

    def pass_plain(data: bytes) -> bool:
        text = data[start:end]
        if not text or data[lead:start] != before or data[end:] != after or text.translate(None, ODD) != text:
            return False
        try:
            if int(data[line], 16) + rest != len(data):
                return False
        except ValueError:
            return False
        tally.count_bytes(len(text))
        tally.unread = data
        if texts is not None:
            texts.append(text.decode("utf-8", "replace"))
        piece = data[lead:end]
        send(b"%x\r\n%b%b\r\n" % (len(piece) + more, piece, out))
        if tally.output_seen >= goal.mark:
            reached()
        return True

    return pass_plain
