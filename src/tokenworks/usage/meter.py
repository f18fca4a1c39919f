"""The one metering path: figures are read from an answer as it passes, streamed or whole, and those not asked for go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.ends import End
from tokenworks.wire.refusals import Refusal

if TYPE_CHECKING:
    from tokenworks.usage.report import Report

Progress = Literal["exact", "visible", "blind"]
TOKENS_PER_KB = 512  # of visible text, when nothing was learned: above every usual tokenizer and language


class Show(msgspec.Struct, frozen=True):
    """Which figures the client asked for: the usage of a chat or completions stream, and progress in every chunk."""

    usage: bool
    progress: bool = False


class WholeReport(msgspec.Struct, frozen=True):
    """What a whole body says. `report` is None without usable usage; `valid` is False when it is not the dialect's.

    `finish` is the dialect's own word for why it ended ("stop", "max_tokens", ...), that of the first choice.
    """

    report: Report | None
    object_ids: tuple[str, ...] = ()
    visible_bytes: int = 0
    finish: str = ""
    valid: bool = True
    error: bytes | None = None


class StreamMeter:
    """Relays a stream event by event. Between two calls the client has only whole events, so that it can end anywhere.

    `output_seen`: cumulative output tokens, exact where the engine reports progress, else an upper estimate.
    `visible_bytes`: UTF-8 bytes of output seen (text, reasoning, tool arguments). `text_seen`: that text, if kept.
    `progress_usage`: the last cumulative figure, None without. `report`: the upstream's final figure, None without.
    `first_output`: something of the answer has been seen. `ended`: the dialect's last event was relayed.
    `finished`: every choice has its finish reason, whether or not the last event came.
    `error`: the upstream's own error event, withheld from the client; call `fail`. `broken`: why the stream cannot be
    relayed any further (not JSON, an event above the limit), "" while it can; call `fail`.
    `object_ids`: ids issued by the upstream (responses, containers, conversations). `finish_reason`: the dialect's word.
    """

    output_seen: int
    visible_bytes: int
    first_output: bool
    ended: bool
    finished: bool
    error: bytes | None
    broken: str
    report: Report | None
    object_ids: list[str]
    finish_reason: str

    def __init__(
        self,
        dialect: Dialect,
        engine: Engine,
        progress: Progress,
        show: Show,
        tokens_per_kb: int = TOKENS_PER_KB,
        keep_text: bool = False,
    ) -> None:
        raise NotImplementedError

    def feed(self, data: bytes) -> bytes:
        """What the client gets of these bytes: whole events, the same object when nothing was removed or kept back."""
        raise NotImplementedError

    def flush(self) -> bytes:
        """At the upstream's end: a last event that only lacked its blank line; half an event is dropped."""
        raise NotImplementedError

    @property
    def progress_usage(self) -> Usage | None:
        """The last cumulative usage that the stream carried."""
        raise NotImplementedError

    @property
    def text_seen(self) -> str:
        """The output's text so far; "" unless kept."""
        raise NotImplementedError

    def mark(self, why: End) -> None:
        """If the answer ends because its output cap was reached, its last event says `why` (the cap was ours)."""
        raise NotImplementedError

    def finish(self, why: End, usage: Usage | None = None) -> bytes:
        """The bytes that end the stream cleanly now; `usage` is what is billed and is shown where usage is shown."""
        raise NotImplementedError

    def fail(self, refusal: Refusal, message: str, request_id: str) -> bytes:
        """The dialect's error in mid-stream."""
        raise NotImplementedError


def read_whole(dialect: Dialect, engine: Engine, body: bytes) -> WholeReport:
    """What a whole body says of usage, ids and output."""
    raise NotImplementedError


def hide_whole(dialect: Dialect, engine: Engine, body: bytes, show: Show) -> bytes:
    """The body without progress figures that the client did not ask for; the same object when there are none."""
    raise NotImplementedError


def mark_whole(dialect: Dialect, body: bytes, why: End) -> bytes:
    """The body with the `tokenworks` extension, if it ended because its output cap was reached."""
    raise NotImplementedError
