"""Server-sent events: bytes in any pieces to whole events, and an event to its name and data (WHATWG, section 9.2)."""

from __future__ import annotations


class Splitter:
    """Cuts a byte stream into whole events, each with its blank line; joined with `rest` they are what came in."""

    rest: bytes

    def feed(self, data: bytes) -> list[bytes]:
        """The events that are complete now."""
        raise NotImplementedError


def read_event(block: bytes) -> tuple[str, bytes]:
    """(name, data) of one whole event; ("", b"") for comments and blank lines."""
    raise NotImplementedError
