"""Everything that is not inference goes to the control process through its public socket, as it comes."""

from __future__ import annotations

from tokenworks.gateway.call import Call, Failure
from tokenworks.gateway.pool import Pool, Target
from tokenworks.gateway.speech import say_refusal
from tokenworks.gateway.turn import Turn
from tokenworks.wire.refusals import Refusal, render_refusal

# Of one connection only (RFC 9110, 7.6.1), or written anew on the other side.
HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
                 b"upgrade", b"content-length", b"expect", b"proxy-authenticate", b"proxy-authorization",
                 b"x-forwarded-for", b"x-forwarded-proto", b"x-request-id", b"request-id", b"date",
                 b"accept-encoding"})


class ProxyFlow:
    """One request to the control process. It has its own authentication; here nothing is looked at."""

    __slots__ = ("_call", "_id", "_pool", "_target", "_turn")

    def __init__(self, turn: Turn, pool: Pool, target: Target, request_id: str) -> None:
        self._turn, self._pool, self._target, self._id = turn, pool, target, request_id
        self._call: Call | None = None

    def body_done(self, body: bytes) -> None:
        """The whole request is here: send it on."""
        turn, head = self._turn, self._turn.head
        rows = [b"%b %b HTTP/1.1" % (head.method, head.target)]
        rows += [b"%b: %b" % pair for pair in head.headers if pair[0] not in HOP]
        if b"host" not in head.fields:
            rows.append(b"host: localhost")
        rows += [b"x-forwarded-for: " + turn.peer.encode(), b"x-request-id: " + self._id.encode(),
                 b"x-forwarded-proto: " + (b"https" if turn.secure else b"http"),
                 b"content-length: %d" % len(body), b"", b""]
        self._call = self._pool.call(self._target, b"\r\n".join(rows), [body] if body else [], self)

    def body_failed(self, refusal: Refusal, message: str) -> None:
        """The body will not be complete."""
        self._turn.respond(*render_refusal(refusal, "openai", self._id, say_refusal(self._turn.head, refusal, message)))

    def upstream_read(self, call: Call, data: bytes, ended: bool) -> None:
        """A read of the answer."""
        turn = self._turn
        if not turn.started:
            headers = [pair for pair in call.headers if pair[0] not in HOP]
            headers += [(b"x-request-id", self._id.encode()), (b"request-id", self._id.encode())]
            length = call.get(b"content-length") if turn.head.method == b"HEAD" else None
            turn.start(call.status, headers, len(data) if ended else int(length) if length else None)
        if ended:
            self._call = None
            turn.end(data)
        elif data:
            turn.write(data)
        else:
            turn.flush()

    def upstream_failed(self, call: Call, failure: Failure) -> None:
        """The control process is away or broke off."""
        self._call = None
        if self._turn.started:
            self._turn.abort()
        else:
            message = "The control process does not answer. Inference goes on; try this again in a moment."
            text = say_refusal(self._turn.head, Refusal.UPSTREAM_FAILED, message)
            self._turn.respond(*render_refusal(Refusal.UPSTREAM_FAILED, "openai", self._id, text))

    def client_gone(self) -> None:
        """Nobody waits for the answer any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def stalled(self) -> None:
        """The client takes nothing."""
        self.client_gone()

    def client_blocked(self) -> None:
        """The client reads slower than control writes."""
        if self._call is not None:
            self._call.pause()

    def client_ready(self) -> None:
        """The client reads again."""
        if self._call is not None:
            self._call.resume()
