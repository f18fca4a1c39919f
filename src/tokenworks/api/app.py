"""The public socket's application: the REST API, the live feed, metrics, probes and the status page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route as Served
from starlette.types import ASGIApp

from tokenworks.api.ask import read_ask, read_body
from tokenworks.api.auth import check_admin, check_near
from tokenworks.api.caller import identify_call, seat_caller, seated
from tokenworks.api.idempotent import Call, Reply, run_once
from tokenworks.api.openapi import build_document
from tokenworks.api.own import own_endpoints
from tokenworks.api.page import render_page
from tokenworks.api.problem import Refused, classify_error, problem_response
from tokenworks.api.tongue import Tongue
from tokenworks.control.hub import Hub
from tokenworks.errors import TokenworksError, Unavailable
from tokenworks.operations.catalogue import OPERATIONS
from tokenworks.operations.desk import Desk
from tokenworks.operations.routes import PREFIX, ROUTES, Route
from tokenworks.store.trail import Outcome, make_note

_JSON = "application/json"
_LOG = structlog.get_logger()
Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(hub: Hub) -> ASGIApp:
    """The application of one control process."""
    api = Api(hub)
    plain: dict[str, Endpoint] = {
        "/": api.page, "/metrics": api.metrics, "/healthz": api.healthz, "/readyz": api.readyz,
        f"{PREFIX}/openapi.json": api.openapi, f"{PREFIX}/requests/live": api.live, f"{PREFIX}/leakage": api.leakage,
        **own_endpoints(api.desk),
    }
    routes = [Served(path, endpoint, methods=["GET"]) for path, endpoint in plain.items()]
    routes += [Served(PREFIX + route.path, api.serve(route), methods=[route.method]) for route in ROUTES]
    return Tongue(Starlette(routes=routes, exception_handlers={
        TokenworksError: api.refuse, HTTPException: api.refuse_path, Exception: api.fail}))


class Api:
    """The endpoints. Each is thin: who asks, what is asked, call, answer."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.desk = Desk(hub.store, hub.secrets, hub.clock, hub.dice, hub.dice, hub.forget, hub.health, hub.heard)

    def serve(self, route: Route) -> Endpoint:
        """The endpoint of one line of the table."""
        operation = OPERATIONS[route.operation]

        async def endpoint(request: Request) -> Response:
            check_admin(self.hub, request)
            desk = self.desk
            if request.method != "GET" and not operation.reads:
                desk = desk.acting(seat_caller(self.hub, request, operation.name))
            body = await read_body(request)
            ask = read_ask(operation.takes, request, body)
            key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""

            def run(desk: Desk) -> Reply:
                return Reply(route.status, msgspec.json.encode(operation.run(desk, ask)))

            call = Call(request.method, request.url.path, body)
            reply = await run_in_threadpool(run_once, desk, key, call, run, not operation.once)
            return self._answer(request, reply)

        return endpoint

    async def page(self, request: Request) -> Response:
        """The status page."""
        check_near(self.hub, request)
        return HTMLResponse(await run_in_threadpool(render_page, self.hub), headers={"cache-control": "no-store"})

    async def metrics(self, request: Request) -> Response:
        """Prometheus text of all workers of this host together."""
        check_near(self.hub, request)
        return PlainTextResponse(self.hub.metrics_text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def healthz(self, request: Request) -> Response:
        """This process lives."""
        return PlainTextResponse("ok\n")

    async def readyz(self, request: Request) -> Response:
        """The books can be reached."""
        return PlainTextResponse("ready\n") if self.hub.books_reached() else PlainTextResponse("books\n", 503)

    async def openapi(self, request: Request) -> Response:
        """The document of this API; no secret, no token."""
        return Response(msgspec.json.encode(build_document(self.hub.version)), media_type=_JSON)

    async def leakage(self, request: Request) -> Response:
        """Engine counters against the meter, per deployment and hour."""
        check_admin(self.hub, request)
        rows = await run_in_threadpool(self.hub.leakage)
        shown = [{**msgspec.structs.asdict(row), "ppm": row.ppm} for row in rows]
        return Response(msgspec.json.encode({"data": shown}), media_type=_JSON)

    async def live(self, request: Request) -> Response:
        """Requests as they open and end, one JSON object a line, until the reader leaves."""
        check_admin(self.hub, request)
        back = request.query_params.get("back", "0")
        if not back.isdigit() or int(back) > 1000:
            raise Refused("invalid", "back: write a number from 0 to 1000.", "back")

        async def lines() -> AsyncIterator[bytes]:
            yield b"\n"  # the head goes out at once
            async for row in self.hub.facts.feed.follow(int(back)):
                yield msgspec.json.encode(row) + b"\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"cache-control": "no-store"})

    async def refuse(self, request: Request, error: Exception) -> Response:
        """What the caller, or the moment, is to blame for."""
        code, detail, field = classify_error(error) if isinstance(error, TokenworksError) else ("internal", "", "")
        if code == "internal":
            _LOG.error("api_broken", path=request.url.path, error=str(error))
        await self._note(request, "failed" if code == "internal" else "refused", f"{code}: {detail}")
        return problem_response(code, detail, identify_call(self.hub, request), field)

    async def refuse_path(self, request: Request, error: Exception) -> Response:
        """A path or a method that there is not."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        if status == 405:
            response = problem_response("method_not_allowed", f"{request.url.path} does not answer {request.method}.",
                                        identify_call(self.hub, request))
            response.headers["allow"] = ", ".join(sorted(_methods_of(request)))
            return response
        return problem_response("path_unknown", f"There is nothing at {request.url.path}.",
                                identify_call(self.hub, request))

    async def fail(self, request: Request, error: Exception) -> Response:
        """Our own mistake: the caller gets an id, the log the rest."""
        identity = identify_call(self.hub, request)
        _LOG.error("api_failed", path=request.url.path, request_id=identity, exc_info=error)
        await self._note(request, "failed", "internal: see the log")
        return problem_response("internal", "Something went wrong here.", identity)

    def _answer(self, request: Request, reply: Reply) -> Response:
        if reply.status == 409:
            raise Refused("conflict", "This was done before, and its answer holds a secret that was not kept. "
                                      "Revoke what was made and make another.", "")
        headers = {"cache-control": "no-store", "x-request-id": identify_call(self.hub, request)}
        if reply.replayed:
            headers["idempotency-replayed"] = "true"
        return Response(reply.body, reply.status, headers, _JSON)

    async def _note(self, request: Request, outcome: Outcome, reason: str) -> None:
        """What a caller with the right to change things could not change. Without books there is no note either."""
        actor = seated(request)
        if actor is None:
            return
        noun, ident = actor.action.partition(".")[0], " ".join(map(str, request.path_params.values()))
        try:
            await run_in_threadpool(self.hub.store.trail.add, make_note(actor, noun, ident, "{}", outcome, reason))
        except Unavailable as error:
            _LOG.warning("audit_not_written", action=actor.action, request_id=actor.request, why=str(error))


def _methods_of(request: Request) -> set[str]:
    """What a path answers, as its routes say."""
    app: Any = request.app
    return {method for route in app.routes if route.path_regex.match(request.url.path) for method in route.methods}
