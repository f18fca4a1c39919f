"""Why a parsed head is refused: sizes, framing, duplicates that decide something.

llhttp in its strict mode has refused before: CR, LF, NUL and other controls in names and values, folded lines, bare
line ends, both framings at once, two lengths, a length that is no number, a space before the colon (RFC 9112).
"""

from __future__ import annotations

from collections.abc import Callable

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


def collect_into(headers: list[tuple[bytes, bytes]], fields: dict[bytes, bytes]) -> Callable[[bytes, bytes], None]:
    """The parser's callback for headers. A closure, because it runs a dozen times per request."""
    append = headers.append

    def on_header(name: bytes, value: bytes) -> None:
        name = name.lower()
        fields[name] = value
        append((name, value))

    return on_header


def find_fault(head: Head, bounds: Bounds, suspect: bool) -> str:
    """Why the head is refused, "" when it is not. `suspect`: it may be too large, so it is measured."""
    headers, fields = head.headers, head.fields
    count = len(headers)
    if count > bounds.header_count:
        return f"The request has more than {bounds.header_count} headers."
    if len(head.target) > bounds.target_bytes:
        return f"The address is longer than {bounds.target_bytes} bytes."
    if suspect and sum(len(name) + len(value) + 4 for name, value in headers) > bounds.header_bytes:
        return f"The headers are larger than {bounds.header_bytes} bytes."
    if len(fields) != count and (double := _find_double(headers)):
        return double
    if not head.http11:
        return _find_old(head)
    if b"host" not in fields:
        return "The request has no host header."
    if head.length < 0 and fields[b"transfer-encoding"].lower() != b"chunked":
        return "The only transfer coding that is taken is chunked."
    return ""


def _find_old(head: Head) -> str:
    if head.version != "1.0":
        return f"HTTP/{head.version} is not spoken here. Use HTTP/1.1."
    if b"transfer-encoding" in head.fields:
        return "A transfer coding needs HTTP/1.1."
    return ""


def _find_double(headers: list[tuple[bytes, bytes]]) -> str:
    seen = set()
    for name, _ in headers:
        if name in seen and name in DECIDING:
            return f"The header {name.decode('latin-1')} occurs twice."
        seen.add(name)
    return ""
