"""What a client sends becomes turns in a queue: parsed, measured, refused where it is not HTTP as we take it.

httptools has no way to stop behind a message, so everything in one read is parsed; what stands behind the request that
is being served waits in the queue. The rest of a large body goes past the parser, which would copy it once more.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import httptools

from tokenworks.gateway.head import collect_into, find_fault
from tokenworks.gateway.hub import Hub
from tokenworks.gateway.repeat import Repeat
from tokenworks.gateway.turn import Head, Turn
from tokenworks.wire.refusals import Refusal

_RAW_BYTES_MIN = 16 * 1024  # so much of a body still to come is worth a new parser behind it
_FRAMING_SHARE_MAX = 8  # chunk sizes and extensions may be so many times what they carry: one byte a chunk is 6
_BURST = 16  # times the pipeline's depth may come in one read, which cannot be stopped in the middle


class Intake:
    """The reading half of a client's connection."""

    __slots__ = (
        "begun", "deaf", "feed", "fields", "final", "headers", "hub", "incoming", "mark", "on_header", "parser",
        "queue", "raw", "raw_left", "read_size", "repeat", "target", "turn")  # fmt: skip

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.turn: Turn | None = None  # being served, or answered while its body still comes
        self.queue: deque[Turn] = deque()  # behind it
        self.incoming: Turn | None = None  # whose body is being read
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.fields: dict[bytes, bytes] = {}
        self.on_header = collect_into(self.headers, self.fields)  # trailers come here too and are dropped
        self.begun = False  # the parser is inside a message
        self.raw = 0  # bytes read of it so far, without those that came with the end of the message before
        self.read_size = 0
        self.raw_left = 0  # bytes of a body that are taken past the parser
        self.mark = hub.wheel.tick  # when the current wait began
        self.deaf = False  # what comes is read away
        self.final = False  # the client said that there is no further request
        self.repeat = Repeat()
        self.parser: Any = None
        self.feed: Any = None
        self.renew_parser()

    def renew_parser(self) -> None:
        """A parser that expects a head."""
        self.begun = False
        self.parser = httptools.HttpRequestParser(self)
        self.feed = self.parser.feed_data

    def take_in(self, data: bytes) -> None:
        """Parses one read."""
        if self.raw_left:
            data = self._take_raw(data)
        while data:
            fresh = not self.begun
            if fresh:
                found = self.repeat.match(data)
                if found is not None:
                    data = self._take_known(data, *found)
                    continue
                self.mark = self.hub.wheel.tick
            size = self.read_size = len(data)
            self.raw += size
            try:
                self.feed(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._pass_upgrade(data[upgrade.args[0] :])
                continue
            except httptools.HttpParserError as error:
                self._break_off(str(error))
            if fresh and self.turn is not None and not self.queue and not self.deaf and not self.final:
                self.repeat.learn(data, self.turn.head)
            break
        if self.begun:
            self._check_partial()

    def refuse_input(self, refusal: Refusal, message: str) -> None:
        """Answers, in its turn, something that is no request, and reads no more."""
        self.deaf = True
        head = Head(b"", self.target, [], {})
        self.target = b""
        turn = Turn(self, head, self.hub.budget)  # type: ignore[arg-type]  # the other half makes it a Link
        turn.refusal = (refusal, message)
        self._enqueue(turn)

    # --- the parser's calls: they only take down ---

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.begun = True

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self.target += url

    def on_headers_complete(self) -> None:
        """A head is complete: it becomes a turn, perhaps one that will be refused."""
        if self.deaf:
            return
        parser, hub = self.parser, self.hub
        keep = parser.should_keep_alive()
        head = Head(parser.get_method(), self.target, self.headers.copy(), self.fields.copy())
        self.headers.clear()
        self.fields.clear()
        if not keep or b"connection" in head.fields:
            head.set_version(parser.get_http_version())
        self.target = b""
        self.incoming = turn = Turn(self, head, hub.budget)  # type: ignore[arg-type]  # the other half makes it a Link
        if not keep:
            turn.reusable = False
            self.final = True
        bounds = hub.bounds
        fault = find_fault(head, bounds, self.read_size > bounds.header_bytes or self.raw > bounds.header_bytes)
        turn.refusal = (Refusal.BAD_REQUEST, fault) if fault else self._find_excess(head)
        self.deaf = turn.refusal is not None
        self._enqueue(turn)

    def on_body(self, data: bytes) -> None:
        """A piece of the body, its transfer coding taken off."""
        turn = self.incoming
        if turn is not None:
            turn.size += len(data)
            if not turn.ended:
                turn.parts.append(data)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self.begun = False
        self.raw = 0
        if self.headers:
            self.headers.clear()
            self.fields.clear()
        if self.incoming is not None:
            self.incoming.complete = True
            self.incoming = None

    # --- past the parser ---

    def _take_known(self, data: bytes, head: Head, at: int) -> bytes:
        """A request whose head the parser has seen before; answers with what stands behind it."""
        if self.deaf:
            return b""
        turn = Turn(self, head, self.hub.budget)  # type: ignore[arg-type]  # as above
        bounds = self.hub.bounds
        if head.length > bounds.body_bytes or len(self.queue) >= bounds.pipeline_depth * _BURST:
            turn.refusal = self._find_excess(head)
            self.deaf = True
            self._enqueue(turn)
            return b""
        end = at + head.length
        turn.parts.append(data[at:end])
        turn.size = min(len(data), end) - at
        self._enqueue(turn)
        if turn.size < head.length:
            self.mark = self.hub.wheel.tick
            self.incoming = turn
            self.raw_left = head.length - turn.size
        else:
            turn.complete = True
        return data[end:]

    def _find_excess(self, head: Head) -> tuple[Refusal, str] | None:
        bounds = self.hub.bounds
        if head.length > bounds.body_bytes:
            return Refusal.BODY_TOO_LARGE, f"The request body is larger than {bounds.body_bytes} bytes."
        if len(self.queue) >= bounds.pipeline_depth * _BURST:
            return Refusal.BAD_REQUEST, "Too many requests were sent ahead of their answers."
        return None

    # --- what is rare ---

    def _enqueue(self, turn: Turn) -> None:
        if self.turn is None:
            self.turn = turn
        else:
            self.queue.append(turn)

    def _check_partial(self) -> None:
        """A request has begun and is not complete: its rest goes past the parser, or it is too much for what it is."""
        if not self.raw:
            self.raw = 1
            self.mark = self.hub.wheel.tick
        turn = self.incoming
        if turn is not None and not self.deaf:
            left = turn.head.length - turn.size
            if left >= _RAW_BYTES_MIN:
                self.raw_left = left
                return
        bounds = self.hub.bounds
        share = turn.size * _FRAMING_SHARE_MAX if turn is not None else 0
        if self.raw > bounds.header_bytes + bounds.target_bytes + share and not self.deaf:
            self._break_off(f"it is larger than {bounds.header_bytes} bytes")

    def _take_raw(self, data: bytes) -> bytes:
        """Bytes of the body as they come; answers with what stands behind it."""
        turn = self.incoming
        part = data if len(data) <= self.raw_left else data[: self.raw_left]
        self.raw_left -= len(part)
        self.on_body(part)
        if not self.raw_left and turn is not None:
            self.on_message_complete()
            self.renew_parser()
        return data[len(part) :]

    def _pass_upgrade(self, rest: bytes) -> bytes:
        """An upgrade is not taken up: the request counts as if it had not asked, its body is still to be read."""
        turn = self.queue[-1] if self.queue else self.turn
        self.renew_parser()
        if self.deaf or turn is None:
            return b""
        if turn.head.method == b"CONNECT" or turn.head.length < 0:
            turn.refusal = (Refusal.BAD_REQUEST, "Connections are neither tunnelled nor upgraded here.")
            self.deaf = True
            return b""
        if turn.head.length:
            turn.complete = False
            self.incoming = turn
            self.raw_left = turn.head.length
            rest = self._take_raw(rest)
        return rest

    def _break_off(self, reason: str) -> None:
        """What came is not HTTP: the request in whose body it stands is refused, or the head that it should be."""
        turn = self.incoming
        if turn is not None:
            self.incoming = None
            self.deaf = True
            turn.refusal = (Refusal.BAD_REQUEST, f"The request body is not valid HTTP: {reason}.")
        elif not self.deaf and not self.final:
            self.refuse_input(Refusal.BAD_REQUEST, f"The request head is not valid HTTP: {reason}.")
        self.deaf = True
