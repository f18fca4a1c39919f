"""Tries at deployments: which one, what goes there, and what happens when it fails.

Another deployment is tried only while nothing has reached the client, those that speak the client's dialect first. A
failure that was the request's own fault is answered and tried nowhere else. What an upstream says in its error bodies
never reaches a client as it is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
import structlog

from tokenworks.admission.translated import find_others
from tokenworks.credit.records import Outcome
from tokenworks.gateway.answers import fail
from tokenworks.gateway.aside import is_heavy
from tokenworks.gateway.call import Call, Caller, Failure, Fault
from tokenworks.gateway.flow import Flow
from tokenworks.gateway.funding import fit_hold
from tokenworks.gateway.opening import ONLY, write_opened
from tokenworks.gateway.settle import NOTHING, Ending, close, end_attempt, usage_now, work_unseen
from tokenworks.limits import ATTEMPTS_MAX, ERROR_BODY_BYTES_MAX, RETRY_AFTER_S_MAX
from tokenworks.routing.choose import choose
from tokenworks.usage.vector import Basis, Usage
from tokenworks.wire.fields import prepare
from tokenworks.wire.refusals import Refusal, context_message, refusal_status

log = structlog.get_logger()
MESSAGE_CHARS_MAX = 300
NO_FIELDS: dict[bytes, bytes] = {}  # of the client's head, for upstreams that are asked in another dialect


class Verdict(NamedTuple):
    """Whose fault an upstream's status is, and what the client reads when nobody else helps."""

    blame: Literal["request", "deployment", "load"]
    refusal: Refusal


_REQUEST = Verdict("request", Refusal.UPSTREAM_REFUSED)
_BROKEN = Verdict("deployment", Refusal.UPSTREAM_FAILED)
_LOADED = Verdict("load", Refusal.NO_CAPACITY)
VERDICTS: dict[int, Verdict] = {
    400: _REQUEST, 413: _REQUEST, 422: _REQUEST,
    408: _LOADED, 409: _LOADED, 425: _LOADED, 429: _LOADED, 503: _LOADED, 529: _LOADED,
}  # fmt: skip
FAULTS: dict[Fault, Refusal] = {
    Fault.TIMEOUT: Refusal.UPSTREAM_TIMEOUT,
    Fault.STALL: Refusal.UPSTREAM_TIMEOUT,
}
# Words by which upstreams say that the prompt does not fit; the dialects' own sentences for it go to the client.
OVERLENGTH = (b"exceed_context_size_error", b"context_length_exceeded", b"prompt is too long",
              b"maximum context length")


def pick(flow: Flow) -> bool:
    """The next deployment for this request; False when none is left."""
    outlets = flow.shared.book.outlets
    if len(flow.offers) == 1 and not flow.tried and not outlets.unwell:  # the usual case, as `choose` decides it
        only = outlets.by_id.get(flow.offers[0].deployment.id)
        if only is not None:
            flow.outlet, flow.offer, flow.why = only, only.offer, ONLY
            return True
    found = [outlets.by_id.get(offer.deployment.id) for offer in flow.offers]  # None: dropped while it was waiting
    choice = choose([outlet.offer.deployment for outlet in found if outlet is not None], outlets.inflight,
                    outlets.health(flow.shared.clock.mono_ns()), flow.tried)
    if choice is None:
        return False
    flow.outlet = outlets.by_id[choice.deployment.id]
    flow.offer = flow.outlet.offer
    flow.why = choice.why
    return True


def route(flow: Flow) -> bool:
    """`pick`, and then what that deployment is to be asked; when nobody of the client's own dialect is left, those of
    other dialects come in."""
    if not (pick(flow) or (_widen(flow) and pick(flow))):
        return False
    if flow.told:
        flow.speak()
    return True


def _widen(flow: Flow) -> bool:
    """Those who have to be asked in another dialect take the place of those who speak the client's; once."""
    book, model = flow.shared.book, flow.admitted.model
    offers = book.offers.get(model.id, ())
    if flow.asked is not None or len(offers) == len(flow.offers) or is_heavy(flow.body):  # no second wait for a thread
        return False
    flow.read_fields()
    others = find_others(flow.facts, model, offers, flow.admitted.output_max, flow.price.extras)
    flow.offers, flow.told = others.offers, others.told
    return bool(others.offers)


