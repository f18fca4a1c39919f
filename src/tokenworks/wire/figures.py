"""Figures in an answer that the client did not ask for are taken out; all other bytes stay as they came.

In valid JSON the bytes `,"timings":{` can only be a key, because a quote within a string is escaped. If its value is
followed by exactly what closes the top level, the key stands at the top level and its removal is two slices. Anything
else is decoded. The events that come here have been read, so they are valid JSON.
"""

from __future__ import annotations

import re

import msgspec

from tokenworks.wire.loose import read_pairs, write_pairs
from tokenworks.wire.sse import read_event

_RAW = msgspec.json.Decoder(msgspec.Raw)
_TAIL = re.compile(rb"[\r\n]+\Z")
_USUAL = b"}\n\n"
NO_USAGE = b',"usage":null}\n\n'


def drop_timings(block: bytes) -> bytes:
    """An event without llama.cpp's `timings`, which are flat: no brace within."""
    place = block.rfind(b',"timings":{')
    if place > 0 and block.find(b"}", place) == len(block) - 4 and block.endswith(_USUAL):
        return block[:place] + _USUAL
    return drop_field(block, "timings")


def drop_usage(block: bytes, raw: bytes) -> bytes:
    """An event without its `usage`, whose value is `raw`."""
    tail = b',"usage":%b}\n\n' % raw
    if block.endswith(tail):
        return block[: -len(tail)] + _USUAL
    member = tail[:-3]  # anywhere else: in valid JSON a member that is not the first can be cut out
    place = block.rfind(member)
    return drop_field(block, "usage") if place < 0 else block[:place] + block[place + len(member) :]


def drop_null(block: bytes) -> bytes:
    """An event without the `usage: null` that only clients who asked for usage expect."""
    return block[: -len(NO_USAGE)] + _USUAL if block.endswith(NO_USAGE) else block


def drop_field(block: bytes, key: str) -> bytes:
    """An event without a field, at the top level or in the `response` within; the same if it has none."""
    name, data = read_event(block)
    without = drop_member(data, key)
    return block if without is data else _rewritten(block, name, without)


def drop_member(data: bytes, key: str) -> bytes:
    """A JSON object without a member, at the top level or in the `response` within; the same if it has none."""
    place = data.rfind(b',"%b":{' % key.encode())
    if place > 0 and data.endswith(b"}"):
        try:
            _RAW.decode(data[place + len(key) + 4 : -1])
            return data[:place] + b"}"
        except msgspec.DecodeError:
            pass
    pairs = read_pairs(data)
    if pairs is None:
        return data
    if pairs.pop(key, None) is not None:
        return write_pairs(pairs)
    inner = read_pairs(bytes(pairs["response"])) if "response" in pairs else None
    if inner is None or inner.pop(key, None) is None:
        return data
    return write_pairs({**pairs, "response": msgspec.Raw(write_pairs(inner))})


def add_extension(block: bytes, extension: dict[str, object]) -> bytes:
    """An event with the `tokenworks` object: in its `response` if it has one, else at its top level."""
    name, data = read_event(block)
    return _rewritten(block, name, add_member(data, extension))


def add_member(data: bytes, extension: dict[str, object]) -> bytes:
    """A JSON object with the `tokenworks` object, in the `response` within if there is one."""
    pairs = read_pairs(data)
    if pairs is None:
        return data
    raw = msgspec.Raw(msgspec.json.encode(extension))
    inner = read_pairs(bytes(pairs["response"])) if "response" in pairs else None
    if inner is None:
        return write_pairs({**pairs, "tokenworks": raw})
    return write_pairs({**pairs, "response": msgspec.Raw(write_pairs({**inner, "tokenworks": raw}))})


def _rewritten(block: bytes, name: str, data: bytes) -> bytes:
    """An event with other data; its blank line stays as it came."""
    end = _TAIL.search(block)
    line = b"event: %b\n" % name.encode() if name else b""
    return line + b"data: " + data + (end.group() if end else b"\n\n")
