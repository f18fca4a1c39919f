"""A stream read to its end and given as the one whole body that a client asked for."""

from __future__ import annotations

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.ends import End


class Assembler:
    """Collects the events of a stream; the body is what the upstream would have answered without streaming."""

    def __init__(self, dialect: Dialect, model: str = "") -> None:
        raise NotImplementedError

    def see(self, block: bytes) -> None:
        """Take one whole event."""

    def body(self, why: End | None = None, usage: dict[str, object] | None = None) -> bytes:
        """The whole body. `why`: the answer was cut there. `usage`: shown in place of what the upstream said."""
        raise NotImplementedError
