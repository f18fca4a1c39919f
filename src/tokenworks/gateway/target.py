"""Where an upstream is, taken apart once."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import unquote, urlsplit

from tokenworks.errors import Invalid
from tokenworks.gateway.repeat import KnownAnswer

_PORTS = {"http": 80, "https": 443}


class Target:
    """Where calls go: `url` (http or https; its path is for whoever builds heads), or `unix`, a socket's path.

    `ca_file`: trusted instead of the system's authorities. `proxy`: an http:// URL, with user and password if needed.
    Idle connections belong to the Target object: keep one per deployment for as long as its settings last, and give it
    to `Pool.retire` afterwards. Raises Invalid for an address that cannot be one.
    """

    __slots__ = (
        "allow_private", "authority", "ca_file", "host", "idle", "known", "path", "port", "prefix", "proxy",
        "proxy_authorization", "proxy_host", "proxy_port", "secure", "unix", "url")  # fmt: skip

    def __init__(
        self, url: str = "", *, unix: str = "", ca_file: str = "", proxy: str = "", allow_private: bool = False
    ) -> None:
        self.url = url
        self.unix = unix
        self.ca_file = ca_file
        self.proxy = "" if unix else proxy
        self.allow_private = allow_private
        self.idle: list[Any] = []  # connections (UpstreamProtocol), the warmest last
        self.known = KnownAnswer()
        self.secure, self.host, self.port = False, "", 0
        self.authority = b"localhost"  # what belongs into `host`: host, and port unless it is the scheme's own
        self.path = b""  # the path of the URL without a trailing slash
        self.prefix = b""  # before the path of a request in absolute form, as proxies want it
        self.proxy_host, self.proxy_port, self.proxy_authorization = "", 0, b""
        if not unix:
            self._take_url()
        if self.proxy:
            self._take_proxy()

    def _take_url(self) -> None:
        scheme, self.host, self.port = _split("url", self.url, ("http", "https"))
        self.secure = scheme == "https"
        name = f"[{self.host}]" if ":" in self.host else self.host
        authority = name if self.port == _PORTS[scheme] else f"{name}:{self.port}"
        self.authority = authority.encode("ascii")
        self.path = urlsplit(self.url).path.rstrip("/").encode("ascii", "strict")

    def _take_proxy(self) -> None:
        _, self.proxy_host, self.proxy_port = _split("proxy", self.proxy, ("http",))
        parts = urlsplit(self.proxy)
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self.proxy_authorization = b"proxy-authorization: Basic %b\r\n" % b64encode(pair.encode())
        if not self.secure:
            self.prefix = b"http://" + self.authority


def _split(field: str, url: str, schemes: tuple[str, ...]) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna" if not (parts.hostname or "").isascii() else "ascii").decode()
        parts.path.encode("ascii")
    except ValueError as error:
        raise Invalid(field, f"{url!r} is not an address ({error}).") from error
    if parts.scheme not in schemes or not host:
        raise Invalid(field, f"{url!r} must begin with {' or '.join(s + '://' for s in schemes)} and name a host.")
    return parts.scheme, host, port or _PORTS[parts.scheme]
