"""Idempotency-Key on every POST: the same key with the same request gets the same answer, and the work is done once.

The key is claimed before the work; a claim gives the time and the seed from which the work mints its ids. If we die
between the work and the keeping of its answer, the next try mints the same ids and the store finds them.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

import msgspec

from tokenworks.api.problem import Refused
from tokenworks.operations.desk import Desk

KEY_CHARS_MAX = 255


class Reply(msgspec.Struct, frozen=True):
    """What was answered: an HTTP status and a JSON body."""

    status: int
    body: bytes
    replayed: bool = False


class Call(NamedTuple):
    """What makes two requests the same request."""

    method: str
    path: str
    body: bytes

    @property
    def digest(self) -> bytes:
        """Of everything that decides what is done."""
        return sha256(b"\0".join((self.method.encode(), self.path.encode(), self.body))).digest()


def run_once(desk: Desk, key: str, call: Call, run: Callable[[Desk], Reply], keep: bool) -> Reply:
    """Run a call under its Idempotency-Key, or give the answer it got; raises Refused for a key used otherwise.

    `keep` false: the answer holds a secret and is not kept; a second try is told to make another.
    """
    if not key:
        return run(desk)
    if len(key) > KEY_CHARS_MAX or not key.isprintable():
        raise Refused("invalid", f"Idempotency-Key: write at most {KEY_CHARS_MAX} printable characters.", "")
    claim = desk.store.meta.claim(key, call.digest, desk.clock.now_ns())
    if not claim.same:
        raise Refused("idempotency_reused", "This Idempotency-Key came with another request before.", "")
    if claim.reply is not None:
        return msgspec.structs.replace(msgspec.msgpack.decode(claim.reply, type=Reply), replayed=True)
    reply = run(desk.repeat(claim.at_ns, claim.seed))
    kept = reply if keep else Reply(409, b"")
    desk.store.meta.answer(key, msgspec.msgpack.encode(kept))
    return reply
