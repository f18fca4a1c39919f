"""The limits of connections as one value, so that a test can ask for shorter ones; the figures stand in limits.py."""

from __future__ import annotations

import msgspec

from tokenworks import limits


class Bounds(msgspec.Struct, frozen=True):
    """What one client connection may do, and how long anybody may wait for anything."""

    body_bytes: int = limits.BODY_BYTES_MAX
    header_count: int = limits.HEADER_COUNT_MAX
    header_bytes: int = limits.HEADER_BYTES_MAX
    target_bytes: int = limits.TARGET_BYTES_MAX
    discard_bytes: int = limits.DISCARD_BYTES_MAX
    pipeline_depth: int = limits.PIPELINE_DEPTH_MAX
    client_buffer_bytes: int = limits.CLIENT_BUFFER_BYTES_MAX
    connections: int = limits.CONNECTIONS_MAX
    head_s: float = limits.HEAD_WAIT_S
    body_s: float = limits.BODY_WAIT_S
    body_rate_per_s: int = limits.BODY_RATE_BYTES_PER_S_MIN
    idle_s: float = limits.IDLE_WAIT_S
    linger_s: float = limits.LINGER_S
    stall_s: float = limits.CLIENT_STALL_S
    connect_s: float = limits.UPSTREAM_CONNECT_S
    upstream_head_s: float = limits.UPSTREAM_HEAD_S
    upstream_stall_s: float = limits.UPSTREAM_STALL_S
    upstream_idle_s: float = limits.UPSTREAM_IDLE_S
    upstream_pool: int = limits.UPSTREAM_POOL_MAX
    dns_ttl_s: float = limits.DNS_TTL_S


BOUNDS = Bounds()