def send(flow: Flow, caller: Caller) -> None:
    """The request goes to the deployment that was picked."""
    shared, offer = flow.shared, flow.offer
    flow.tried += (offer.deployment.id,)
    flow.attempt_ns = flow.now_ns
    flow.status = flow.first_ns = flow.size = 0
    flow.meter = None
    flow.parts = ()
    shared.book.outlets.begin(flow.outlet)
    flow.read_fields()
    spoken = flow.facts.dialect
    cap = None if spoken == "embeddings" else flow.output_max // flow.facts.choices
    prepared = prepare(flow.body, flow.facts, offer.source, cap, flow.customer.account.id, flow.mode == "assembled")
    fields = flow.turn.head.fields if flow.asked is None else NO_FIELDS
    head = offer.heads.head(spoken, prepared.length, fields, flow.route.beta and flow.asked is None)
    flow.call = shared.pool.call(flow.outlet.target, head, prepared.pieces, caller)


def leave(flow: Flow, reason: str, usage: Usage = NOTHING, basis: Basis = "estimated") -> Usage:
    """The attempt that runs is given up by us or by the client; the upstream is told to stop. What it worked on beyond
    `usage` is answered; of an attempt that nobody is billed for that is the operator's cost."""
    lost = work_unseen(flow)
    if flow.call is not None:
        flow.call.cancel()
        flow.call = None
        flow.shared.book.outlets.left(flow.outlet)
        if usage != NOTHING:
            end_attempt(flow, "served", reason, usage, basis)
        else:
            end_attempt(flow, "failed", reason, lost, "estimated")
    return lost


def served(flow: Flow, usage: Usage, basis: Basis) -> None:
    """The attempt that runs has been answered in full."""
    flow.call = None
    flow.shared.book.outlets.served(flow.outlet)
    end_attempt(flow, "served", "", usage, basis)


def give_up_unwritten(flow: Flow) -> None:
    """The journal has no room for what must stand in it before the client gets anything: he gets nothing."""
    leave(flow, "journal_full")
    _give_up(flow, Refusal.DISK_FULL, "journal_full")


def read_error(flow: Flow, data: bytes, ended: bool) -> bool:
    """Collects the body of an upstream's error, as far as it is kept; True when it is whole enough to be judged."""
    flow.parts = [*flow.parts, data[: ERROR_BODY_BYTES_MAX - flow.size]]
    flow.size += len(data)
    if flow.size > ERROR_BODY_BYTES_MAX and not ended and flow.call is not None:
        flow.call.cancel()
        return True
    return ended


def judge_status(flow: Flow, caller: Caller) -> None:
    """An answer that is none: the next deployment, or the client is told."""
    verdict = VERDICTS.get(flow.status, _BROKEN)
    body = b"".join(flow.parts)
    reason = f"status {flow.status}: {_error_text(flow, body)}"
    outlets, mono_ns = flow.shared.book.outlets, flow.shared.clock.mono_ns()
    wait_s = _read_wait(flow.call) if verdict.blame == "load" else 0
    flow.call = None
    if verdict.blame == "request":
        outlets.served(flow.outlet)
        end_attempt(flow, "refused", reason, NOTHING, "reported")
        _refuse_request(flow, body, reason)
        return
    if verdict.blame == "load":
        outlets.busy(flow.outlet, mono_ns + wait_s * 1_000_000_000 if wait_s else 0)
    else:
        outlets.failed(flow.outlet, mono_ns)
        log.warning("upstream_failed", request=flow.id, deployment=flow.offer.deployment.id, status=flow.status)
    end_attempt(flow, "failed", reason, NOTHING, "estimated")
    _try_next(flow, caller, verdict.refusal, reason, wait_s)


