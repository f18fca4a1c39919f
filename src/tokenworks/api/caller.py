"""Who calls: what the audit trail says of the caller of an operation that changes something.

The name is the admin token's own id. The address is that of the gateway's client; a caller on the socket itself has
passed the permissions of its directory. The login is what the caller says of himself, and no more than that.
"""

from __future__ import annotations

from starlette.requests import Request

from tokenworks.api.auth import PEER_HEADER
from tokenworks.clock import mint_id
from tokenworks.control.hub import Hub
from tokenworks.store.trail import Actor

LOGIN_HEADER = "x-tokenworks-login"
_ID_HEADER = "x-request-id"
_ID_DIGITS = 8
_ID_CHARS_MAX = 64


def identify_call(hub: Hub, request: Request) -> str:
    """The id of this call: the gateway's, which its client sees, or one of our own. The same each time it is asked."""
    known = getattr(request.state, "identity", "")
    if not known:
        given = request.headers.get(_ID_HEADER, "") if request.headers.get(PEER_HEADER) else ""
        known = given[:_ID_CHARS_MAX] or mint_id("api", hub.clock, hub.dice)
        request.state.identity = known
    return str(known)


def seat_caller(hub: Hub, request: Request, action: str) -> Actor:
    """The actor of one operation, kept with the request: a refusal is noted under his name, too."""
    actor = Actor(f"admin:{hub.admin_digest.hex()[:_ID_DIGITS]}", action, hub.clock.now_ns(),
                  request.headers.get(LOGIN_HEADER, ""), request.headers.get(PEER_HEADER, "") or "socket",
                  identify_call(hub, request))
    request.state.actor = actor
    return actor


def seated(request: Request) -> Actor | None:
    """The actor of an operation that changes something; None for a call that only reads, or has no right to more."""
    return getattr(request.state, "actor", None)
