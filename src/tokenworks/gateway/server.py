"""The worker's listening sockets and what all client connections share: limits, the sweep, TLS, the drain."""

from __future__ import annotations

import socket
import ssl

from tokenworks.gateway.turn import Service


class Server:
    """Accepts connections for a Service. One per worker; several sockets may be added."""

    connections: int  # open ones

    def __init__(self, service: Service) -> None:
        self.service = service

    async def listen(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serves a bound socket, which stays the caller's and stays open through `swap_tls` and `drain`."""
        raise NotImplementedError

    async def swap_tls(self, tls: ssl.SSLContext) -> None:
        """New connections of TLS sockets use this context; open ones keep theirs, none is dropped."""
        raise NotImplementedError

    async def drain(self, wait_s: float) -> None:
        """Accepts nothing more, closes idle connections, lets open requests end, and aborts what is left after that."""
        raise NotImplementedError