def judge_failure(flow: Flow, caller: Caller, failure: Failure) -> None:
    """A call without a whole answer: the next deployment while the client has nothing, else the stream's end."""
    usage, basis = usage_now(flow)
    reason = f"{failure.fault.value}: {failure.detail}"
    flow.call = None
    flow.shared.book.outlets.failed(flow.outlet, flow.shared.clock.mono_ns())
    log.warning("upstream_failed", request=flow.id, deployment=flow.offer.deployment.id, reason=reason)
    end_attempt(flow, "failed", reason, usage, basis)
    refusal = FAULTS.get(failure.fault, Refusal.UPSTREAM_FAILED)
    if flow.turn.started or flow.stage == "draining":
        break_off(flow, refusal, reason, usage, basis)
    elif failure.fault is Fault.TIMEOUT:
        _give_up(flow, refusal, reason)
    else:
        _try_next(flow, caller, refusal, reason)


def judge_answer(flow: Flow, caller: Caller, reason: str) -> None:
    """Bytes that are no answer in this dialect, or the upstream's own error in mid-stream."""
    if flow.call is not None:
        flow.call.cancel()
    judge_failure(flow, caller, Failure(Fault.GARBAGE, reason, True, True))


def break_off(flow: Flow, refusal: Refusal, reason: str, usage: Usage, basis: Basis) -> None:
    """The upstream failed when the client had part of the answer: that part is billed, or nothing, by the policy."""
    flow.move("fail")
    flow.quit_waiting()
    free = flow.offer.deployment.failure == "waive"
    close(flow, Ending("upstream_failed", reason, usage, basis, free=free))
    fail(flow, refusal, "The model's server failed in the middle of the answer.")


def _read_wait(call: Call | None) -> int:
    """For how many seconds a busy upstream wants to be left alone: its Retry-After, 0 when it does not say so."""
    text = (call.get(b"retry-after") or b"") if call is not None else b""
    return min(int(text), RETRY_AFTER_S_MAX) if len(text) < 10 and text.isdigit() else 0


def _try_next(flow: Flow, caller: Caller, refusal: Refusal, reason: str, wait_s: int = 0) -> None:
    if flow.stage != "draining" and len(flow.attempts) < ATTEMPTS_MAX and write_opened(flow) and route(flow):
        flow.move("retry")
        flow.quit_waiting()
        fit_hold(flow)
        send(flow, caller)
    else:
        _give_up(flow, refusal, reason, wait_s=wait_s)


def _give_up(flow: Flow, refusal: Refusal, reason: str, message: str = "", wait_s: int = 0) -> None:
    """Nobody served it: nothing has reached the client and nothing is charged. `wait_s`: when to come back."""
    flow.move("fail")
    flow.quit_waiting()
    outcome: Outcome = "refused_upstream" if flow.attempts[-1].outcome == "refused" else "upstream_failed"
    status = refusal_status(refusal, flow.family)
    close(flow, Ending(outcome, reason, NOTHING, "estimated", status=status))
    fail(flow, refusal, message, wait_s * 1000 or -1)


def _refuse_request(flow: Flow, body: bytes, reason: str) -> None:
    """The upstream says that the request is wrong. Its own words are passed on only when it is ours."""
    if any(word in body for word in OVERLENGTH):
        context = flow.admitted.model.context_tokens
        message = context_message(flow.family, max(_read_error(body).n_prompt_tokens, context + 1), context)
        _give_up(flow, Refusal.CONTEXT_TOO_LONG, reason, message)
    else:
        text = _error_text(flow, body) if flow.offer.deployment.own else ""
        asked = f"The model's server, asked as {flow.facts.dialect}, says: " if text and flow.asked is not None else ""
        _give_up(flow, Refusal.UPSTREAM_REFUSED, reason, asked + text)


class _Error(msgspec.Struct):
    message: str = ""
    n_prompt_tokens: int = 0


class _ErrorBody(msgspec.Struct):
    error: _Error | str = ""
    message: str = ""


_ERROR_BODY = msgspec.json.Decoder(_ErrorBody)


def _read_error(body: bytes) -> _Error:
    try:
        found = _ERROR_BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Error()
    error = found.error if isinstance(found.error, _Error) else _Error(found.error or found.message)
    return error if error.message else _Error(found.message, error.n_prompt_tokens)


def _error_text(flow: Flow, body: bytes) -> str:
    """The sentence of an upstream's error, for the record."""
    text = flow.offer.mask(_read_error(body).message)
    return "".join(mark if mark.isprintable() else " " for mark in text[:MESSAGE_CHARS_MAX])
