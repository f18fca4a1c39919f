"""What an upstream says that a request used, next to the very bytes in which it said so."""

from __future__ import annotations

import msgspec

from tokenworks.usage.vector import Basis, Usage


class Report(msgspec.Struct, frozen=True):
    """A usage vector, the raw usage object it was read from (kept on the record), and how good the figure is."""

    usage: Usage
    raw: bytes
    basis: Basis
