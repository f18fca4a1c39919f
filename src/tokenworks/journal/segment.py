"""The format of a journal file, as pure functions over bytes.

    page 0       magic, length, checksum, msgpack of Head; zeros to 4096
    frames       from 4096 on, each at a multiple of 8: u32 length, u32 checksum, payload (msgpack of a record), zeros
    the end      length 0xFFFFFFFF and the checksum of nothing: sealed. Length 0: nothing more has been written yet

The file is preallocated, so that everything after the last frame is zero. The payload is stored before its 8-byte
header: a process that dies between any two instructions leaves an end, never half a frame. Only a power loss, which
may keep later pages and lose earlier ones, can leave a header without its payload; the checksum tells. Checksums start
from the head's own (which holds a random nonce), so that no payload, whoever wrote its text, looks like a frame.
"""

from __future__ import annotations

import struct
from zlib import crc32

import msgspec

MAGIC = b"TWJRNL01"
HEAD_BYTES = 4096
FRAME_HEAD = struct.Struct("<II")
FRAME_HEAD_BYTES = 8
END_LENGTH = 0xFFFFFFFF
SUFFIX = ".twj"
SEQUENCE_SHIFT = 32  # a writer's position is sequence << 32 | offset: it grows across segments


class Head(msgspec.Struct, frozen=True):
    """What a segment says of itself. `books_epoch` is the one its writer had heard of when the file was made."""

    writer: str  # host/worker/epoch
    sequence: int
    created_at_ns: int
    books_epoch: int
    nonce: bytes


def pack_head(head: Head) -> tuple[bytes, int]:
    """The head page, and the salt from which the checksums of the segment's frames start."""
    body = msgspec.msgpack.encode(head)
    salt = crc32(body)
    return (MAGIC + FRAME_HEAD.pack(len(body), salt) + body).ljust(HEAD_BYTES, b"\0"), salt


def read_head(page: bytes) -> tuple[Head, int] | None:
    """The head and the salt, or None when the page is not a head."""
    start = len(MAGIC) + FRAME_HEAD_BYTES
    if len(page) < start or not page.startswith(MAGIC):
        return None
    length, salt = FRAME_HEAD.unpack_from(page, len(MAGIC))
    body = page[start:start + length]
    if len(body) != length or crc32(body) != salt:
        return None
    return msgspec.msgpack.decode(body, type=Head), salt


def end_mark(salt: int) -> bytes:
    """The header of the frame that ends a sealed segment."""
    return FRAME_HEAD.pack(END_LENGTH, crc32(MAGIC, salt))


def frame_end(offset: int, length: int) -> int:
    """Where the frame after one of `length` payload bytes at `offset` begins."""
    return (offset + FRAME_HEAD_BYTES + length + 7) & ~7


def segment_name(writer: str, sequence: int) -> str:
    """File name of a writer's segment; the writer's slashes become dots."""
    return f"{writer.replace('/', '.')}-{sequence:08d}{SUFFIX}"


def parse_name(name: str) -> tuple[str, int] | None:
    """Writer and sequence of a segment's file name, or None when the name is not one."""
    stem, dash, digits = name.removesuffix(SUFFIX).rpartition("-")
    parts = stem.split(".")
    if not name.endswith(SUFFIX) or not dash or not digits.isdigit() or len(parts) != 3 or not all(parts):
        return None
    return "/".join(parts), int(digits)
