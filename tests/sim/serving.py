"""Both sides of a gateway: clients that hang up and stall, upstreams that fail in every way they can.

The sockets are left out; what they call (`Service`, `Flow`, `Turn`, `Call`) is the real thing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from tests.sim.loop import MS, Process

from tokenworks.gateway.call import Call, Caller, Failure, Fault
from tokenworks.gateway.turn import Head, Turn

TOKEN = b"tok "  # one token of every answer here: four bytes, as estimates assume
STREAM = [(b"content-type", b"text/event-stream")]
JSON = [(b"content-type", b"application/json")]


class SimServer:
    """gateway.server.Server without sockets: the day's clients knock at `take`. It is the hub of their turns, too."""

    date_line = b""

    def __init__(self, service: Any, budget: Any, wheel: Any, mint: Any, clock: Any) -> None:
        self.service, self.budget = service, budget
        self.draining = False
        self.open = True
        self.clients: set[Client] = set()

    @property
    def connections(self) -> int:
        return len(self.clients)

    async def listen(self, sock: Any, tls: Any = None) -> None:
        self.process = asyncio.get_running_loop()

    async def drain(self, wait_s: float) -> None:
        self.draining, self.open = True, False
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        while self.clients and loop.time() < until_s:
            await asyncio.sleep(0.05)
        for client in tuple(self.clients):
            client.hang_up()


class Client:
    """One request on a connection of its own, as the turn sees the connection. Counts the tokens it is written."""

    secure = closing = deaf = False
    peer = "client"

    def __init__(self, day: Any, server: SimServer, life: Any, body: dict[str, Any], key: str) -> None:
        self.day, self.hub, self.life = day, server, life
        self.transport: Any = self
        self.tokens = 0
        self.request = ""
        self.ended = self.whole = self.gone = self.hung_up = False
        self.body = json.dumps(body, separators=(",", ":")).encode()
        fields = {b"host": b"gw", b"authorization": b"Bearer " + key.encode(), b"content-type": b"application/json",
                  b"content-length": b"%d" % len(self.body)}
        self.turn = Turn(self, Head(b"POST", b"/v1/chat/completions", list(fields.items()), fields), server.budget)
        self.flow: Any = None
        self.status = 0

    def send(self) -> None:
        """The head and the body, as one step of the worker."""
        self.hub.clients.add(self)
        self.turn.complete = True
        self.flow = self.turn.flow = self.hub.service.open(self.turn)
        if self.flow is not None:
            self.turn.flow = self.flow
            self.flow.body_done(self.body)

    def hang_up(self, stalled: bool = False) -> None:
        if self.ended or self.gone:
            return
        self.gone = self.hung_up = True
        self.hub.clients.discard(self)
        flow = self.turn.flow
        if stalled:
            if flow is not None:
                flow.stalled()
            self.turn.release()
            return
        self.turn.release()
        if flow is not None:
            flow.client_gone()

    def block(self, for_ns: int) -> None:
        """Reads nothing of what it is written for a while."""
        if self.turn.flow is not None and self.turn.started:
            self.turn.flow.client_blocked()
            self.day.time.after(for_ns, self.life.process, self._unblock)

    def _unblock(self) -> None:
        if self.turn.flow is not None:
            self.turn.flow.client_ready()

    # --- turn.Link and its transport ---

    def write(self, data: bytes) -> None:
        self.day.death_point(self.life.process, "before a write to a client")
        if not self.status:
            self.status = int(data[9:12])
        self.tokens += data.count(TOKEN)
        self.day.death_point(self.life.process, "after a write to a client")

    def writelines(self, parts: Sequence[bytes]) -> None:
        self.write(b"".join(parts))

    def abort(self) -> None:
        self.gone = True

    def get_write_buffer_size(self) -> int:
        return 0

    def turn_ended(self, keep: bool) -> None:
        self.hub.clients.discard(self)
        self.ended = True
        self.whole = not self.gone
        self.request = getattr(self.flow, "id", "")
        if self.whole and self.request:
            self.day.answered(self)


class SimCall(Call):
    """A call at an upstream that plays a script: reads at times, then an end or a failure."""

    def __init__(self, day: Any, process: Process, target: Any, head: bytes, pieces: Any, caller: Caller) -> None:
        super().__init__(target, head, pieces, caller)
        self.day, self.process = day, process
        self.script: list[tuple[int, bytes, bool]] = []  # (delay, data, end)
        self.failure: Failure | None = None  # instead of the end
        self.waiting = False

    def play(self) -> None:
        """Plans the next read."""
        if self.waiting or self.paused or self.ended:
            return
        self.waiting = True
        delay_ns = self.script[0][0] if self.script else self.day.time.some(1, 30)
        self.day.time.after(delay_ns, self.process, self._go_on)

    def _go_on(self) -> None:
        self.waiting = False
        if self.ended or self.paused:
            return
        if not self.script:
            assert self.failure is not None
            self.finish().upstream_failed(self, self.failure)
            return
        _, data, ended = self.script.pop(0)
        if ended:
            self.finish().upstream_read(self, data, True)
        else:
            self.caller.upstream_read(self, data, False)
            self.play()

    def resume(self) -> None:
        super().resume()
        self.play()


