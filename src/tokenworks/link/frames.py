"""Bytes <-> messages of the private link: a 4-byte big-endian length, then one msgpack-encoded tagged struct."""

from __future__ import annotations

import struct
from typing import Generic, TypeVar

import msgspec

from tokenworks.errors import Broken
from tokenworks.limits import FRAME_BYTES_MAX

M = TypeVar("M")
_LENGTH = struct.Struct(">I")
_ENCODER = msgspec.msgpack.Encoder()


class BadFrame(Broken):
    """The other end of the link sent what this version does not understand: {0}. Run one version on all parts."""


def pack_frame(message: msgspec.Struct) -> bytearray:
    """One message as a frame; raises BadFrame above FRAME_BYTES_MAX."""
    buffer = bytearray(_LENGTH.size)
    _ENCODER.encode_into(message, buffer, _LENGTH.size)
    size = len(buffer) - _LENGTH.size
    if size > FRAME_BYTES_MAX:
        raise BadFrame(f"a frame of {size} bytes, at most {FRAME_BYTES_MAX} are allowed")
    _LENGTH.pack_into(buffer, 0, size)
    return buffer


class FrameReader(Generic[M]):
    """Cuts a byte stream, split anywhere, into messages of the union `kind`."""

    def __init__(self, kind: object) -> None:
        self._decoder: msgspec.msgpack.Decoder[M] = msgspec.msgpack.Decoder(kind)
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[M]:
        """The messages that `data` completes; raises BadFrame, after which the stream is of no use."""
        if not self._rest and len(data) >= _LENGTH.size and _LENGTH.unpack_from(data)[0] + _LENGTH.size == len(data):
            return [self._decode(memoryview(data)[_LENGTH.size :])]  # the usual read: one whole frame, no copy
        self._rest += data
        return self._drain()

    def _drain(self) -> list[M]:
        messages: list[M] = []
        start, rest = 0, self._rest
        while len(rest) - start >= _LENGTH.size:
            size = _LENGTH.unpack_from(rest, start)[0]
            if size > FRAME_BYTES_MAX:
                raise BadFrame(f"a frame of {size} bytes, at most {FRAME_BYTES_MAX} are allowed")
            end = start + _LENGTH.size + size
            if len(rest) < end:
                break
            messages.append(self._decode(bytes(rest[start + _LENGTH.size : end])))
            start = end
        del rest[:start]
        return messages

    def _decode(self, body: bytes | memoryview) -> M:
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise BadFrame(str(error)) from error
