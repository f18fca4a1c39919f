"""The way of one request, on one screen: read -> admit -> route -> relay -> meter -> settle.

`Serving` is what the sockets talk to, on both sides. Every method is one step and returns at once; what waits (for the
books, a tokenizer, the disk) is called back. Between an upstream's last bytes and the closing record nothing waits.
"""

from __future__ import annotations

from functools import partial

from tokenworks.admission.admit import Admitted, Denied, admit_request
from tokenworks.gateway import hangup
from tokenworks.gateway.answers import refuse, refuse_body
from tokenworks.gateway.aside import Decided, is_aside
from tokenworks.gateway.attempts import judge_failure, judge_status, read_error, route, send
from tokenworks.gateway.call import Call, Failure
from tokenworks.gateway.flow import Flow
from tokenworks.gateway.forms import DIALECT, find_form
from tokenworks.gateway.funding import denied, fund, try_cut, weigh
from tokenworks.gateway.ownership import find_owner
from tokenworks.gateway.plain import Lane, Price
from tokenworks.gateway.relay import begin_answer, relay_stream, relay_whole
from tokenworks.gateway.slices import end_early, no_more, refund
from tokenworks.gateway.usual import answer_usual, ask_usual
from tokenworks.usage.meter import Show
from tokenworks.wire.ends import End
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import read_request

SHOWS = {(usage, progress): Show(usage, progress) for usage in (False, True) for progress in (False, True)}


class Serving(Flow):
    """One request of an admitted key. The head has been read and the key checked by Service.open."""

    __slots__ = ()

    def body_done(self, body: bytes) -> None:
        """Read what decides anything; admit it: model, rights, dialect, fields, price."""
        self.body = body
        form = find_form(self.seat.forms, body) if self.dialect == DIALECT else None
        if form is not None and ask_usual(self, form, self):
            return None  # all but its messages had been decided before
        facts = read_request(self.dialect, body)
        if isinstance(facts, Malformed):
            return refuse_body(self, facts)
        self.facts = facts
        lane = self.seat.lanes.get((self.dialect, facts.model))
        admitted = lane.admit(facts, self.at_ns) if lane is not None else None
        if lane is None or admitted is None:  # not a request like those before it
            return self.admit()
        if form is None:
            self.shared.book.learn_form(self.seat, body, facts, lane, admitted)
        return self.begin(admitted, lane)

    def admit(self) -> None:
        """The whole of admission, beside the loop when it may take long."""
        book, facts = self.shared.book, self.facts
        price = book.price(self.customer.account, facts.model, self.at_ns)
        ask = partial(admit_request, facts, self.customer, book.models, book.offers, price.extras if price else ())
        if is_aside(self.body, self.dialect, book.offers.get(facts.model, ())):
            self.move("ask")
            self.shared.aside.ask(ask, lambda decided: self.decided(decided, price))
        else:
            self.decided(ask(), price)

    def decided(self, decided: Decided | None, price: Price | None) -> None:
        """Admission has said yes or no."""
        if self.stage == "ended":
            return None  # the client has left meanwhile
        if decided is None:
            return refuse(self, Refusal.INTERNAL)
        if isinstance(decided, Denied):
            return refuse_body(self, decided)
        if price is None:
            return refuse(self, Refusal.MODEL_NOT_ALLOWED, "This account's rate card has no price for that model.")
        lane = self.shared.book.open_lane(self.seat, decided, self.facts, price)
        lane.keys = self.shared.tally.keys(decided.model.id, self.dialect)
        self.told = decided.told
        return self.begin(decided, lane)

    def begin(self, admitted: Admitted, lane: Lane) -> None:
        """It may be served."""
        self.lane, self.admitted, self.offers = lane, admitted, admitted.offers
        self.show = SHOWS[self.facts.include_usage, self.facts.progress_wanted]
        if self.facts.object_ids:
            return find_owner(self, self.go_on)
        return self.go_on()

    def go_on(self) -> None:
        """Route it; cut its hold; relay it."""
        if route(self):
            fund(self, self.relay)
        else:
            refuse(self, Refusal.NO_CAPACITY)

    def relay(self, _: Flow) -> None:
        """The request goes upstream. What comes back comes to `upstream_read`."""
        if self.stage == "dialling":
            send(self, self)

    def upstream_read(self, call: Call, data: bytes, ended: bool) -> None:
        """Meter what came and pass it on. At its end it is settled before the last bytes leave."""
        if call is not self.call:
            return
        if self.status == 0:
            usual = ended and call.status == 200 and self.mode == "whole" and not self.told
            if usual and answer_usual(self, call, data):
                return
            self.status = call.status
            if call.status == 200 and not begin_answer(self, call, self):
                return
        if self.status != 200:
            if read_error(self, data, ended):
                judge_status(self, self)
        elif self.meter is None:
            relay_whole(self, data, ended, self)
        else:
            relay_stream(self, data, ended, self)

    def upstream_failed(self, call: Call, failure: Failure) -> None:
        """Another deployment while the client has nothing; else the answer ends here."""
        if call is self.call:
            judge_failure(self, self, failure)

    # --- credit: till.Waiting ---

    def take_credit(self) -> bool:
        """Credit may have come: a new request is held for and sent, a stream goes on."""
        if self.hold is not None:
            whole = refund(self, self.go_on_reading)
            again = self.queued and self.stage in ("relaying", "dry", "draining")
            return whole and not again  # going on may have used it up, which puts the stream back in line
        if self.stage == "asking" and try_cut(self):
            self.relay(self)
        return self.stage != "asking"

    def weigh(self) -> None:
        """Money is short: count the input exactly."""
        weigh(self, self.relay)

    def no_credit(self, available_minor: int) -> None:
        """The books have said no."""
        if self.hold is not None:
            no_more(self, lambda: end_early(self, End.CREDIT))
        elif self.stage == "asking":
            denied(self, available_minor, self.relay)

    def go_on_reading(self) -> None:
        """A paused stream has credit again: first what was read meanwhile."""
        kept, self.backlog = b"".join(self.backlog), []
        ended, self.backlog_ended = self.backlog_ended, False
        if kept or ended:
            relay_stream(self, kept, ended, self)
        if self.stage == "relaying" and not self.blocked and self.call is not None:
            self.call.resume()

    # --- the client's side ---

    def body_failed(self, refusal: Refusal, message: str) -> None:
        """The body will not be complete."""
        refuse(self, refusal, message)

    def client_gone(self) -> None:
        """The client hung up: cancel, drain or waive, as the deployment's policy says."""
        hangup.client_gone(self, "")

    def stalled(self) -> None:
        """A reader that takes nothing is cut and billed."""
        hangup.client_gone(self, "slow_reader")

    def client_blocked(self) -> None:
        """The client reads slower than the upstream writes: the upstream has to wait."""
        self.blocked = True
        if self.call is not None:
            self.call.pause()

    def client_ready(self) -> None:
        """The client reads again."""
        self.blocked = False
        if self.call is not None and self.stage == "relaying":
            self.call.resume()

    def beat(self, tick: int) -> None:
        """About once a second: a silent stream is pinged, a drain is bounded."""
        hangup.beat(self, tick)

    def drain_over(self) -> None:
        """The worker ends: what still runs ends cleanly now."""
        hangup.drain_over(self)
