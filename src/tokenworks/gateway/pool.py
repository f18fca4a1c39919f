"""Connections to upstreams, kept for the next request: the most recently used first, because it is the warmest."""

from __future__ import annotations

from collections.abc import Sequence

from tokenworks.gateway.upstream import Call, Caller


class Target:
    """Where calls go: `url` (http or https; its path is for whoever builds heads), or `unix`, a socket's path.

    `ca_file`: trusted instead of the system's authorities. `proxy`: an http:// URL, with user and password if needed.
    Idle connections belong to the Target object: keep one per deployment for as long as its settings last.
    """

    __slots__ = ("allow_private", "authority", "ca_file", "path", "proxy", "unix", "url")

    authority: bytes  # what belongs into `host`: host, and port unless it is the scheme's own
    path: bytes  # the path of the URL without a trailing slash, b"" when it has none

    def __init__(
        self, url: str = "", *, unix: str = "", ca_file: str = "", proxy: str = "", allow_private: bool = False
    ) -> None:
        self.url = url
        self.unix = unix
        self.ca_file = ca_file
        self.proxy = proxy
        self.allow_private = allow_private


class Pool:
    """All connections of one worker to upstreams."""

    def call(
        self, target: Target, head: bytes, pieces: Sequence[bytes | memoryview], caller: Caller
    ) -> Call:
        """Sends a request: `head` with its blank line in origin form, then the body's pieces, none of them copied.

        `pieces` are kept until the first byte of an answer has come, for the one repetition that a connection which
        died while idle gets. A `HEAD` request is recognised by its head.
        """
        raise NotImplementedError

    def reload(self) -> None:
        """Forgets TLS contexts and idle connections: authorities are read again from their files."""
        raise NotImplementedError

    async def close(self) -> None:
        """Ends idle connections and running calls (these fail with `reset`)."""
        raise NotImplementedError
