"""The ways in which a request goes wrong: at the gateway, or at the upstream behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.clients.reading import Asked
from tests.clients.scripted import Twist
from tests.clients.telling import STREAM, Told
from tests.clients.world import World
from tests.gateway.upstream import Exchange

from tokenworks.limits import ACCOUNT_BYTES_MAX, BODY_BYTES_MAX

ROOM_BYTES = 1000  # less than any agent's request
WORDS_MAX = 20_000
# An input is held at a token per byte while nothing is known of a model, at the dearest price (writing a cache: 40 per
# million here); what is left pays for some thousand tokens of output.
CREDIT_PER_KB, CREDIT_MORE = 0.046, 0.25


async def be_busy(exchange: Exchange, asked: Asked, told: Told) -> bool:
    """The upstream has no room."""
    await exchange.whole({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529)
    return True


async def be_gone(exchange: Exchange, asked: Asked, told: Told) -> bool:
    """The upstream hangs up before it has said anything."""
    exchange.abort()
    return True


async def die(exchange: Exchange, asked: Asked, told: Told) -> bool:
    """The upstream hangs up in the middle of the answer."""
    if not asked.stream:
        exchange.abort()
        return True
    await exchange.start()
    events = list(STREAM[asked.dialect](asked, Told("I am going to tell you now")))
    for name, payload in events[: len(events) // 2]:
        await exchange.event(payload, name)
        await asyncio.sleep(0.01)
    exchange.abort()
    return True


async def talk_on(exchange: Exchange, asked: Asked, told: Told) -> bool:
    """The upstream talks until it is stopped."""
    words = Told(" ".join(f"word{number}" for number in range(WORDS_MAX)), output=2 * WORDS_MAX)
    if not asked.stream or not asked.tools:
        return False
    await exchange.start()
    for number, (name, payload) in enumerate(STREAM[asked.dialect](asked, words)):
        if exchange.gone.is_set():
            break
        await exchange.event(payload, name)
        await asyncio.sleep(0.0005 if number % 10 == 0 else 0)
    await exchange.end()
    return True


TWISTS: dict[str, Twist] = {"overloaded": be_busy, "upstream_gone": be_gone, "upstream_dies": die,
                            "credit_ends": talk_on}


@contextmanager
def trouble(world: World, case: str, model: str, request_kb: int) -> Iterator[str]:
    """The key to ask with while something is wrong with a model, or with the key's account."""
    twist = TWISTS.get(case)
    for source in world.scripted.values() if twist is not None else ():
        source.twists[model] = twist
    full = fill_account(world) if case == "rate_limited" else None
    try:
        if full is not None:
            yield full[0]
        elif case == "unknown_key":
            yield "tw_live_nobody"
        elif case == "no_credit":
            yield world.poor_key
        else:
            credit = f"{request_kb * CREDIT_PER_KB + CREDIT_MORE:.2f}"
            yield world.utility.buyer(credit)[1] if case == "credit_ends" else world.utility.key
    finally:
        for line in full[1] if full else ():
            line.close()


def fill_account(world: World) -> tuple[str, list[socket.socket]]:
    """A key whose account has as many bytes of requests in flight as it may, and the connections that send them."""
    assert world.utility.workers == 1, "the bound is one worker's"
    key = world.utility.buyer("10")[1]
    lines, left = [], ACCOUNT_BYTES_MAX - ROOM_BYTES
    while left > 0:
        line = socket.create_connection(world.utility.address)
        part = min(left, BODY_BYTES_MAX - 1)
        line.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nhost: gw\r\nauthorization: Bearer {key}\r\n"
                      f"content-type: application/json\r\ncontent-length: {part + 1}\r\n\r\n").encode())
        line.sendall(bytes(part))
        lines.append(line)
        left -= part
    return key, lines
