"""The one metering path: figures are read from an answer as it passes, streamed or whole, and those not asked for go.

Between two calls the client has only whole events, so that its stream can be ended cleanly at any moment; nothing is
held back for longer than one event takes to arrive.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.errors import UsageError
from tokenworks.limits import ERROR_BODY_BYTES_MAX, EVENT_BYTES_MAX
from tokenworks.usage.normalise import normalise
from tokenworks.usage.report import Report
from tokenworks.usage.reshown import may_reshow, reshow_usage
from tokenworks.usage.shown import show_usage
from tokenworks.usage.tally import CHUNKED, TOKENS_PER_KB
from tokenworks.usage.usual import Usual
from tokenworks.usage.vector import Usage
from tokenworks.wire import figures
from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.ends import End, Ender, extension_of, ping
from tokenworks.wire.events import (
    ENDED,
    Begin,
    BlockBegin,
    ChoiceBegin,
    Delta,
    Event,
    Failed,
    Finish,
    Issued,
    ProgressSeen,
    UsageSeen,
)
from tokenworks.wire.fields import PACED
from tokenworks.wire.refusals import Refusal
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.sse import CR, LF, Splitter, read_event

Progress = Literal["exact", "visible", "blind"]


class Show(msgspec.Struct, frozen=True):
    """Which figures the client asked for: the usage of a chat or completions stream, and progress in every chunk."""

    usage: bool
    progress: bool = False


class StreamMeter(Usual):
    """Relays a stream event by event and counts: `output_seen`, `report` and the like are the tally's.

    `ended`: the dialect's last event was relayed.
    `finished`: every choice has its finish reason, whether or not the last event came.
    `error`: the upstream's own error event, withheld from the client; call `fail`. `broken`: why the stream cannot be
    relayed any further (not JSON, an event above the limit), "" while it can; call `fail`.
    `object_ids`: ids issued by the upstream (responses, containers, conversations).
    `finish_reason`: the dialect's own word, of the first choice that ended. `capped`: a choice ended by its output cap.
    `stopped`: one of `ended`, `error` or `broken`, or an end of ours: nothing more is relayed.
    """

    def __init__(
        self,
        dialect: Dialect,
        engine: Engine,
        progress: Progress,
        show: Show,
        tokens_per_kb: int = TOKENS_PER_KB,
        keep_text: bool = False,
    ) -> None:
        super().__init__(dialect, engine, tokens_per_kb, keep_text)
        self.ended = False
        self.error: bytes | None = None
        self.broken = ""
        self.object_ids: list[str] = []
        self.finish_reason = ""
        self.capped = False
        self._hides_timings = not show.progress
        self._hides_usage = dialect in CHUNKED and not show.usage
        self._hides_running = dialect in CHUNKED and not show.progress
        self._paced = engine in PACED
        self._reshows = may_reshow(engine, dialect)
        self._shows_usage = dialect not in CHUNKED or show.usage
        self._splitter = Splitter()
        self._reader = SPOKEN[dialect].reader()
        self._ender = Ender(dialect)
        self._follow = self._ender.note
        self._follows_text = self._ender.needs_text
        self._why: End | None = None
        self.stopped = False

    def feed(self, data: bytes) -> bytes:
        """What the client gets of these bytes: whole events, the same object when nothing was removed or kept back."""
        if data and data[-1] == LF and CR not in data and not (self._splitter.rest or self.stopped):
            end, first = len(data) - 2, data.find(LF)  # the usual read is one event, its data on one line
            if first == end and data.startswith(b"data: "):
                return self._relay(data, data[6:end], "")
            two_lines = data.startswith(b"event: ") and data.find(LF, first + 1) == end
            if two_lines and data.startswith(b"data: ", first + 1):
                return self._relay(data, data[first + 7 : end], data[7:first].decode("latin-1"))
        return self._feed_any(data)

    def flush(self) -> bytes:
        """At the upstream's end: a last event that only lacked its blank line; half an event is dropped."""
        rest, self._splitter.rest = self._splitter.rest, b""
        name, data = read_event(rest)
        if self.stopped or not data:
            return b""
        relayed = self._relay(rest + (b"\n" if rest.endswith((b"\n", b"\r")) else b"\n\n"), data, name)
        if self.broken:  # half an event is no garbage
            self.broken, self.stopped = "", False
        return relayed

    @property
    def finished(self) -> bool:
        """Every choice that has shown itself has its finish reason."""
        return bool(self.finish_reason) and not self._unfinished

    def mark(self, why: End) -> None:
        """If the answer ends because its output cap was reached, its last event says `why` (the cap was ours)."""
        self._why = why

    def ping(self) -> bytes:
        """What keeps a silent stream alive."""
        return ping(self._dialect)

    def finish(self, why: End, usage: Usage | None = None) -> bytes:
        """The bytes that end the stream cleanly now; `usage` is what is billed and is shown where usage is shown."""
        self._stop_relaying()
        self._ender.count(getattr(self._reader, "sequence", -1))
        shown = show_usage(self._dialect, usage) if usage is not None and self._shows_usage else None
        return self._ender.finish(why, shown)

    def fail(self, refusal: Refusal, message: str, request_id: str) -> bytes:
        """The dialect's error in mid-stream."""
        self._stop_relaying()
        self._ender.count(getattr(self._reader, "sequence", -1) - (self.error is not None))
        return self._ender.fail(refusal, message, request_id)

    def _feed_any(self, data: bytes) -> bytes:
        """Any pieces of any events."""
        if self.stopped:
            return b""
        held = self._splitter.rest
        blocks = self._splitter.feed(data)
        relayed = []
        for block in blocks:
            name, text = read_event(block)
            relayed.append(self._relay(block, text, name) if text else self._idle(block))
            if self.stopped:
                break
        if self._splitter.rest:
            self._shape = None  # what comes next is no whole event
        if self._splitter.overflown and not self.stopped:
            self._stop(f"an event is above {EVENT_BYTES_MAX} bytes")
        if not held and not self._splitter.rest and len(relayed) == len(blocks) and _same(relayed, blocks):
            return data
        return b"".join(relayed)

    def _relay(self, block: bytes, data: bytes, name: str) -> bytes:
        """One event: what it says is counted, what the client gets of it is returned."""
        self.catch_up()
        self._shape = None
        events = self._reader.read(data, name)
        if events is None:
            self._stop("an event is not JSON")
            return b""
        if not events and data == b"null":
            return b""  # no event of any dialect; clients stumble over it
        timed = False
        used: UsageSeen | None = None
        for event in events:
            kind = type(event)
            if kind is Delta:
                self.count_text(event.text)  # type: ignore[union-attr]
                if self._follows_text:
                    self._follow(event)
            elif kind is ProgressSeen:
                self.count_progress(event)  # type: ignore[arg-type]
                timed = True
            elif kind is UsageSeen:
                used = event  # type: ignore[assignment]
                self.count_usage(used)  # type: ignore[arg-type]
                if not self._hides_usage:
                    self._follow(event)
            elif self._note(event):
                self._follow(event)
            else:
                return b""
        relayed = figures.drop_timings(block) if timed and self._hides_timings else block
        if used is not None:
            relayed = self._without_usage(relayed, used)
        elif self._hides_usage and relayed.endswith(figures.NO_USAGE):
            relayed = figures.drop_null(relayed)
        if self._why is not None:
            relayed = self._marked(relayed, events)
        if not self._follows_text:
            self.learn(block, relayed, events)
        return relayed

    def _idle(self, block: bytes) -> bytes:
        """What says nothing: comments and blank lines."""
        return block

    def _note(self, event: Event) -> bool:
        """Take what structures a stream; False when the event is not for the client."""
        if isinstance(event, Failed):
            self.error, self.stopped = event.raw[:ERROR_BODY_BYTES_MAX], True
            return False
        if isinstance(event, ChoiceBegin):
            self.begin_choice(event.choice)
        elif isinstance(event, Finish):
            self._unfinished.discard(event.choice)
            self.finish_reason = self.finish_reason or event.native
            self.capped |= event.reason == "length"
        elif isinstance(event, BlockBegin):
            self.first_output |= event.kind not in ("text", "reasoning")
        elif isinstance(event, Issued):
            self.object_ids += [event.id] if event.id not in self.object_ids else []
        elif event is ENDED:
            self.ended = self.stopped = True
        return True

    def _without_usage(self, block: bytes, used: UsageSeen) -> bytes:
        """The event without usage that was not asked for; one that is nothing else goes whole."""
        if self._hides_usage:
            return b"" if used.choice < 0 else figures.drop_usage(block, used.raw)
        if self._several and (self.report is None or len(self._finals) < self._choices):
            return b"" if used.choice < 0 else figures.drop_usage(block, used.raw)  # of one answer; the last says all
        if self._hides_running and used.choice >= 0:
            last = used.final and not self._paced and (self._several or self.report is not None)
            if not last:
                return figures.drop_usage(block, used.raw)
        return self._reshown(block, used) if (self._reshows or self._several) and used.final else block

    def _reshown(self, block: bytes, used: UsageSeen) -> bytes:
        """The event with usage as it is billed, where the upstream's own object would say something else."""
        report, shown = self.report, None
        if report is not None and self._several:  # it speaks of one choice
            shown = msgspec.json.encode(show_usage(self._dialect, report.usage))
        elif report is not None:
            shown = reshow_usage(self._engine, self._dialect, used.raw, report.usage)
        return block if shown is None else block.replace(used.raw, shown, 1)

    def _marked(self, block: bytes, events: list[Event]) -> bytes:
        cut = any(isinstance(event, Finish) and event.reason == "length" for event in events)
        return figures.add_extension(block, extension_of(self._why)) if cut and self._why else block

    def _stop(self, why: str) -> None:
        self.broken = why
        self._stop_relaying()

    def _stop_relaying(self) -> None:
        self.stopped, self._shape = True, None


