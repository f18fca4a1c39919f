"""The least relay that can be built of both sides; what the flow of a request adds is not here."""

from __future__ import annotations

from tokenworks.gateway.call import Call, Failure
from tokenworks.gateway.pool import Pool, Target
from tokenworks.gateway.turn import Turn
from tokenworks.wire.refusals import Refusal

FRAMING = (b"content-length", b"transfer-encoding", b"connection", b"date")


class Relay:
    """Flow and caller of one request: bytes go through, pressure goes back, whoever leaves is told to the other."""

    def __init__(self, relays: Relays, turn: Turn) -> None:
        self.relays, self.turn = relays, turn
        self.call: Call | None = None
        self.ends = 0

    def body_done(self, body: bytes) -> None:
        head = b"%b %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (self.turn.head.method, b"/x", len(body))
        self.call = self.relays.pool.call(self.relays.target, head, [body], self)

    def body_failed(self, refusal: Refusal, message: str) -> None:
        self.ends += 1
        self.turn.respond(400, [], message.encode())

    def client_gone(self) -> None:
        self.ends += 1
        if self.call:
            self.call.cancel()

    stalled = client_gone

    def client_blocked(self) -> None:
        if self.call:
            self.call.pause()

    def client_ready(self) -> None:
        if self.call:
            self.call.resume()

    def upstream_read(self, call: Call, data: bytes, ended: bool) -> None:
        if not self.turn.started:
            length = call.get(b"content-length")
            headers = [pair for pair in call.headers if pair[0] not in FRAMING]
            self.turn.start(call.status, headers, int(length) if length else None)
        if ended:
            self.ends += 1
            self.turn.end(data)
        elif data:
            self.turn.write(data)
        else:
            self.turn.flush()

    def upstream_failed(self, call: Call, failure: Failure) -> None:
        self.ends += 1
        if self.turn.started:
            self.turn.abort()
        else:
            self.turn.respond(502, [], failure.fault.value.encode())


class Relays:
    """A service that relays everything to one upstream."""

    def __init__(self) -> None:
        self.flows: list[Relay] = []

    pool: Pool
    target: Target

    def open(self, turn: Turn) -> Relay | None:
        if turn.head.method == b"OPTIONS":
            turn.respond(204, [])
            return None
        self.flows.append(Relay(self, turn))
        return self.flows[-1]
