"""What a worker remembers of one request while it runs. The steps that change it are functions in the files beside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec.structs import replace

from tokenworks.admission.admit import Admitted, bound_output
from tokenworks.admission.admit import Caller as Customer
from tokenworks.admission.offer import Offer
from tokenworks.admission.translated import Told
from tokenworks.credit.hold import Hold
from tokenworks.credit.records import Attempt, Opened
from tokenworks.gateway.call import Call
from tokenworks.gateway.outlet import Outlet
from tokenworks.gateway.plain import Lane, Learned, Price
from tokenworks.gateway.seats import Seat
from tokenworks.gateway.shared import Shared
from tokenworks.gateway.stages import STAGE
from tokenworks.gateway.till import Till
from tokenworks.gateway.turn import Turn
from tokenworks.usage.meter import Show, StreamMeter
from tokenworks.wire.dialects import FAMILY, Dialect, Family
from tokenworks.wire.paths import Route
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.request import RequestFacts, read_request
from tokenworks.wire.sse import Splitter
from tokenworks.wire.whole import Assembler

NEVER = 2**62  # a mark that no output reaches
Ask = Literal["stream", "whole", "assembled"]
NOTES_MAX, NOTE_CHARS_MAX = 32, 200  # on the record, of what was dropped: names in them are the client's
_NOBODY_TOLD: Told = {}


class Flow:
    """One request. `stage` moves along stages.STAGE; the groups below are filled as the request goes on.

    `dialect` is the client's. `body` and `facts` are what goes upstream: the client's own, or what stands for it in the
    dialect of a deployment that speaks another; then `asked` is not None.
    """

    __slots__ = (  # noqa: RUF023
        # from the head
        "shared", "turn", "route", "dialect", "seat", "till", "opened_ns", "at_ns", "id", "stage",
        # from the body
        "body", "facts", "lane", "admitted", "show",
        # another dialect: what each deployment is asked, what the answer must know, what was dropped
        "told", "asked", "dropped",
        # the hold: how the answer is asked for, tokens held for, and where the next step is due
        "mode", "sliced", "hold", "opened", "input_tokens", "input_minor", "output_max", "held_tokens", "mark",
        "capped", "counted", "why",
        # the wait for credit (till.Waiting)
        "kind", "need_minor", "keep_minor", "short_minor", "short_keep_minor", "rounds", "timer", "denied", "queued",
        "wait_ns",
        # the attempt that runs, and those before it
        "offers", "outlet", "offer", "call", "tried", "attempts", "attempt_ns", "status",
        "first_ns", "now_ns",
        # the answer
        "answer_headers", "meter", "parts", "size", "assembler", "splitter", "backlog", "backlog_ended", "blocked",
        "tick", "drain_until",
    )  # fmt: skip

    def __init__(self, shared: Shared, turn: Turn, route: Route, seat: Seat, till: Till) -> None:
        self.shared, self.turn, self.route = shared, turn, route
        self.dialect: Dialect = route.dialect or "chat"
        self.seat, self.till = seat, till
        self.opened_ns = shared.clock.mono_ns()
        self.at_ns = self.opened_ns + shared.wall_ns
        self.id = ""
        self.stage = "reading"
        self.hold: Hold | None = None
        self.opened: Opened | None = None
        self.call: Call | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.queued = self.counted = self.blocked = self.sliced = False
        self.told = _NOBODY_TOLD
        self.asked: Asked | None = None
        self.dropped: tuple[str, ...] = ()
        self.attempts: tuple[Attempt, ...] = ()
        self.tried: tuple[str, ...] = ()
        self.drain_until = 0  # the tick at which a drain is given up, 0 while the client is there

    body: bytes
    facts: RequestFacts
    admitted: Admitted
    lane: Lane
    show: Show
    mode: Ask
    input_tokens: int
    input_minor: int
    output_max: int  # over all choices
    held_tokens: int
    mark: int
    capped: bool
    why: dict[str, str | int]
    kind: Literal["cut", "extend"]
    need_minor: int
    keep_minor: int
    short_minor: int
    short_keep_minor: int
    rounds: int
    wait_ns: int
    offers: Sequence[Offer]
    outlet: Outlet
    offer: Offer
    attempt_ns: int
    status: int
    first_ns: int
    now_ns: int  # when the last attempt ended
    denied: bool
    meter: StreamMeter | None
    assembler: Assembler | None
    backlog: list[bytes]  # read while the stream was dry; not metered, not sent
    backlog_ended: bool
    answer_headers: Sequence[tuple[bytes, bytes]]
    parts: Sequence[bytes]
    size: int
    splitter: Splitter
    tick: int

    @property
    def family(self) -> Family:
        """Whose error envelope applies."""
        return FAMILY[self.dialect]

    @property
    def customer(self) -> Customer:
        """The key and the account that pays."""
        return self.seat.caller

    @property
    def price(self) -> Price:
        """By which it is rated."""
        return self.lane.price

    @property
    def learned(self) -> Learned:
        """What is known of the model's sizes."""
        return self.lane.learned

    def move(self, event: str) -> None:
        """Along STAGE; a KeyError is a way that the table does not have."""
        self.stage = STAGE[self.stage][event]

    def name(self) -> str:
        """The request's id, minted when it is first needed."""
        if not self.id:
            self.id = self.shared.mint.mint()
        return self.id

    def read_fields(self) -> None:
        """The members of a body that was known by its form and has to go another way than those before it."""
        if not self.facts.fields:
            facts = read_request(self.dialect, self.body)
            if isinstance(facts, RequestFacts):
                self.facts = facts

    def speak(self) -> None:
        """The request becomes what the deployment that was picked is asked in its place, by the cap that stands there:
        some interfaces have one of their own, or take none as low as the client's."""
        found = self.told[self.offer.deployment.id]
        self.body, self.facts, self.asked = found.body, found.facts, found.asked
        self.admitted = replace(self.admitted, output_max=bound_output(found.facts, self.admitted.model))
        notes = (note[:NOTE_CHARS_MAX] for note in found.notes[:NOTES_MAX])
        self.dropped = tuple(dict.fromkeys((*self.dropped, *notes)))

    def drop_body(self) -> None:
        """A stream has begun: its request will not be sent again, and is kept only where it may have to be counted."""
        self.told = _NOBODY_TOLD
        if not self.shared.counter.can_count(self.admitted.model):
            self.body = b""
            self.facts.fields = {}

    def start_timer(self, delay_ms: int, then: Callable[[], None]) -> None:
        """The one timer of a request that waits for somebody. Requests that need not wait have none."""
        self.stop_timer()
        self.timer = self.shared.loop.call_later(delay_ms / 1000, then)

    def stop_timer(self) -> None:
        """Waits no more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def quit_waiting(self) -> None:
        """Stands in no line and waits for no time any more."""
        self.stop_timer()
        if self.queued:
            self.queued = False
            self.till.leave(self)  # type: ignore[arg-type]
