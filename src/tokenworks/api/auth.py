"""Who may do what on the public socket: everything under /api needs the admin token; looking needs to be near.

Pages and metrics show nothing of customers, so they answer callers on this machine without a token; others send it,
as `Authorization: Bearer` or, from a browser, as the password of basic authentication.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress

from starlette.requests import Request

from tokenworks.api.problem import Refused
from tokenworks.control.hub import Hub

PEER_HEADER = "x-forwarded-for"  # set by the gateway on everything that it hands on, whatever the client sent


def check_admin(hub: Hub, request: Request) -> None:
    """Raises Refused unless the request carries the admin token."""
    token = _read_token(request.headers.get("authorization", ""))
    if not token:
        raise Refused("token_missing", "There is no admin token in the request.", "")
    if not hub.check_token(token):
        raise Refused("token_unknown", "The token is not the admin token of this host.", "")


def check_near(hub: Hub, request: Request) -> None:
    """Raises Refused unless the caller is on this machine or carries the admin token."""
    if not _is_near(request.headers.get(PEER_HEADER, "")):
        check_admin(hub, request)


def _is_near(peer: str) -> bool:
    """No peer named: the caller speaks on the socket itself, in a directory that only its owner may enter."""
    try:
        return not peer or ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def _read_token(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return ""
    return ""
