"""The rules for a deployment's address: what its URL may say, and what it may resolve to."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from tokenworks.errors import Invalid
from tokenworks.fleet.address import refuse_address

EMBEDDED = "embedded:"  # the engine that runs beside this control process


def check_url(url: str, allow_private: bool) -> str:
    """`url` without a trailing slash; raises Invalid naming what to change. Resolves the host's name."""
    if url == EMBEDDED:
        return url
    parts = _split(url)
    if parts.path.rstrip("/").endswith("/v1"):
        raise Invalid("url", "leave out the /v1 at the end: the endpoint's path is added per request")
    for address in _addresses(parts.hostname or "", parts.port or 80):
        if why := refuse_address(address, allow_private):
            raise Invalid("url", f"{parts.hostname} is at {address}: {why}")
    return url.rstrip("/")


def is_beside(url: str) -> bool:
    """Whether an engine is the host's own: each host that reads this address finds another one."""
    host = urlsplit(url).hostname or ""
    try:
        return url == EMBEDDED or host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def url_host(url: str) -> str:
    """scheme://host:port of a URL: what a stored secret is bound to."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _split(url: str) -> SplitResult:
    if not url.isascii() or any(mark <= " " or mark in '\\"<>' for mark in url):
        raise Invalid("url", "only printable ASCII without spaces is allowed")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Invalid("url", f"not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("url", "write http://host[:port][/prefix] or https://..., or embedded: for the engine beside")
    if port == 0 or parts.username is not None or parts.password is not None:
        raise Invalid("url", "no user, password or port 0 in the address: a credential goes into secret")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise Invalid("url", "no ? and no # in the address")
    return parts


def _addresses(host: str, port: int) -> list[str]:
    """What the name resolves to now. A name that does not resolve yet passes: it is checked again at every dial."""
    try:
        return sorted({str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    except (socket.gaierror, UnicodeError):
        return []
