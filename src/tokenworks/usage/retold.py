"""The meter of an answer that its client hears in another dialect: counted as it came, told in the client's words.

What is counted is what the upstream said, so that usage is the same to the token whichever dialect the client speaks;
the client's usage object is made of what is billed. The events that were read for counting are those that are told.
"""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.usage.meter import Progress, Show, StreamMeter, WholeReport, report_whole
from tokenworks.usage.shown import show_usage
from tokenworks.usage.tally import CHUNKED, TOKENS_PER_KB
from tokenworks.usage.usual import ODD, Shape, Way
from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import FAMILY, Engine
from tokenworks.wire.ends import End, extension_of, ping
from tokenworks.wire.events import Begin, Delta, Event, ProgressSeen, UsageSeen
from tokenworks.wire.refusals import Refusal, error_object
from tokenworks.wire.retell import Reteller
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.voice import Voice

_FIGURES: dict[type, bytes] = {ProgressSeen: b',"timings":{', UsageSeen: b',"usage":{'}
_END = b"}\n\n"
_LINE = b"\r\n"
SILENT_EVENTS_MAX = 32  # of which the client is told nothing; then it hears that the answer is still coming
_CLOSE = _END + _LINE


class RetoldMeter(StreamMeter):
    """Like StreamMeter, for a stream that is told by `reteller`. `show.usage`: a chat client wants its usage chunk.

    `bill`: what is billed when the answer ends, which is what the client is shown there; whoever bills otherwise than
    by what has been counted sets it.
    """

    def __init__(
        self,
        reteller: Reteller,
        engine: Engine,
        progress: Progress,
        show: Show,
        tokens_per_kb: int = TOKENS_PER_KB,
        keep_text: bool = False,
    ) -> None:
        super().__init__(reteller.source, engine, progress, show, tokens_per_kb, keep_text)
        self.bill: Callable[[], Usage] = self._counted_usage
        self._reteller = reteller
        self._client = reteller.client
        self._voice: Voice | None = None
        self._silent = 0
        self._shows_usage = self._client not in CHUNKED or show.usage
        reteller.known = self._known

    def mark(self, why: End) -> None:
        """If the answer ends because its output cap was reached, its last event says `why`."""
        self._reteller.mark(extension_of(why))

    def ping(self) -> bytes:
        """What keeps a silent stream alive, in the client's dialect."""
        return ping(self._client)

    def finish(self, why: End, usage: Usage | None = None) -> bytes:
        """The bytes that end the stream cleanly now."""
        self._stop_relaying()
        shown = show_usage(self._client, usage) if usage is not None and self._shows_usage else None
        return self._reteller.close(extension_of(why), shown)

    def fail(self, refusal: Refusal, message: str, request_id: str) -> bytes:
        """The client's dialect's error in mid-stream."""
        self._stop_relaying()
        return self._reteller.fail(error_object(refusal, FAMILY[self._client], message, request_id))

    def shortcut(self, lead: int, way: Way) -> Callable[[bytes], bool] | None:
        """What takes an event of the usual shape and says its text by the voice of its block."""
        if self._shape is None or self._voice is None:
            return None
        return _retold(self, (self._shape, self._voice), lead, way, self._texts)

    def _idle(self, block: bytes) -> bytes:
        """The upstream says that it is still there."""
        return self.ping() if block.strip() else b""

    def _relay(self, block: bytes, data: bytes, name: str) -> bytes:
        """One event: what it says is counted and told."""
        self.catch_up()
        self._shape = self._voice = None
        events = self._reader.read(data, name)
        if events is None:
            self._stop("an event is not JSON")
            return b""
        if not events:
            return self.ping() if name == "ping" else b""
        for event in events:
            kind = type(event)
            if kind is Delta:
                self.count_text(event.text)  # type: ignore[union-attr]
            elif kind is ProgressSeen:
                self.count_progress(event)  # type: ignore[arg-type]
            elif kind is UsageSeen:
                self.count_usage(event)  # type: ignore[arg-type]
            elif not self._note(event):
                return b""
        told = self._reteller.tell(events, self._shown)
        if type(events[0]) is Delta:
            self._learn_voice(block, events)
        return told or self._keep_alive()

    def _keep_alive(self) -> bytes:
        """Hidden reasoning can take minutes."""
        self._silent += 1
        return b"" if self._silent % SILENT_EVENTS_MAX else self.ping()

    def _learn_voice(self, block: bytes, events: list[Event]) -> None:
        """The next event may be alike: the same bytes around another text and another figure."""
        said, figure = events[0], events[-1] if len(events) > 1 else None
        opening = _FIGURES.get(type(figure), b"")
        if opening:
            self.learn(block, block[: block.rfind(opening)] + _END, events)
        elif figure is None:
            self.learn(block, block, events)
        if self._shape is not None and isinstance(said, Delta):
            self._voice = self._reteller.voice(said.choice, said.block)

    def _known(self) -> dict[str, object] | None:
        """Usage at the beginning, where the upstream says it then."""
        usage = self.progress_usage
        return show_usage(self._client, usage) if usage is not None else None

    def _shown(self) -> dict[str, object] | None:
        return show_usage(self._client, self.bill()) if self._shows_usage else None

    def _counted_usage(self) -> Usage:
        return self.usage_now(0)[0]


