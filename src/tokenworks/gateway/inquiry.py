"""Questions about a request's input, before it is made: relayed to who would bill it, held for by nobody, billed never.

The figure has to be the one that would stand on the bill. So every deployment that may serve the request must be able
to give it; when one of them cannot, nobody is asked, and the client hears that there is no such figure (501).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tokenworks.admission.admit import Admitted, Denied, admit_request
from tokenworks.admission.offer import Offer
from tokenworks.credit.records import Refused
from tokenworks.gateway.answers import MODEL_CHARS_MAX
from tokenworks.gateway.aside import Decided, is_aside
from tokenworks.gateway.attempts import NO_FIELDS, VERDICTS
from tokenworks.gateway.call import Call, Failure
from tokenworks.gateway.outlet import Outlet
from tokenworks.gateway.plain import Price
from tokenworks.gateway.seats import Seat
from tokenworks.gateway.shared import Shared
from tokenworks.gateway.speech import say_refusal
from tokenworks.gateway.turn import Turn
from tokenworks.limits import ATTEMPTS_MAX, ERROR_BODY_BYTES_MAX, QUESTIONS_MAX
from tokenworks.routing.choose import choose
from tokenworks.wire.counts import SUFFIX, ask_count, count_head, read_count, render_count
from tokenworks.wire.dialects import FAMILY, WHOLE_TYPE, Dialect
from tokenworks.wire.paths import Route
from tokenworks.wire.refusals import Malformed, Refusal, refusal_status, render_refusal
from tokenworks.wire.request import RequestFacts, read_request

ABSENT = (404, 405, 501)  # how servers say that they have no such endpoint
_NO_FIGURE = ("The input of this model's requests cannot be counted beforehand: a server that may answer them does not "
              "say. The usage that is billed stands in each answer.")
_STORED = "What an upstream keeps cannot be counted. Send the full input."


class Inquiry:
    """turn.Flow of one question."""

    __slots__ = ("_admitted", "_body", "_call", "_counted", "_dialect", "_facts", "_gone", "_id", "_outlet",
                 "_parts", "_seat", "_shared", "_tried", "_turn")  # fmt: skip

    def __init__(self, shared: Shared, turn: Turn, route: Route, seat: Seat) -> None:
        self._shared, self._turn, self._seat = shared, turn, seat
        self._dialect: Dialect = route.dialect or "messages"
        self._id = shared.mint.mint()
        self._call: Call | None = None
        self._gone = self._counted = False
        self._tried: tuple[str, ...] = ()
        self._parts: list[bytes] = []

    _admitted: Admitted
    _body: bytes
    _facts: RequestFacts
    _outlet: Outlet

    # --- turn.Flow ---

    def body_done(self, body: bytes) -> None:
        """Read and admit it as the request itself would be; then ask."""
        questions, account = self._shared.questions, self._seat.caller.account.id
        if questions[account] >= QUESTIONS_MAX:
            return self._refuse(Refusal.RATE_LIMITED, "Too many questions about inputs are in flight for this account.")
        questions[account] += 1
        self._counted = True
        facts = read_request(self._dialect, body, counting=True)
        if isinstance(facts, Malformed):
            return self._refuse(facts.refusal, facts.message, facts.param)
        self._body, self._facts = body, facts
        book, caller, shared = self._shared.book, self._seat.caller, self._shared
        price = book.price(caller.account, facts.model, shared.clock.now_ns())
        ask = partial(admit_request, facts, caller, book.models, book.offers, price.extras if price else ())
        if is_aside(body, self._dialect, book.offers.get(facts.model, ())):
            return shared.aside.ask(ask, lambda admitted: self._admit(admitted, price))
        return self._admit(ask(), price)

    def _admit(self, admitted: Decided | None, price: Price | None) -> None:
        facts = self._facts
        if self._gone:
            return None
        if admitted is None:
            return self._refuse(Refusal.INTERNAL)
        if isinstance(admitted, Denied):
            return self._refuse(admitted.refusal, admitted.message, admitted.param)
        if price is None:
            return self._refuse(Refusal.MODEL_NOT_ALLOWED, "This account's rate card has no price for that model.")
        if facts.object_ids:
            return self._refuse(Refusal.FEATURE_UNSUPPORTED, _STORED)
        self._admitted = admitted
        if not all(self._suffix(offer) for offer in admitted.offers):
            return self._refuse(Refusal.NOT_SUPPORTED, _NO_FIGURE)
        return self._ask(Refusal.NO_CAPACITY)

    def body_failed(self, refusal: Refusal, message: str) -> None:
        """The body will not be complete."""
        self._refuse(refusal, message)

    def client_gone(self) -> None:
        """Nobody waits for the figure any more."""
        self._gone = True
        self._leave()
        if self._call is not None:
            self._call.cancel()
            self._call = None
            self._shared.book.outlets.left(self._outlet)

    def stalled(self) -> None:
        """The client takes nothing."""
        self.client_gone()

    def client_blocked(self) -> None:
        """The figure is small."""

    def client_ready(self) -> None:
        """The figure is small."""

    # --- call.Caller ---

    def upstream_read(self, call: Call, data: bytes, ended: bool) -> None:
        """The answer is collected, judged at its end."""
        if call is not self._call:
            return
        self._parts.append(data)
        if sum(map(len, self._parts)) > ERROR_BODY_BYTES_MAX and not ended:
            call.cancel()
        elif not ended:
            return
        self._call = None
        self._judge(call.status, b"".join(self._parts))

    def upstream_failed(self, call: Call, failure: Failure) -> None:
        """No answer: the next deployment."""
        if call is self._call:
            self._call = None
            self._shared.book.outlets.failed(self._outlet, self._shared.clock.mono_ns())
            self._ask(Refusal.UPSTREAM_FAILED)

    # --- the steps ---

    def _suffix(self, offer: Offer) -> bytes:
        """Where a deployment says it of the dialect in which it would be asked, b"" where it does not."""
        told = self._admitted.told.get(offer.deployment.id)
        spoken = self._dialect if told is None else told.facts.dialect
        return SUFFIX.get((offer.deployment.engine, spoken), b"")

    def _ask(self, otherwise: Refusal) -> None:
        """Ask the next deployment; without one, answer `otherwise`."""
        outlet = self._pick(self._admitted.offers) if len(self._tried) < ATTEMPTS_MAX else None
        if outlet is None:
            self._refuse(otherwise)
            return
        self._outlet, self._parts, offer = outlet, [], outlet.offer
        name = offer.deployment.id
        self._tried += (name,)
        told = self._admitted.told.get(name)
        body, facts = (self._body, self._facts) if told is None else (told.body, told.facts)
        translated = told is not None and told.asked is not None
        pieces = ask_count(body, facts, offer.source.upstream_model, translated)
        fields = NO_FIELDS if translated else self._turn.head.fields
        head = offer.heads.head(facts.dialect, sum(map(len, pieces)), fields)
        self._shared.book.outlets.begin(outlet)
        self._call = self._shared.pool.call(outlet.target, count_head(head, self._suffix(offer)), pieces, self)

    def _pick(self, offers: Sequence[Offer]) -> Outlet | None:
        outlets = self._shared.book.outlets
        there = [offer.deployment for offer in offers if offer.deployment.id in outlets.by_id]
        choice = choose(there, outlets.inflight, outlets.health(self._shared.clock.mono_ns()), self._tried)
        return None if choice is None else outlets.by_id[choice.deployment.id]

    def _judge(self, status: int, body: bytes) -> None:
        """The figure goes to the client; what is none, as with any request."""
        outlets = self._shared.book.outlets
        tokens = read_count(body) if status == 200 else -1
        verdict = VERDICTS.get(status)
        if tokens >= 0:
            outlets.served(self._outlet)
            self._answer(tokens)
        elif status in ABSENT:
            outlets.served(self._outlet)
            self._refuse(Refusal.NOT_SUPPORTED, _NO_FIGURE)
        elif verdict is not None and verdict.blame == "request":
            outlets.served(self._outlet)
            self._refuse(Refusal.UPSTREAM_REFUSED)
        elif verdict is not None and verdict.blame == "load":
            outlets.busy(self._outlet, 0)
            self._ask(Refusal.NO_CAPACITY)
        else:
            outlets.failed(self._outlet, self._shared.clock.mono_ns())
            self._ask(Refusal.UPSTREAM_FAILED)

    def _leave(self) -> None:
        """Room for another of this account."""
        if self._counted:
            self._counted = False
            account = self._seat.caller.account.id
            self._shared.questions[account] -= 1
            if not self._shared.questions[account]:
                del self._shared.questions[account]

    def _answer(self, tokens: int) -> None:
        self._leave()
        self._shared.tally.note_question(self._admitted.model.id, self._dialect)
        identity = self._id.encode()
        headers = [(b"content-type", WHOLE_TYPE), (b"x-request-id", identity), (b"request-id", identity)]
        self._turn.respond(200, headers, render_count(self._dialect, tokens))

    def _refuse(self, refusal: Refusal, message: str = "", param: str | None = None) -> None:
        """The refusal, which goes on record like that of any request of a known account."""
        self._leave()
        shared, caller, family = self._shared, self._seat.caller, FAMILY[self._dialect]
        facts = getattr(self, "_facts", None)
        record = Refused(
            self._id, caller.account.id, caller.key.id, shared.clock.now_ns(), self._dialect,
            facts.model[:MODEL_CHARS_MAX] if facts else "", refusal.value, refusal_status(refusal, family),
            {"asked": "input tokens"})
        shared.write(record)
        shared.tally.note_refusal(refusal.value)
        shared.tally.note_live(record)
        text = say_refusal(self._turn.head, refusal, message)
        self._turn.respond(*render_refusal(refusal, family, self._id, text, param))
