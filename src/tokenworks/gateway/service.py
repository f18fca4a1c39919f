"""The door of a worker: what a request's head means, and whether its key may come in, before a body is buffered."""

from __future__ import annotations

from tokenworks.admission.admit import Denied, miss_model
from tokenworks.gateway.inquiry import Inquiry
from tokenworks.gateway.models import list_models, render_list, render_model
from tokenworks.gateway.pool import Target
from tokenworks.gateway.proxy import ProxyFlow
from tokenworks.gateway.seats import Seat
from tokenworks.gateway.serve import Serving
from tokenworks.gateway.shared import Shared
from tokenworks.gateway.speech import say_refusal
from tokenworks.gateway.till import Till
from tokenworks.gateway.turn import Flow, Turn
from tokenworks.wire.dialects import Family
from tokenworks.wire.headers import read_key
from tokenworks.wire.paths import Route, resolve_target, route_family
from tokenworks.wire.refusals import Refusal, render_refusal
from tokenworks.wire.versions import refuse_version


class Door:
    """What a head that is sent again (gateway/repeat.py) need not be asked a second time, as long as the seat holds."""

    __slots__ = ("route", "seat", "till")

    def __init__(self, route: Route, seat: Seat, till: Till) -> None:
        self.route, self.seat, self.till = route, seat, till


class Gateway:
    """turn.Service of one worker. `control` is where everything goes that is not inference."""

    def __init__(self, shared: Shared, control: Target) -> None:
        self.shared = shared
        self._control = control

    def open(self, turn: Turn) -> Flow | None:
        """A head is here. None: it has been answered."""
        shared, door = self.shared, turn.head.door
        if type(door) is Door and door.seat.generation == shared.book.generation and shared.closed_door() is None:
            turn.budget = door.till.budget
            return Serving(shared, turn, door.route, door.seat, door.till)
        route = resolve_target(turn.head.target)
        if route.kind not in ("inference", "count") or turn.head.method != b"POST" or route.key_in_query:
            return self._open_other(turn, route)
        refusal = shared.closed_door()
        if refusal is not None:
            return self._refuse(turn, route, refusal)
        if route.dialect == "messages" and (unknown := refuse_version(turn.get(b"anthropic-version"))):
            return self._refuse(turn, route, Refusal.FIELD_INVALID, unknown)
        seat = self._find_seat(turn)
        if isinstance(seat, Denied):
            return self._refuse(turn, route, seat.refusal, seat.message)
        till = shared.desk.till(seat.caller.account.id)
        turn.budget = till.budget
        if route.kind == "count":
            return Inquiry(shared, turn, route, seat)
        turn.head.door = Door(route, seat, till)
        return Serving(shared, turn, route, seat, till)

    def _find_seat(self, turn: Turn) -> Seat | Denied:
        """Whose key it is."""
        shared = self.shared
        return shared.book.seat(read_key(turn.head.fields), shared.clock.mono_ns() + shared.wall_ns)

    def _open_other(self, turn: Turn, route: Route) -> Flow | None:
        """What is no call of a model: probes, lists, what there is not, and the control process's affairs."""
        method = turn.head.method.decode("latin-1")
        if route.kind == "other":
            return ProxyFlow(turn, self.shared.pool, self._control, self.shared.mint.mint())
        if route.key_in_query:
            return self._refuse(turn, route, Refusal.KEY_IN_QUERY)
        if route.kind in ("unserved", "unknown"):
            return self._refuse(turn, route, _NOWHERE[route.kind])
        if method == "OPTIONS":
            turn.respond(204, [(b"allow", ", ".join(route.allow).encode()), *self._identity()])
        elif method not in route.allow:
            return self._refuse(turn, route, Refusal.METHOD_NOT_ALLOWED)
        elif route.kind == "healthz":
            turn.respond(200, self._named(), b'{"status":"ok"}')
        elif route.kind == "readyz":
            self._answer_ready(turn)
        else:
            self._answer_models(turn, route)
        return None

    def _answer_ready(self, turn: Turn) -> None:
        """Ready means: would take a request now."""
        refusal = self.shared.closed_door()
        if refusal is None:
            turn.respond(200, self._named(), b'{"status":"ready"}')
        else:
            body = b'{"status":"not ready","reason":"%b"}' % refusal.value.encode()
            turn.respond(503, self._named(), body)

    def _answer_models(self, turn: Turn, route: Route) -> None:
        """The list of models or one of them; a key is needed, credit is not."""
        shared = self.shared
        seat = self._find_seat(turn) if shared.book.ready else Denied(Refusal.POLICY_STALE)
        if isinstance(seat, Denied):
            self._refuse(turn, route, seat.refusal, seat.message)
            return
        models = list_models(shared.book, seat.caller, shared.clock.now_ns())
        found = next((model for model in models if model.id == route.model), None)
        if route.kind == "models":
            turn.respond(200, self._named(), render_list(models))
        elif found is not None:
            turn.respond(200, self._named(), render_model(found))
        else:
            message = miss_model(route.model, (model.id for model in models), shared.book.offers)
            self._refuse(turn, route, Refusal.MODEL_UNKNOWN, message)

    def _named(self) -> list[tuple[bytes, bytes]]:
        return [*_JSON, *self._identity()]

    def _identity(self) -> list[tuple[bytes, bytes]]:
        identity = self.shared.mint.mint().encode()
        return [(b"x-request-id", identity), (b"request-id", identity)]

    def _refuse(self, turn: Turn, route: Route, refusal: Refusal, message: str = "") -> Flow | None:
        """Answers; the None is for `open` to return."""
        self.shared.tally.note_refusal(refusal.value)
        identity = self.shared.mint.mint()
        text = say_refusal(turn.head, refusal, message)
        status, headers, body = render_refusal(refusal, self._family(turn, route), identity, text)
        if refusal is Refusal.METHOD_NOT_ALLOWED:
            headers.append((b"allow", ", ".join(route.allow).encode()))
        turn.respond(status, headers, body)
        return None

    def _family(self, turn: Turn, route: Route) -> Family:
        return route_family(route, turn.head.get(b"anthropic-version") is not None)


_NOWHERE = {"unserved": Refusal.NOT_SUPPORTED, "unknown": Refusal.PATH_UNKNOWN}
_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