def _retold(
    meter: RetoldMeter, known: tuple[Shape, Voice], lead: int, way: Way, texts: list[str] | None
) -> Callable[[bytes], bool]:
    """A closure, because it runs for nearly every chunk: all that it needs is at hand."""
    shape, voice = known
    before, after, key, less = shape.before, shape.after, shape.key, shape.less
    close = _CLOSE if key else after + _LINE
    start, line, rest = lead + len(before), slice(lead), lead + len(_LINE)
    front, inner, back = slice(lead, start), slice(start, -len(after if key else close)), slice(-len(after), None)
    send, goal, reached = way

    def pass_retold(data: bytes) -> bool:
        head, figures = data, b""
        if key:
            head, _, tail = data.rpartition(key)
            figures, _, end = tail.partition(b"}")
            if end != close or head[back] != after:
                return False
        elif not data.endswith(close):
            return False
        text = head[inner]
        if head[front] != before or not text or text.translate(None, ODD) != text:
            return False
        try:
            if int(data[line], 16) + rest != len(data):
                return False
            seen = int(figures.partition(b",")[0]) - less if key else -1
            piece = text.decode()
        except ValueError:
            return False
        if key:
            meter.output_seen = seen
            meter.visible_bytes += len(text)
        else:
            meter.count_bytes(len(text))
        if texts is not None:
            texts.append(piece)
        meter.unread = data
        told = voice.say(piece)
        send(b"%x\r\n%b\r\n" % (len(told), told))
        if meter.output_seen >= goal.mark:
            reached()
        return True

    return pass_retold


class RetoldWhole:
    """A whole answer read in the upstream's dialect: what it says of itself, and the client's body of it.

    `report` is that of `read_whole`; a body is there only if it is valid and no error.
    """

    def __init__(self, reteller: Reteller, engine: Engine, body: bytes) -> None:
        events = SPOKEN[reteller.source].reader().read_body(body)
        self.report: WholeReport = report_whole(reteller.source, engine, body, events)
        self._events = events if events and isinstance(events[0], Begin) else []
        self._reteller = reteller

    def body(self, usage: Usage, why: End | None = None) -> bytes:
        """The body in the client's dialect. `usage` is what is billed. `why`: the cap that ended it was ours."""
        extension = extension_of(why) if why is not None and self.report.capped else None
        return self._reteller.body(self._events, show_usage(self._reteller.client, usage), extension)


def retell_whole(reteller: Reteller, engine: Engine, body: bytes) -> RetoldWhole:
    """A whole body in another dialect."""
    return RetoldWhole(reteller, engine, body)
