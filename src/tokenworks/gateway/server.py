"""The worker's listening sockets and what all client connections share: limits, the date, TLS, the drain."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from email.utils import formatdate

from tokenworks.clock import Clock
from tokenworks.gateway.bounds import BOUNDS, Bounds
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.client import ClientProtocol
from tokenworks.gateway.hub import Member
from tokenworks.gateway.speech import say_refusal
from tokenworks.gateway.turn import Service, Turn
from tokenworks.gateway.wheel import Wheel
from tokenworks.wire.paths import resolve_target, route_family
from tokenworks.wire.refusals import Refusal, render_refusal

_BACKLOG = 4096
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}  # a client that lost its network is noticed
_POLL_S = 0.02  # how often a drain looks whether all have gone


class Server:
    """Accepts connections for a Service. One per worker; several sockets may be added.

    `mint` makes the ids of requests that are refused here, before a service has seen them.
    """

    def __init__(
        self,
        service: Service,
        budget: Budget,
        wheel: Wheel,
        mint: Callable[[], str],
        clock: Clock,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self.service = service
        self.budget = budget
        self.wheel = wheel
        self.bounds = bounds
        self.draining = False
        self.part = 0
        self.head_ticks = wheel.ticks(bounds.head_s)
        self.body_ticks = wheel.ticks(bounds.body_s)
        self.idle_ticks = wheel.ticks(bounds.idle_s)
        self.linger_ticks = wheel.ticks(bounds.linger_s)
        self.stall_ticks = wheel.ticks(bounds.stall_s)
        self.body_rate_per_tick = bounds.body_rate_per_s * bounds.body_s / self.body_ticks
        self._mint = mint
        self._clock = clock
        self._clients: set[Member] = set()
        self._listening: list[tuple[socket.socket, bool, asyncio.Server]] = []
        self.sweep(0)
        wheel.add(self)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._clients)

    async def listen(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serves a bound socket, which stays the caller's and stays open through `swap_tls` and `drain`."""
        if sock.family in (socket.AF_INET, socket.AF_INET6):  # what is accepted inherits it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _KEEPALIVE.items():
                if hasattr(socket, name):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._listening.append((sock, tls is not None, await self._accept(sock, tls)))

    async def swap_tls(self, tls: ssl.SSLContext | None) -> None:
        """New connections use this context, or are not encrypted; open ones go on as they are, none is dropped.

        The socket is shared by the old and the new listener, so its queue in the kernel goes on.
        """
        for at, (sock, secure, old) in enumerate(tuple(self._listening)):
            if not secure and tls is None:
                continue
            new = await self._accept(sock, tls)
            if self.draining:  # while we were about it
                new.close()
                return
            self._listening[at] = (sock, tls is not None, new)
            old.close()

    async def drain(self, wait_s: float) -> None:
        """Closes idle connections, lets open requests end, and aborts what is left after that. The door stays open
        meanwhile, so that whoever comes is told at once, and not left in a queue that a supervisor keeps open."""
        self.draining = True
        for client in tuple(self._clients):
            client.drain()
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        while self._clients and loop.time() < until_s:
            await asyncio.sleep(_POLL_S)
        self._unlisten()
        for client in tuple(self._clients):
            client.abort()
        while self._clients:
            await asyncio.sleep(0)
        self.wheel.drop(self)

    # --- what connections ask for ---

    def refuse(self, turn: Turn, refusal: Refusal, message: str) -> None:
        """Answers in the family that the target belongs to."""
        head = turn.head
        family = route_family(resolve_target(head.target), b"anthropic-version" in head.fields)
        turn.respond(*render_refusal(refusal, family, self._mint(), say_refusal(head, refusal, message)))

    def joined(self, client: Member) -> bool:
        """Whether there is room for one more connection."""
        if len(self._clients) >= self.bounds.connections:
            return False
        self._clients.add(client)
        self.wheel.add(client)
        return True

    def left(self, client: Member) -> None:
        """The connection is gone."""
        self._clients.discard(client)
        self.wheel.drop(client)

    def sweep(self, _: int) -> None:
        """The date, once a second."""
        self.date_line = b"date: %b\r\n" % formatdate(self._clock.now_ns() // 10**9, usegmt=True).encode()

    # --- listening ---

    async def _accept(self, sock: socket.socket, tls: ssl.SSLContext | None) -> asyncio.Server:
        loop, own = asyncio.get_running_loop(), sock.dup()
        if tls is None:
            return await loop.create_server(lambda: ClientProtocol(self), sock=own, backlog=_BACKLOG)
        return await loop.create_server(
            lambda: ClientProtocol(self),
            sock=own,
            backlog=_BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=self.bounds.head_s,
            ssl_shutdown_timeout=self.bounds.linger_s,
        )

    def _unlisten(self) -> None:
        for _, _, server in self._listening:
            server.close()
        self._listening.clear()


