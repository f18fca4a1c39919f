"""From a parsed head to a Head, or to the reason why it is refused: sizes, framing, duplicates that decide something.

llhttp in its strict mode has refused before: CR, LF, NUL and other controls in names and values, folded lines, bare
line ends, both framings at once, two lengths, a length that is no number, a space before the colon (RFC 9112).
"""

from __future__ import annotations

from typing import Protocol

from tokenworks.gateway.bounds import Bounds
from tokenworks.gateway.turn import Head

DECIDING = frozenset(
    {
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"content-type",
        b"expect",
    }
)


class Parsed(Protocol):
    """What is asked of httptools' parser when a head is complete."""

    def get_method(self) -> bytes: ...

    def get_http_version(self) -> str: ...

    def should_keep_alive(self) -> bool: ...


def blank_head() -> Head:
    """For a request that could not be read."""
    head = Head()
    head.method = head.target = b""
    head.headers, head.fields = [], {}
    head.version, head.http11, head.expects_continue, head.length = "1.1", True, False, 0
    return head


def make_head(parser: Parsed, target: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[Head, bool]:
    """The head, and whether its client lets the connection go on."""
    head = Head()
    head.method = parser.get_method()
    head.target = target
    head.headers = headers
    head.fields = fields = dict(headers)
    keep = parser.should_keep_alive()
    head.version = "1.1" if keep and b"connection" not in fields else parser.get_http_version()
    head.http11 = head.version == "1.1"
    length = fields.get(b"content-length")
    head.length = int(length) if length is not None else -1 if b"transfer-encoding" in fields else 0
    head.expects_continue = b"expect" in fields and head.http11 and fields[b"expect"].lower() == b"100-continue"
    return head, keep


def find_fault(head: Head, bounds: Bounds, suspect: bool) -> str:
    """Why the head is refused, "" when it is not. `suspect`: it may be too large, so it is measured."""
    headers, fields = head.headers, head.fields
    if len(headers) > bounds.header_count:
        return f"The request has more than {bounds.header_count} headers."
    if len(head.target) > bounds.target_bytes:
        return f"The address is longer than {bounds.target_bytes} bytes."
    if suspect and sum(len(name) + len(value) + 4 for name, value in headers) > bounds.header_bytes:
        return f"The headers are larger than {bounds.header_bytes} bytes."
    if len(fields) != len(headers) and (double := _find_double(headers)):
        return double
    if head.http11:
        if b"host" not in fields:
            return "The request has no host header."
        if head.length < 0 and fields[b"transfer-encoding"].lower() != b"chunked":
            return "The only transfer coding that is taken is chunked."
    elif head.version != "1.0":
        return f"HTTP/{head.version} is not spoken here. Use HTTP/1.1."
    elif b"transfer-encoding" in fields:
        return "A transfer coding needs HTTP/1.1."
    return ""


def _find_double(headers: list[tuple[bytes, bytes]]) -> str:
    seen = set()
    for name, _ in headers:
        if name in seen and name in DECIDING:
            return f"The header {name.decode('latin-1')} occurs twice."
        seen.add(name)
    return ""
