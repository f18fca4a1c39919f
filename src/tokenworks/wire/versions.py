"""The dated versions of Anthropic's interface that are spoken here, towards clients and upstreams alike.

They differ in what the vendor refuses (2026-10-21 takes no temperature, top_p and top_k), not in the shape of requests
and answers. What a vendor refuses is his to refuse: a model of one's own is asked whatever the version.
"""

from __future__ import annotations

VERSIONS = (b"2023-06-01", b"2026-10-21")


def refuse_version(value: bytes | None) -> str:
    """Why a client's `anthropic-version` is refused, "" when it is spoken or there is none."""
    if value is None or value in VERSIONS:
        return ""
    shown = value[:40].decode("ascii", "replace")
    spoken = " or ".join(version.decode() for version in VERSIONS)
    return f"anthropic-version: {shown!r} is not spoken here. Send {spoken}."
