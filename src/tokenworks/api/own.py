"""The two paths of buyers: their balance and what a request cost. The API key opens them, and only to its own account.

What came of a request is known when it has ended, which a header of its answer cannot wait for; and it is told from the
books, so that it is what the statement will say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tokenworks.api.problem import Refused
from tokenworks.errors import NotFound
from tokenworks.operations.desk import Desk
from tokenworks.operations.own import OwnRequestView, OwnView, explain_own, find_key, show_own
from tokenworks.operations.routes import PREFIX
from tokenworks.store.shapes import KeyRow

OWN_PATHS: dict[str, tuple[str, Any]] = {
    f"{PREFIX}/own": ("The key that asks, its account and what is left.", OwnView),
    f"{PREFIX}/own/requests/{{request}}": ("What a request of this account used and cost, once it is booked.",
                                           OwnRequestView),
}


def own_endpoints(desk: Desk) -> dict[str, Callable[[Request], Awaitable[Response]]]:
    """By path."""

    async def own(request: Request) -> Response:
        return _answer(await run_in_threadpool(lambda: show_own(desk, _check_key(desk, request))))

    async def one(request: Request) -> Response:
        name = str(request.path_params["request"])
        try:
            return _answer(await run_in_threadpool(lambda: explain_own(desk, _check_key(desk, request), name)))
        except NotFound:
            raise Refused("not_found", f"No request {name} of this account is in the books. One that has just ended "
                                       "is there in a moment.", "") from None

    return dict(zip(OWN_PATHS, (own, one), strict=True))


def _check_key(desk: Desk, request: Request) -> KeyRow:
    """The key of the request; raises Refused for one that buys nothing (any more)."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    text = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    if not text:
        raise Refused("key_missing", "There is no API key in the request.", "")
    try:
        row = find_key(desk, text)
    except NotFound:
        raise Refused("key_unknown", "This API key is not known.", "") from None
    if row.revoked:
        raise Refused("key_unknown", "This API key has been revoked.", "")
    if row.expires_at_ns and row.expires_at_ns <= desk.clock.now_ns():
        raise Refused("key_unknown", "This API key has expired.", "")
    return row


def _answer(found: OwnView | OwnRequestView) -> Response:
    return Response(msgspec.json.encode(found), headers={"cache-control": "no-store"}, media_type="application/json")
