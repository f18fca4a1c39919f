"""The one metering path: figures are read from an answer as it passes, streamed or whole, and those not asked for go.

Between two calls the client has only whole events, so that its stream can be ended cleanly at any moment; nothing is
held back for longer than one event takes to arrive.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.errors import UsageError
from tokenworks.limits import ERROR_BODY_BYTES_MAX, EVENT_BYTES_MAX
from tokenworks.usage.normalise import normalise, normalise_progress
from tokenworks.usage.report import Report
from tokenworks.usage.shown import show_usage
from tokenworks.usage.vector import Basis, Usage
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
    Timings,
    UsageSeen,
)
from tokenworks.wire.refusals import Refusal
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.sse import Splitter, read_event

Progress = Literal["exact", "visible", "blind"]
TOKENS_PER_KB = 512  # of visible text, when nothing was learned: above every usual tokenizer and language
_CHUNKED: tuple[Dialect, ...] = ("chat", "completions")  # here usage is an option, elsewhere part of the protocol


class Show(msgspec.Struct, frozen=True):
    """Which figures the client asked for: the usage of a chat or completions stream, and progress in every chunk."""

    usage: bool
    progress: bool = False


class StreamMeter:
    """Relays a stream event by event and counts.

    `output_seen`: cumulative output tokens, exact where the engine reports progress, else an upper estimate.
    `visible_bytes`: UTF-8 bytes of output seen (text, reasoning, arguments of calls).
    `first_output`: something of the answer has been seen. `ended`: the dialect's last event was relayed.
    `finished`: every choice has its finish reason, whether or not the last event came.
    `error`: the upstream's own error event, withheld from the client; call `fail`. `broken`: why the stream cannot be
    relayed any further (not JSON, an event above the limit), "" while it can; call `fail`.
    `object_ids`: ids issued by the upstream (responses, containers, conversations). `finish_reason`: the dialect's word.
    After `ended`, `error` or `broken` nothing more is relayed.
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
        self.output_seen = 0
        self.visible_bytes = 0
        self.first_output = False
        self.ended = False
        self.error: bytes | None = None
        self.broken = ""
        self.object_ids: list[str] = []
        self.finish_reason = ""
        self._dialect: Dialect = dialect
        self._engine: Engine = engine
        self._tokens_per_kb = tokens_per_kb
        self._hides_timings = not show.progress
        self._hides_usage = dialect in _CHUNKED and not show.usage
        self._hides_running = dialect in _CHUNKED and engine == "vllm" and not show.progress
        self._shows_usage = dialect not in _CHUNKED or show.usage
        self._splitter = Splitter()
        self._reader = SPOKEN[dialect].reader()
        self._ender = Ender(dialect)
        self._texts: list[str] | None = [] if keep_text else None
        self._counted: dict[int, int] = {}  # choice: output tokens so far, as the engine says
        self._unfinished: set[int] = set()
        self._timings: Timings | None = None
        self._running = b""  # the last usage object of a stream that goes on
        self._finals: list[UsageSeen] = []
        self._report: Report | None = None
        self._why: End | None = None
        self._stopped = False

    def feed(self, data: bytes) -> bytes:
        """What the client gets of these bytes: whole events, the same object when nothing was removed or kept back."""
        splitter = self._splitter
        if not splitter.rest and data.endswith(b"\n\n") and data.startswith(b"data: ") and not self._stopped:
            end = len(data) - 2
            if data.find(b"\n") == end:  # the usual read: one event on one line
                return self._relay(data, data[6:end], "")
        return self._feed_any(data)

    def flush(self) -> bytes:
        """At the upstream's end: a last event that only lacked its blank line; half an event is dropped."""
        rest, self._splitter.rest = self._splitter.rest, b""
        name, data = read_event(rest)
        if self._stopped or not data:
            return b""
        relayed = self._relay(rest + (b"\n" if rest.endswith((b"\n", b"\r")) else b"\n\n"), data, name)
        if self.broken:  # half an event is no garbage
            self.broken, self._stopped = "", False
        return relayed

    @property
    def finished(self) -> bool:
        """Every choice that has shown itself has its finish reason."""
        return bool(self.finish_reason) and not self._unfinished

    @property
    def text_seen(self) -> str:
        """The output's text so far, over all choices; "" unless kept."""
        return "".join(self._texts or ())

    @property
    def report(self) -> Report | None:
        """The upstream's final figure; None without a usable one."""
        if self._report is None and self._finals:
            raw = self._finals[-1].raw
            try:
                usage = normalise(self._engine, self._dialect, raw)
            except UsageError:
                return None
            if self._engine == "llamacpp" and len(self._counted) > 1:
                usage = _with_output(usage, max(sum(said.output for said in self._finals), sum(self._counted.values())))
            self._report = Report(usage, raw, "reported")
        return self._report

    @property
    def progress_usage(self) -> Usage | None:
        """The last cumulative usage that the stream carried; None without a usable one."""
        try:
            if self._timings is not None:
                usage = normalise_progress(self._engine, self._dialect, msgspec.json.encode(self._timings))
            elif self._running:
                read = normalise_progress if self._engine == "vllm" and self._dialect in _CHUNKED else normalise
                usage = read(self._engine, self._dialect, self._running)
            else:
                return None
        except UsageError:
            return None
        return _with_output(usage, sum(self._counted.values())) if len(self._counted) > 1 else usage

    def usage_now(self, input_tokens: int) -> tuple[Usage, Basis]:
        """The best cumulative figure there is now: the report, else progress, else an estimate.

        `input_tokens` stands for the prompt when the upstream has said nothing of it.
        """
        if report := self.report:
            return report.usage, report.basis
        usage = self.progress_usage
        if usage is not None and self._counted:
            return usage, "progress"
        usage = usage or Usage(input=input_tokens)
        return _with_output(usage, max(usage.completion, self.output_seen)), "estimated"

    def mark(self, why: End) -> None:
        """If the answer ends because its output cap was reached, its last event says `why` (the cap was ours)."""
        self._why = why

    def ping(self) -> bytes:
        """What keeps a silent stream alive."""
        return ping(self._dialect)

    def finish(self, why: End, usage: Usage | None = None) -> bytes:
        """The bytes that end the stream cleanly now; `usage` is what is billed and is shown where usage is shown."""
        self._stopped = True
        self._ender.count(getattr(self._reader, "sequence", -1))
        shown = show_usage(self._dialect, usage) if usage is not None and self._shows_usage else None
        return self._ender.finish(why, shown)

    def fail(self, refusal: Refusal, message: str, request_id: str) -> bytes:
        """The dialect's error in mid-stream."""
        self._stopped = True
        self._ender.count(getattr(self._reader, "sequence", -1) - (self.error is not None))
        return self._ender.fail(refusal, message, request_id)

    def _feed_any(self, data: bytes) -> bytes:
        """Any pieces of any events."""
        if self._stopped:
            return b""
        held = self._splitter.rest
        blocks = self._splitter.feed(data)
        relayed = []
        for block in blocks:
            name, text = _read_usual(block)
            relayed.append(self._relay(block, text, name) if text else block)
            if self._stopped:
                break
        if self._splitter.overflown and not self._stopped:
            self._stop(f"an event is above {EVENT_BYTES_MAX} bytes")
        if not held and not self._splitter.rest and len(relayed) == len(blocks) and _same(relayed, blocks):
            return data
        return b"".join(relayed)

    def _relay(self, block: bytes, data: bytes, name: str) -> bytes:
        """One event: what it says is counted, what the client gets of it is returned."""
        events = self._reader.read(data, name)
        if events is None:
            self._stop("an event is not JSON")
            return b""
        follows_text = self._ender.needs_text
        timed = False
        used: UsageSeen | None = None
        for event in events:
            kind = type(event)
            if kind is Delta:
                self._count_text(event.text)  # type: ignore[union-attr]
                if not follows_text:
                    continue
            elif kind is ProgressSeen:
                self._count_progress(event)  # type: ignore[arg-type]
                timed = True
                continue
            elif kind is UsageSeen:
                used = event  # type: ignore[assignment]
                self._count_usage(used)  # type: ignore[arg-type]
                if self._hides_usage:
                    continue
            elif not self._note(event):
                return b""
            self._ender.follow((event,))
        if timed and self._hides_timings:
            block = figures.drop_timings(block)
        if used is not None:
            block = self._without_usage(block, used)
        elif self._hides_usage:
            block = figures.drop_null(block)
        return self._marked(block, events) if self._why is not None else block

    def _count_text(self, text: str) -> None:
        self.visible_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        self.first_output = True
        if self._texts is not None:
            self._texts.append(text)
        if not self._counted:
            self.output_seen = -(-self.visible_bytes * self._tokens_per_kb // 1024)

    def _count_progress(self, seen: ProgressSeen) -> None:
        self._timings = seen.timings
        if seen.choice >= 0 or not self._counted:
            self._counted[max(0, seen.choice)] = seen.timings.predicted_n
        self._sum_counted()

    def _count_usage(self, seen: UsageSeen) -> None:
        if seen.final and (seen.choice < 0 or self._engine != "vllm"):
            self._finals.append(seen)
            report = self.report
            self.output_seen = report.usage.completion if report else max(self.output_seen, seen.output)
            return
        self._running = seen.raw
        if seen.choice >= 0:
            self._counted[seen.choice] = seen.output
            self._sum_counted()

    def _sum_counted(self) -> None:
        counted = self._counted
        self.output_seen = sum(counted.values()) if len(counted) > 1 else next(iter(counted.values()))

    def _note(self, event: Event) -> bool:
        """Take what structures a stream; False when the event is not for the client."""
        if isinstance(event, Failed):
            self.error, self._stopped = event.raw[:ERROR_BODY_BYTES_MAX], True
            return False
        if isinstance(event, ChoiceBegin):
            self._unfinished.add(event.choice)
        elif isinstance(event, Finish):
            self._unfinished.discard(event.choice)
            self.finish_reason = self.finish_reason or event.native
        elif isinstance(event, BlockBegin):
            self.first_output |= event.kind not in ("text", "reasoning")
        elif isinstance(event, Issued):
            self.object_ids += [event.id] if event.id not in self.object_ids else []
        elif event is ENDED:
            self.ended = self._stopped = True
        return True

    def _without_usage(self, block: bytes, used: UsageSeen) -> bytes:
        """The event without usage that was not asked for; one that is nothing else goes whole."""
        if self._hides_usage:
            return b"" if used.choice < 0 else figures.drop_usage(block)
        return figures.drop_usage(block) if self._hides_running and used.choice >= 0 else block

    def _marked(self, block: bytes, events: list[Event]) -> bytes:
        cut = any(isinstance(event, Finish) and event.reason == "length" for event in events)
        return figures.add_extension(block, extension_of(self._why)) if cut and self._why else block

    def _stop(self, why: str) -> None:
        self.broken, self._stopped = why, True


def _read_usual(block: bytes) -> tuple[str, bytes]:
    """read_event, quickly for the two shapes that every upstream sends: `data:` alone, and `event:` before it."""
    end = len(block) - 2
    if block.endswith(b"\n\n"):
        first = block.find(b"\n")
        if first == end and block.startswith(b"data: "):
            return "", block[6:end]
        if block.startswith(b"event: ") and block.startswith(b"data: ", first + 1):
            if block.find(b"\n", first + 1) == end:
                return block[7:first].decode("latin-1"), block[first + 7 : end]
    return read_event(block)


def _same(relayed: list[bytes], blocks: list[bytes]) -> bool:
    return all(one is other for one, other in zip(relayed, blocks, strict=True))


def _with_output(usage: Usage, completion: int) -> Usage:
    """The same vector with another completion; reasoning stays as it was said, as far as it fits."""
    reasoning = min(usage.reasoning, completion)
    return msgspec.structs.replace(usage, output=completion - reasoning, reasoning=reasoning)


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
    events = SPOKEN[dialect].reader().read_body(body)
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
    return WholeReport(
        report,
        tuple(dict.fromkeys(event.id for event in events if isinstance(event, Issued))),
        sum(len(event.text.encode("utf-8", "replace")) for event in events if isinstance(event, Delta)),
        finishes[0].native if finishes else "",
        any(event.reason == "length" for event in finishes),
    )


def hide_whole(dialect: Dialect, engine: Engine, body: bytes, show: Show) -> bytes:
    """The body without progress figures that the client did not ask for; the same object when there are none."""
    return body if show.progress or engine != "llamacpp" else figures.drop_member(body, "timings")


def mark_whole(dialect: Dialect, body: bytes, why: End) -> bytes:
    """The body with the `tokenworks` extension, if it ended because its output cap was reached."""
    events = SPOKEN[dialect].reader().read_body(body) or ()
    capped = any(isinstance(event, Finish) and event.reason == "length" for event in events)
    return figures.add_member(body, extension_of(why)) if capped else body
