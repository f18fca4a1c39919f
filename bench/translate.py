"""What one event of a stream costs when it is told in another dialect, against the same event relayed as it came.

    python -m bench.translate

Both ways through the meter, as the gateway feeds it: `read` is an event that is decoded; `lane` is one of the usual
shape, which is only compared with the one before it. CPU time of this process, the least of several rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from tokenworks.usage.meter import Show, StreamMeter
from tokenworks.usage.retold import RetoldMeter
from tokenworks.usage.usual import Way
from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.retell import Reteller

ROUNDS = 9
EVENTS = 5000
CHAT = (b'data: {"id":"chatcmpl-8f1b","object":"chat.completion.chunk","created":1763900000,"model":"qwen3","choices":'
        b'[{"index":0,"delta":{"content":"%b"},"logprobs":null,"finish_reason":null}]%b}\n\n')
MESSAGES = (b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
            b'"text":"%b"}}\n\n')
START = (b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":'
         b'"assistant","model":"c","content":[],"usage":{"input_tokens":9,"output_tokens":1}}}\n\n',
         b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text",'
         b'"text":""}}\n\n')
RESPONSES = (b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":%d,'
             b'"item_id":"msg_1","output_index":0,"content_index":0,"delta":"%b","logprobs":[]}\n\n')
CREATED = (b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1",'
           b'"model":"g"}}\n\n',
           b'event: response.output_item.added\ndata: {"type":"response.output_item.added","output_index":0,"item":'
           b'{"id":"msg_1","type":"message"}}\n\n',
           b'event: response.content_part.added\ndata: {"type":"response.content_part.added","output_index":0,'
           b'"content_index":0,"part":{"type":"output_text","text":""}}\n\n')


class Stream(NamedTuple):
    """An upstream's stream: how it begins and its events."""

    name: str
    engine: Engine
    dialect: Dialect
    begins: tuple[bytes, ...]
    events: list[bytes]


class Goal:
    """A mark that is never reached."""

    mark = 1 << 60


def streams() -> list[Stream]:
    """Streams as the usual engines send them, each text another."""
    words = [b" token%d" % (number % 1000) for number in range(EVENTS)]
    figures = [b',"usage":{"prompt_tokens":50,"total_tokens":%d,"completion_tokens":%d}' % (50 + number, number)
               for number in range(EVENTS)]
    return [
        Stream("chat, openai", "openai", "chat", (), [CHAT % (word, b"") for word in words]),
        Stream("chat, vllm with usage", "vllm", "chat", (),
               [CHAT % (word, figure) for word, figure in zip(words, figures, strict=True)]),
        Stream("messages", "anthropic", "messages", START, [MESSAGES % word for word in words]),
        Stream("responses", "openai", "responses", CREATED,
               [RESPONSES % (number, word) for number, word in enumerate(words)]),
    ]


def meter_of(stream: Stream, client: Dialect) -> StreamMeter:
    """The meter that a stream of that upstream goes through, on its way to a client of that dialect."""
    if client == stream.dialect:
        meter = StreamMeter(stream.dialect, stream.engine, "exact", Show(False))
    else:
        told = Reteller(stream.dialect, client, Asked("m"), "req_0001")
        meter = RetoldMeter(told, stream.engine, "exact", Show(False))
    for block in stream.begins:
        meter.feed(block)
    for block in stream.events[:2]:
        meter.feed(block)
    return meter


def read_us(stream: Stream, client: Dialect) -> float:
    """Microseconds of CPU per event that is read, with the bytes written as one chunk."""
    def go() -> int:
        feed, sent = meter_of(stream, client).feed, 0
        began = time.process_time_ns()
        for block in stream.events:
            out = feed(block)
            sent += len(b"%x\r\n%b\r\n" % (len(out), out))
        return time.process_time_ns() - began

    return _least(go)


def lane_us(stream: Stream, client: Dialect) -> float | None:
    """Microseconds of CPU per event of the usual shape; None where no shape is known."""
    chunks = [b"%04x\r\n%b\r\n" % (len(block), block) for block in stream.events]
    sent: list[bytes] = []
    way = Way(sent.append, Goal(), sent.clear)
    take = meter_of(stream, client).shortcut(6, way)
    if take is None or not take(chunks[2]):
        return None  # responses number their events: no two are alike

    def go() -> int:
        take = meter_of(stream, client).shortcut(6, way)
        began = time.process_time_ns()
        passed = take is not None and all(map(take, chunks))
        return time.process_time_ns() - began if passed else 0

    return _least(go)


def _least(go: Callable[[], int]) -> float:
    return min(go() for _ in range(ROUNDS)) / EVENTS / 1000


def main() -> None:
    """Print the table."""
    print(f"{'upstream':24}{'client':14}{'read us':>10}{'more':>8}{'lane us':>10}{'more':>8}")
    clients: tuple[Dialect, ...] = ("chat", "responses", "messages")
    for stream in streams():
        relayed, lane = read_us(stream, stream.dialect), lane_us(stream, stream.dialect)
        for client in sorted(clients, key=lambda client, own=stream.dialect: client != own):  # type: ignore[misc]
            read, short = read_us(stream, client), lane_us(stream, client)
            base = lane if lane is not None else relayed
            row = f"{stream.name:24}{client:14}{read:10.2f}{read - relayed:8.2f}"
            print(row + (f"{short:10.2f}{short - base:8.2f}" if short is not None else f"{'-':>10}{'-':>8}"))


if __name__ == "__main__":
    main()
