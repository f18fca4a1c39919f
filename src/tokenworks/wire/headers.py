"""Headers go through allow-lists both ways: what a client may tell an upstream, and an upstream a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.refusals import Headers, Malformed

Index = dict[bytes, bytes]


def index_headers(headers: Sequence[tuple[bytes, bytes]]) -> Index | Malformed:
    """The headers (names in lower case) by name; a deciding one that stands twice, CR, LF or NUL are refused.

    Other repeated headers are joined by commas, as HTTP allows.
    """
    raise NotImplementedError(headers)


def read_key(index: Mapping[bytes, bytes]) -> bytes | None:
    """The API key's text: `Authorization: Bearer` wins over `x-api-key`, that over `api-key`; None without one."""
    raise NotImplementedError(index)


class HeadWriter:
    """Writes request heads for one deployment; built once per policy change. Raises ValueError for a bad credential."""

    def __init__(self, url: str, engine: Engine, credential: str, own: bool) -> None:
        raise NotImplementedError(url, engine, credential, own)

    def head(self, dialect: Dialect, length: int, index: Mapping[bytes, bytes], beta: bool = False) -> bytes:
        """Request line and headers for a body of `length` bytes, ending in the empty line.

        `index` are the client's headers: the few that may go upstream are taken from it. `beta`: `?beta=true`.
        """
        raise NotImplementedError(dialect, length, index, beta)




def client_headers(upstream_headers: Sequence[tuple[bytes, bytes]], request_id: str, stream: bool) -> Headers:
    """What a client gets of an upstream's headers: hardly anything, and our request id under both names.

    No content-length or transfer-encoding: framing is the server's. Unknown content types become the dialect's own.
    """
    raise NotImplementedError(upstream_headers, request_id, stream)
