"""What a client is answered: refusals, whole bodies, streams and their ends. Everything goes out through the turn."""

from __future__ import annotations

from tokenworks.admission.admit import Denied
from tokenworks.credit.records import Refused
from tokenworks.gateway.flow import Flow
from tokenworks.gateway.opening import write_opened
from tokenworks.gateway.speech import say_refusal
from tokenworks.wire.headers import client_headers, whole_block
from tokenworks.wire.refusals import Malformed, Refusal, refusal_status, render_refusal

MODEL_CHARS_MAX = 128  # of a model's name that a client made up, on the record


def refuse(flow: Flow, refusal: Refusal, message: str = "", param: str | None = None) -> None:
    """Answer a refusal before anything was spent, and note it."""
    flow.move("refuse")
    flow.quit_waiting()
    note_refused(flow, refusal, {})
    text = say_refusal(flow.turn.head, refusal, message)
    status, headers, body = render_refusal(refusal, flow.family, flow.name(), text, param)
    flow.turn.respond(status, headers, body)


def refuse_body(flow: Flow, found: Malformed | Denied) -> None:
    """Answer what reading or admission found."""
    flow.move("refuse")
    note_refused(flow, found.refusal, found.why if isinstance(found, Denied) else {"param": found.param or ""})
    text = say_refusal(flow.turn.head, found.refusal, found.message)
    status, headers, body = render_refusal(found.refusal, flow.family, flow.name(), text, found.param)
    flow.turn.respond(status, headers, body)


def note_refused(flow: Flow, refusal: Refusal, why: dict[str, str | int]) -> None:
    """A refusal of a known account goes on record, with what decided it."""
    facts = getattr(flow, "facts", None)
    short: dict[str, str | int] = {
        name: value[:MODEL_CHARS_MAX] if isinstance(value, str) else value for name, value in why.items()}
    record = Refused(
        flow.name(), flow.customer.account.id, flow.customer.key.id, flow.shared.clock.now_ns(), flow.dialect,
        facts.model[:MODEL_CHARS_MAX] if facts else "", refusal.value, refusal_status(refusal, flow.family), short)
    flow.shared.write(record)
    flow.shared.tally.note_refusal(refusal.value)
    flow.shared.tally.note_live(record)


def fail(flow: Flow, refusal: Refusal, message: str = "", wait_ms: int = -1) -> None:
    """The last bytes of an opened request that failed, after Closed: a refusal, or the dialect's error event."""
    turn = flow.turn
    message = say_refusal(turn.head, refusal, message)
    if not turn.started:
        turn.respond(*render_refusal(refusal, flow.family, flow.id, message, None, wait_ms))
    elif flow.meter is not None and flow.mode == "stream":
        turn.end(flow.meter.fail(refusal, message, flow.id))
    else:
        turn.abort()


def start_stream(flow: Flow) -> bool:
    """The head of a streamed answer, once; it leaves with the first event. False: the journal has no room for it."""
    if not flow.turn.started:
        if flow.hold is not None and not write_opened(flow):
            return False
        flow.turn.start(200, client_headers(flow.answer_headers, flow.id, True), None)
    return True


def assemble(flow: Flow, data: bytes) -> None:
    """Whole events of a stream that the client gets as one body."""
    if flow.assembler is not None:
        for block in flow.splitter.feed(data):
            flow.assembler.see(block)


def send_whole(flow: Flow, body: bytes) -> None:
    """A whole answer in one write."""
    if not flow.turn.answer(whole_block(flow.answer_headers, flow.id), body):
        flow.turn.respond(200, client_headers(flow.answer_headers, flow.id, False), body)


def finish(flow: Flow, position: int, data: bytes, whole: bool) -> None:
    """The last bytes, once the closing record is as safe as the settings ask. `position` 0: it could not be written."""
    if not position and flow.opened is None:  # nothing of the request is on record: its client gets nothing
        flow.move("fail")
        fail(flow, Refusal.DISK_FULL)
        return
    if flow.shared.disk_first and flow.stage != "draining" and flow.shared.journal.synced < position:
        flow.move("sync")
        flow.shared.loop.create_task(_finish_synced(flow, position, data, whole))
        return
    flow.move("finish")
    _send_last(flow, data, whole)


async def _finish_synced(flow: Flow, position: int, data: bytes, whole: bool) -> None:
    try:
        await flow.shared.flusher.synced(position)
    except OSError:  # the disk failed: what was settled may be lost, so the answer is not completed
        if flow.stage == "syncing":
            flow.move("finish")
            flow.turn.abort()
        return
    if flow.stage == "syncing":
        flow.move("finish")
        _send_last(flow, data, whole)


def _send_last(flow: Flow, data: bytes, whole: bool) -> None:
    if whole:
        send_whole(flow, data)
    else:
        start_stream(flow)
        flow.turn.end(data)
