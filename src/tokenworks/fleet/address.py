"""Which network addresses an upstream may have: a rule over what a name resolved to, for whoever dials it.

A deployment's URL is set by an administrator, but it must not become a way into the machine's own network: link-local
and cloud metadata addresses are never dialled, private ones only where the deployment allows it (DESIGN 4.10).
"""

from __future__ import annotations

import ipaddress

# Where clouds answer with a machine's credentials: link-local for most, these two beside it (AWS over IPv6, Alibaba).
METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")})


def refuse_address(text: str, allow_private: bool) -> str:
    """Why the IP address `text` may not be dialled, "" when it may; raises ValueError when it is none."""
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_link_local or address in METADATA:
        return "link-local and metadata addresses are never dialled"
    if address.is_multicast or address.is_unspecified:
        return "multicast and unspecified addresses are never dialled"
    if not allow_private and (address.is_private or address.is_loopback or not address.is_global):
        return "private and loopback addresses are dialled only by a deployment with allow_private"
    return ""
