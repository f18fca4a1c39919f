"""Connections are made here: names resolved and their addresses checked, proxies asked, certificates verified."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from tokenworks.errors import UpstreamError
from tokenworks.fleet.address import refuse_address
from tokenworks.gateway.target import Target
from tokenworks.gateway.tls import client_context
from tokenworks.gateway.upstream import Home, UpstreamProtocol
from tokenworks.gateway.wheel import Wheel

Lookup = Callable[[str], Awaitable[list[str]]]
_PROXY_HEAD_BYTES_MAX = 16 * 1024


async def look_up(host: str) -> list[str]:
    """The addresses of a name, in the system's order; OSError when there are none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Resolver:
    """Names and their addresses, asked for again after DNS_TTL_S; an answer that cannot be renewed stays good."""

    def __init__(self, wheel: Wheel, ttl_s: float, lookup: Lookup = look_up) -> None:
        self.ttl_ticks = wheel.ticks(ttl_s)
        self._wheel = wheel
        self._lookup = lookup
        self._known: dict[str, tuple[int, list[str]]] = {}

    async def resolve(self, host: str) -> list[str]:
        """The addresses of `host`; itself when it is one."""
        if is_address(host):
            return [host]
        known = self._known.get(host)
        if known is not None and self._wheel.tick - known[0] < self.ttl_ticks:
            return known[1]
        try:
            addresses = await self._lookup(host)
        except OSError:
            if known is None:
                raise
            addresses = known[1]
        self._known[host] = (self._wheel.tick, addresses)
        return addresses


class Dialer:
    """Makes connections of one pool."""

    def __init__(self, home: Home, resolver: Resolver) -> None:
        self._home = home
        self._resolver = resolver
        self._contexts: dict[str, ssl.SSLContext] = {}

    def forget(self) -> None:
        """Authorities are read again for the next connection."""
        self._contexts = {}

    async def dial(self, target: Target) -> UpstreamProtocol:
        """A connection that can send. Raises OSError (TLS and time-outs are such) or UpstreamError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._home.bounds.connect_s):
            if target.unix:
                made: Any = await loop.create_unix_connection(lambda: UpstreamProtocol(self._home, target), target.unix)
                connection: UpstreamProtocol = made[1]
            elif target.proxy:
                connection = await self._dial_proxy(target)
            else:
                connection = await self._dial_host(target)
        return connection

    async def _dial_host(self, target: Target) -> UpstreamProtocol:
        context = await self._find_context(target)
        name = target.host if target.secure else None

        async def connect(address: str) -> UpstreamProtocol:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: UpstreamProtocol(self._home, target, address),
                address, target.port, ssl=context, server_hostname=name)  # fmt: skip
            return connection

        return await self._try_each(target.host, target.allow_private, connect)

    async def _dial_proxy(self, target: Target) -> UpstreamProtocol:
        """Through an HTTP proxy: a tunnel for https, else requests in absolute form."""
        if is_address(target.host) and (reason := refuse_address(target.host, target.allow_private)):
            raise UpstreamError(reason)
        loop = asyncio.get_running_loop()
        context = await self._find_context(target)

        async def connect(address: str) -> UpstreamProtocol:
            connection = UpstreamProtocol(self._home, target)
            if context is None:
                await loop.create_connection(lambda: connection, address, target.proxy_port)
                return connection
            transport, tunnel = await loop.create_connection(lambda: _Tunnel(target), address, target.proxy_port)
            secure = None
            try:
                await tunnel.opened
                secure = await loop.start_tls(transport, connection, context, server_hostname=target.host)
            finally:
                if secure is None:
                    transport.abort()
            if secure is None:
                raise UpstreamError("the proxy closed the tunnel")
            connection.connection_made(secure)
            return connection

        return await self._try_each(target.proxy_host, True, connect)

    async def _try_each(
        self, host: str, allow_private: bool, connect: Callable[[str], Awaitable[UpstreamProtocol]]
    ) -> UpstreamProtocol:
        """The first address that may be dialled and answers; each gets its share of the time."""
        addresses = await self._resolver.resolve(host)
        problem: Exception = UpstreamError(f"{host} has no address")
        for address in addresses:
            if reason := refuse_address(address, allow_private):
                problem = UpstreamError(f"{host} is {address}: {reason}")
                continue
            try:
                async with asyncio.timeout(self._home.bounds.connect_s / len(addresses)):
                    return await connect(address)
            except OSError as error:
                problem = error
        raise problem

    async def _find_context(self, target: Target) -> ssl.SSLContext | None:
        if not target.secure:
            return None
        context = self._contexts.get(target.ca_file)
        if context is None:  # off the loop: the system's authorities take milliseconds to read
            context = await asyncio.get_running_loop().run_in_executor(None, client_context, target.ca_file)
            self._contexts[target.ca_file] = context
        return context


class _Tunnel(asyncio.Protocol):
    """Asks a proxy for a connection to an https upstream; `opened` when it has said yes."""

    def __init__(self, target: Target) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._target = target
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        place = b"%b:%d" % (self._target.authority.removesuffix(b":%d" % self._target.port), self._target.port)
        ask = b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (place, place, self._target.proxy_authorization)
        transport.write(ask)  # type: ignore[attr-defined]  # a stream's transport

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self.opened.done():
            return
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if end:
            words = head.split(None, 2)
            if len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1][:1] == b"2" and not rest:
                self.opened.set_result(None)
            else:
                line = head.split(b"\r\n")[0][:80].decode("latin-1")
                self.opened.set_exception(UpstreamError(f"the proxy refused the tunnel: {line}"))
        elif len(self._answer) > _PROXY_HEAD_BYTES_MAX:
            self.opened.set_exception(UpstreamError("the proxy's answer is not HTTP"))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(UpstreamError(f"the proxy closed the connection: {error or 'no answer'}"))


def is_address(host: str) -> bool:
    """Whether `host` is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