def _same(relayed: list[bytes], blocks: list[bytes]) -> bool:
    return all(one is other for one, other in zip(relayed, blocks, strict=True))


class WholeReport(msgspec.Struct, frozen=True):
    """What a whole body says. `report` is None without usable usage; `valid` is False when it is not the dialect's.

    `finish` is the dialect's own word for why it ended ("stop", "max_tokens", ...), that of the first choice; `capped`
    says that a choice ended because the output cap was reached. `error` is the body if it says an error.
    """

    report: Report | None
    object_ids: tuple[str, ...] = ()
    visible_bytes: int = 0
    finish: str = ""
    capped: bool = False
    valid: bool = True
    error: bytes | None = None


def read_whole(dialect: Dialect, engine: Engine, body: bytes) -> WholeReport:
    """What a whole body says of usage, ids and output."""
    return report_whole(dialect, engine, body, SPOKEN[dialect].reader().read_body(body))


def report_whole(dialect: Dialect, engine: Engine, body: bytes, events: list[Event] | None) -> WholeReport:
    """The same of a body that was read already."""
    if events is None or not isinstance(events[0], Begin):
        return WholeReport(None, valid=False, error=body[:ERROR_BODY_BYTES_MAX] if events else None)
    report: Report | None = None
    for seen in events:
        if isinstance(seen, UsageSeen):
            try:
                report = Report(normalise(engine, dialect, seen.raw), seen.raw, "reported")
            except UsageError:
                report = None
    finishes = [event for event in events if isinstance(event, Finish)]
    if engine == "llamacpp" and len(finishes) > 1:
        report = None  # it speaks of one choice only, and a wrong figure is worse than none
    return WholeReport(
        report,
        tuple(dict.fromkeys(event.id for event in events if isinstance(event, Issued))),
        sum(len(event.text.encode("utf-8", "replace")) for event in events if isinstance(event, Delta)),
        finishes[0].native if finishes else "",
        any(event.reason == "length" for event in finishes),
    )


def hide_whole(dialect: Dialect, engine: Engine, body: bytes, show: Show) -> bytes:
    """The body without progress figures that the client did not ask for, and with usage as it is billed; the same
    object when there is nothing to do."""
    if may_reshow(engine, dialect):
        report = read_whole(dialect, engine, body).report
        shown = reshow_usage(engine, dialect, report.raw, report.usage) if report is not None else None
        return body if report is None or shown is None else body.replace(report.raw, shown, 1)
    return body if show.progress or engine != "llamacpp" else figures.drop_member(body, "timings")


def mark_whole(dialect: Dialect, body: bytes, why: End) -> bytes:
    """The body with the `tokenworks` extension, if it ended because its output cap was reached."""
    events = SPOKEN[dialect].reader().read_body(body) or ()
    capped = any(isinstance(event, Finish) and event.reason == "length" for event in events)
    return figures.add_member(body, extension_of(why)) if capped else body
