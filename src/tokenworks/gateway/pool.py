"""Connections to upstreams, kept for the next request: the most recently used first, because it is the warmest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tokenworks.errors import UpstreamError
from tokenworks.gateway.bounds import BOUNDS, Bounds
from tokenworks.gateway.call import Call, Caller, Failure, Fault
from tokenworks.gateway.dial import Dialer, Lookup, Resolver, look_up
from tokenworks.gateway.target import Target
from tokenworks.gateway.upstream import UpstreamProtocol
from tokenworks.gateway.wheel import Wheel

__all__ = ["Pool", "Target"]


class Pool:
    """All connections of one worker to upstreams."""

    def __init__(self, wheel: Wheel, bounds: Bounds = BOUNDS, lookup: Lookup = look_up) -> None:
        self.wheel = wheel
        self.bounds = bounds
        self.part = 0
        self.head_ticks = wheel.ticks(bounds.upstream_head_s)
        self.stall_ticks = wheel.ticks(bounds.upstream_stall_s)
        self.idle_ticks = wheel.ticks(bounds.upstream_idle_s)
        self._resolver = Resolver(wheel, bounds.dns_ttl_s, lookup)
        self._dialer = Dialer(self, self._resolver)
        self._connections: set[UpstreamProtocol] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._checked_tick = wheel.tick
        wheel.add(self)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def call(
        self, target: Target, head: bytes, pieces: Sequence[bytes | memoryview], caller: Caller
    ) -> Call:
        """Sends a request: `head` with its blank line in origin form, then the body's pieces, none of them changed. A
        small body may stand behind the head in one piece with it.

        `pieces` are kept until the end of the call, for the one repetition that a connection which died while idle
        gets. A HEAD request is recognised by its head.
        """
        if target.prefix:
            method, _, rest = head.partition(b" ")
            head = b"%b %b%b" % (method, target.prefix, rest.replace(b"\r\n", b"\r\n" + target.proxy_authorization, 1))
        call = Call(target, head, pieces, caller)
        while target.idle:
            connection = target.idle.pop()
            if self.wheel.tick - connection.mark <= connection.keep.idle_ticks:  # swept only about once a second
                connection.begin(call)
                return call
            connection.retire()
        self.dial(call)
        return call

    def retire(self, target: Target) -> None:
        """No further call goes there: idle connections close, others when their call has ended."""
        for connection in tuple(self._connections):
            if connection.target is target:
                connection.retire()

    def reload(self) -> None:
        """Authorities are read again: idle connections close, others when their call has ended."""
        self._dialer.forget()
        for connection in tuple(self._connections):
            connection.retire()

    async def close(self) -> None:
        """Ends idle connections and running calls (these fail with `reset`)."""
        self.wheel.drop(self)
        for task in tuple(self._tasks):
            task.cancel()
        for connection in tuple(self._connections):
            connection.transport.abort()
        while self._connections or self._tasks:
            await asyncio.sleep(0)

    # --- what connections ask for ---

    def left(self, connection: UpstreamProtocol) -> None:
        """The connection is gone."""
        self._connections.discard(connection)
        self.wheel.drop(connection)

    def dial(self, call: Call) -> None:
        """Sends the call on a connection of its own."""
        task = asyncio.get_running_loop().create_task(self._connect(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def sweep(self, tick: int) -> None:
        """Each DNS_TTL_S the names of open connections are looked up again."""
        if tick - self._checked_tick >= self._resolver.ttl_ticks:
            self._checked_tick = tick
            hosts = {connection.target.host for connection in self._connections if connection.address}
            if hosts:
                task = asyncio.get_running_loop().create_task(self._check_names(hosts))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _check_names(self, hosts: set[str]) -> None:
        """Connections to an address that a name has no longer are not used again."""
        for host in hosts:
            try:
                addresses = await self._resolver.resolve(host)
            except (OSError, ValueError):
                continue
            for connection in tuple(self._connections):
                if connection.target.host == host and connection.address and connection.address not in addresses:
                    connection.retire()

    async def _connect(self, call: Call) -> None:
        try:
            connection = await self._dialer.dial(call.target)
        except (OSError, ValueError, UpstreamError) as error:
            call.fail(Failure(Fault.CONNECT, str(error) or type(error).__name__, call.repeated, False))
            return
        if connection.transport.is_closing():
            call.fail(Failure(Fault.CONNECT, "the connection was closed at once", call.repeated, False))
            return
        self._connections.add(connection)
        self.wheel.add(connection)
        if call.ended:
            call.target.idle.append(connection)
        else:
            connection.begin(call)