class SimPool:
    """gateway.pool.Pool: every call meets an upstream with a mood of its own."""

    def __init__(self, wheel: Any) -> None:
        self.connections = 0

    def retire(self, target: Any) -> None:
        pass

    async def close(self) -> None:
        pass

    def call(self, target: Any, head: bytes, pieces: Any, caller: Caller) -> Call:
        process = asyncio.get_running_loop()
        assert isinstance(process, Process)
        day = process.host.day
        call = SimCall(day, process, target, head, pieces, caller)
        write_script(call, json.loads(b"".join(pieces)), target.host.split(".")[0], day)
        call.play()
        return call


def write_script(call: SimCall, body: dict[str, Any], engine: str, day: Any) -> None:
    """What this upstream will do. The day is told what it would report, so that bills can be compared with it."""
    time_ = day.time
    mood = time_.random.choices(("well", "refuses", "fails", "drops", "breaks", "garbage", "silent"),
                                (100, 3, *(day.rates["upstream"],) * 4, day.rates["no_usage"]))[0]
    if mood in ("refuses", "fails"):
        call.status = 400 if mood == "refuses" else time_.random.choice((429, 500, 503))
        call.headers, call.fields = JSON, dict(JSON)
        call.script = [(time_.some(1, 60), b'{"error":{"message":"no"}}', True)]
        return
    if mood == "drops":
        fault = time_.random.choice((Fault.CONNECT, Fault.RESET, Fault.TIMEOUT))
        call.failure = Failure(fault, "dropped", fault is not Fault.CONNECT, False)
        return
    prompt = _count_prompt(body, day)
    output = min(time_.random.choice((3, 40, 300, 700, 1500)) + time_.random.randrange(40), body["max_tokens"])
    day.reported(call.caller.id, prompt, output)  # type: ignore[attr-defined]
    call.status = 200
    stream = body.get("stream", False)
    call.headers = STREAM if stream else JSON
    call.fields = dict(call.headers)
    reads = _stream(prompt, output, engine, mood, time_) if stream else _whole(prompt, output, mood)
    gap_ms = min(time_.random.choice((2, 20, 120)), max(1, 20_000 // len(reads)))
    call.script = [(time_.some(1, gap_ms), data, place == len(reads) - 1) for place, data in enumerate(reads)]
    call.script[0] = (time_.some(1, 300), *call.script[0][1:])
    if mood in ("breaks", "garbage"):
        kept = time_.random.randrange(len(reads))
        call.script = [(delay, data, False) for delay, data, _ in call.script[:kept]]
        if mood == "garbage" and stream:
            call.script.append((5 * MS, b'data: {"error":{"message":"gone","type":"server_error"}}\n\n', False))
        fault = Fault.EARLY_END if kept else Fault.RESET
        call.failure = Failure(fault, "broke off", True, kept > 0)


def _count_prompt(body: dict[str, Any], day: Any) -> int:
    size = sum(len(message["content"]) for message in body["messages"])
    usual = size // 4 + 9
    return usual + size // 2 if day.time.chance(20) else usual


def _stream(prompt: int, output: int, engine: str, mood: str, time_: Any) -> list[bytes]:
    reads, made = [], 0
    pace = time_.random.choice((5, 60, 200))
    while made < output:
        count = min(output - made, time_.random.randrange(1, pace + 1))
        made += count
        reads.append(_event([{"index": 0, "delta": {"content": TOKEN.decode() * count}, "finish_reason": None}],
                            (prompt, made) if engine == "vllm" and mood != "silent" else None))
    reads.append(_event([{"index": 0, "delta": {}, "finish_reason": "stop"}], None))
    if mood != "silent":
        reads[-1] += _event([], (prompt, output))
    reads[-1] += b"data: [DONE]\n\n"
    return reads


def _whole(prompt: int, output: int, mood: str) -> list[bytes]:
    body: dict[str, Any] = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{
        "index": 0, "message": {"role": "assistant", "content": TOKEN.decode() * output}, "finish_reason": "stop"}]}
    if mood != "silent":
        body["usage"] = _usage((prompt, output))
    return [json.dumps(body, separators=(",", ":")).encode()]


def _event(choices: list[dict[str, Any]], usage: tuple[int, int] | None) -> bytes:
    body: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                            "choices": choices}
    if usage is not None:
        body["usage"] = _usage(usage)
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def _usage(counts: tuple[int, int]) -> dict[str, int]:
    prompt, output = counts
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
