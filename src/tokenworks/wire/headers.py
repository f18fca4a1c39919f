"""Headers go through allow-lists both ways: what a client may tell an upstream, and an upstream a client.

Up go the version and the betas of the Messages API, to its own vendor; down goes nothing but the kind of content. So no
cookie, rate limit, organisation or server of one side is ever seen on the other. That a head is well-formed and says
nothing twice has been seen to where it was parsed; what goes on is plain words whatever came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from tokenworks.wire.dialects import DIALECTS, FAMILY, STREAM_TYPE, WHOLE_TYPE, Dialect, Engine, endpoint_path
from tokenworks.wire.refusals import Headers

# Betas that change the price of the same tokens, or the account at the upstream; all others change no price by
# themselves, as the fields that they allow are in the field table.
BETAS_DROPPED = (b"context-1m-", b"fast-mode-", b"user-profiles", b"fallback-credit-", b"server-side-fallback-")
VENDORS = ("anthropic", "bedrock")  # who sells Anthropic's models, and knows the betas of its Messages API
ANTHROPIC_VERSION = b"2023-06-01"  # for clients of another dialect's habits that send none
WHOLE_TYPES = frozenset({WHOLE_TYPE, WHOLE_TYPE + b"; charset=utf-8"})
VALUE_BYTES_MAX = 2048  # of a version or of betas that are passed on
_BETA = re.compile(rb"[A-Za-z0-9._-]{1,80}")


def read_key(fields: Mapping[bytes, bytes]) -> bytes | None:
    """The API key's text, of headers by lower-case name; None without one.

    `Authorization: Bearer` wins over `x-api-key`, that over `api-key`.
    """
    value = fields.get(b"authorization")
    if value is not None and value[:7].lower() == b"bearer ":
        key = value[7:].strip(b" \t")
        if key:
            return key
    return fields.get(b"x-api-key") or fields.get(b"api-key") or None


class HeadWriter:
    """Writes request heads for one deployment; built once per policy change.

    Raises ValueError for an address or a credential that cannot stand in a head.
    """

    def __init__(self, url: str, engine: Engine, credential: str, own: bool) -> None:
        parts = urlsplit(url)
        if not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is not an upstream's address")
        self._vendor = engine in VENDORS and not own
        secret = _visible(credential)
        plain = [b"host: " + _visible(parts.netloc), b"user-agent: tokenworks", b"content-type: " + WHOLE_TYPE]
        plain += [b"accept: " + WHOLE_TYPE + b", " + STREAM_TYPE, b"accept-encoding: identity"]
        bearer, named = [b"authorization: Bearer " + secret], [b"x-api-key: " + secret]
        prefix = _visible(parts.path.rstrip("/"))
        self._heads: dict[tuple[Dialect, bool], bytes] = {}
        for dialect in DIALECTS:
            path = endpoint_path(prefix, dialect)
            keys = (named if engine == "anthropic" and FAMILY[dialect] == "anthropic" else bearer) if secret else []
            for beta in (False, True):
                line = b"POST " + path + (b"?beta=true" if beta else b"") + b" HTTP/1.1"
                self._heads[dialect, beta] = b"\r\n".join([line, *plain, *keys, b"content-length: "])

    def head(self, dialect: Dialect, length: int, fields: Mapping[bytes, bytes], beta: bool = False) -> bytes:
        """Request line and headers for a body of `length` bytes, ending in the empty line.

        `fields` are the client's headers by lower-case name: the few that may go upstream are taken from them. `beta`:
        `?beta=true` was in the client's address.
        """
        if dialect != "messages":
            return b"%b%d\r\n\r\n" % (self._heads[dialect, False], length)
        version = fields.get(b"anthropic-version", ANTHROPIC_VERSION)
        more = b"\r\nanthropic-version: " + (version if _BETA.fullmatch(version) else ANTHROPIC_VERSION)
        if self._vendor and (betas := pass_betas(fields.get(b"anthropic-beta", b""))):
            more += b"\r\nanthropic-beta: " + betas
        return b"%b%d%b\r\n\r\n" % (self._heads[dialect, beta and self._vendor], length, more)


def pass_betas(value: bytes) -> bytes:
    """The betas of a header that may go on: all but those that would be billed at another price."""
    if not value or len(value) > VALUE_BYTES_MAX:
        return b""
    betas = [beta.strip(b" \t") for beta in value.split(b",")]
    return b",".join(beta for beta in betas if _BETA.fullmatch(beta) and not beta.lower().startswith(BETAS_DROPPED))


def client_headers(upstream_headers: Sequence[tuple[bytes, bytes]], request_id: str, stream: bool) -> Headers:
    """What a client gets of an upstream's headers: hardly anything, and our request id under both names.

    No content-length or transfer-encoding: framing is the server's. A content type that is not the one to be expected
    becomes it. Streams tell proxies not to keep them back.
    """
    identity = request_id.encode()
    if stream:
        return [
            (b"content-type", STREAM_TYPE),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
            (b"x-request-id", identity),
            (b"request-id", identity),
        ]
    kind = next((value for name, value in upstream_headers if name == b"content-type"), b"")
    kind = kind if kind in WHOLE_TYPES else WHOLE_TYPE
    return [(b"content-type", kind), (b"x-request-id", identity), (b"request-id", identity)]


def whole_block(upstream_headers: Sequence[tuple[bytes, bytes]], request_id: str) -> bytes:
    """`client_headers` of a whole answer as the lines of a head."""
    kind = WHOLE_TYPE
    for name, value in upstream_headers:
        if name == b"content-type":
            kind = value if value in WHOLE_TYPES else WHOLE_TYPE
            break
    identity = request_id.encode()
    return b"".join((b"content-type: ", kind, b"\r\nx-request-id: ", identity, b"\r\nrequest-id: ", identity, b"\r\n"))


def _visible(text: str) -> bytes:
    """Text of visible ASCII characters as bytes; ValueError for anything that could end a line or a word."""
    if not all("!" <= character <= "~" for character in text):
        raise ValueError("an upstream's address and credential are visible ASCII characters without spaces")
    return text.encode()
