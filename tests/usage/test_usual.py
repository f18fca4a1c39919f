"""The short way of the usual event says and counts what reading does, and takes nothing that it should not."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.goldens import STREAMS, Golden, stream

from tokenworks.usage.meter import Show, StreamMeter
from tokenworks.usage.usual import PATIENCE, Way, learn_shape
from tokenworks.usage.vector import Usage
from tokenworks.wire.events import ProgressSeen, Timings, UsageSeen

SHOWS = [Show(False), Show(True), Show(True, True)]
SOUND = [golden for golden in STREAMS if not golden.name.endswith("_error.sse")]
IDS = [golden.name for golden in SOUND]


def meter_of(golden: Golden, show: Show = SHOWS[0], keep_text: bool = False) -> StreamMeter:
    meter = StreamMeter(golden.dialect, golden.engine, "exact", show, keep_text=keep_text)
    meter.prompts = 2 if golden.name.endswith("completions_batch.sse") else 1
    return meter


def state(meter: StreamMeter) -> tuple[object, ...]:
    return (meter.output_seen, meter.visible_bytes, meter.report, meter.progress_usage, meter.usage_now(7), meter.ended,
            meter.finished, meter.broken, meter.finish_reason, meter.first_output, meter.text_seen)


LEAD = 8


def framed(data: bytes) -> bytes:
    """As a chunk of HTTP."""
    return b"%06x\r\n%b\r\n" % (len(data), data)


class Short:
    """A meter as a running stream uses it. `mark` is where the output is stopped at, `stops` how often it was."""

    def __init__(self, meter: StreamMeter, mark: int = 2**62) -> None:
        self.meter, self.mark = meter, mark
        self.usual: Callable[[bytes], bool] | None = None
        self.sent: list[bytes] = []
        self.taken = self.stops = 0

    def stop(self) -> None:
        self.stops += 1

    def take(self, chunk: bytes) -> bool:
        return self.usual is not None and self.usual(chunk)

    def feed(self, data: bytes) -> bytes:
        if self.take(framed(data)):
            self.taken += 1
            line, _, rest = self.sent.pop().partition(b"\r\n")
            assert int(line, 16) == len(rest) - 2 and rest.endswith(b"\r\n") and not self.sent
            return rest[:-2]
        out = self.meter.feed(data)
        self.usual = self.meter.shortcut(LEAD, Way(self.sent.append, self, self.stop))
        return out


@pytest.mark.parametrize("golden", SOUND, ids=IDS)
@pytest.mark.parametrize("show", SHOWS)
@pytest.mark.parametrize("keep_text", [False, True])
def test_same_as_read(golden: Golden, show: Show, keep_text: bool) -> None:
    """Event by event the same bytes; whoever asks after any event, as a hang-up does, gets the same figures."""
    for asks in (True, False):
        short, plain = Short(meter_of(golden, show, keep_text)), meter_of(golden, show, keep_text)
        for block in golden.blocks:
            assert short.feed(block) == plain.feed(block)
            assert (short.meter.output_seen, short.meter.visible_bytes) == (plain.output_seen, plain.visible_bytes)
            assert not asks or state(short.meter) == state(plain)
        assert state(short.meter) == state(plain)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(STREAMS), st.sampled_from(SHOWS), st.data())
def test_any_split(golden: Golden, show: Show, data: st.DataObject) -> None:
    """Cut between events or within them: the short way never takes what belongs to an event that has begun."""
    whole = meter_of(golden, show)
    expected = whole.feed(golden.data)
    ends = [sum(map(len, golden.blocks[:count])) for count in range(len(golden.blocks))]
    cuts = data.draw(st.sets(st.sampled_from(ends) | st.integers(0, len(golden.data)), max_size=40))
    short = Short(meter_of(golden, show))
    got = b"".join(short.feed(golden.data[a:b]) for a, b in pairwise([0, *sorted(cuts), len(golden.data)]))
    assert got == expected and state(short.meter) == state(whole)


@pytest.mark.parametrize(
    "name", ["llamacpp/chat_usage_timings", "llamacpp/chat_plain", "llamacpp/messages_timings",
             "llamacpp/completions_timings"])
def test_is_taken(name: str) -> None:
    short = Short(meter_of(stream(name)))
    for block in stream(name).blocks:
        short.feed(block)
    assert short.taken > 2


def chunk(text: str, figures: str, head: str = "") -> bytes:
    return b'data: {%b"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}],%b}\n\n' % (
        head.encode(), text.encode(), figures.encode())


def timings(count: int) -> str:
    return f'"timings":{{"cache_n":2,"prompt_n":5,"predicted_n":{count},"predicted_ms":1.5}}'


def running(total: int, output: int) -> str:
    return f'"usage":{{"prompt_tokens":7,"total_tokens":{total},"completion_tokens":{output}}}'


def begun(engine: str = "llamacpp", figures: str = "") -> Short:
    """A stream whose usual event is known."""
    short = Short(StreamMeter("chat", engine, "exact", SHOWS[0]))  # type: ignore[arg-type]
    for text in ("one", "two"):
        short.feed(chunk(text, figures or timings(2)))
    assert short.usual is not None and not short.taken
    return short


def test_running_usage() -> None:
    """vLLM says the total before the output."""
    short = begun("vllm", running(9, 2))
    assert short.feed(chunk("three", running(12, 5))) == chunk("three", "").replace(b"],}", b"]}")
    assert short.taken == 1 and short.meter.output_seen == 5
    assert short.meter.usage_now(0) == (Usage(7, output=5), "progress")


USUAL = chunk("three", timings(3))
OTHERS = {
    "another id": chunk("three", timings(3), '"id":"x",'),
    "a quote": chunk('th","x":"ree', timings(3)),
    "an escape": chunk("th\\nree", timings(3)),
    "a line end": chunk("th\nree", timings(3)),
    "no text": chunk("", timings(3)),
    "one quote for two": USUAL.replace(b'"three"', b'"'),
    "the end": USUAL.replace(b"null", b'"stop"'),
    "no figure": chunk("three", '"timings":{"cache_n":2,"prompt_n":5,"predicted_ms":1.5}'),
    "a figure that is none": chunk("three", timings(3).replace("3", "true")),
    "nested figures": chunk("three", timings(3)[:-1] + ',"more":{"x":1}}'),
    "a member behind": chunk("three", timings(3) + ',"x":{"y":1}'),
    "two events": USUAL + USUAL,
    "an event behind": USUAL + b'data: {"choices":[],"usage":{"details":{}}}\n\n',
    "the last event behind": USUAL + b"data: [DONE]\n\n",
    "half an event": USUAL[:-1],
    "a comment before": b": hm\n\n" + USUAL,
    "carriage returns": USUAL.replace(b"\n", b"\r\n"),
}


CHUNKS = {name: framed(other) for name, other in OTHERS.items()} | {
    "a larger size": framed(USUAL).replace(b"0\r\n", b"f\r\n", 1).replace(b"000", b"001", 1),
    "no size": b"chunky" + framed(USUAL)[6:],
    "no end": framed(USUAL)[:-2],
    "two chunks": framed(USUAL) + framed(USUAL),
    "the last chunk behind": framed(USUAL) + b"0\r\n\r\n",
    "a chunk cut in two": framed(USUAL)[:60] + b"\r\n000001\r\n" + framed(USUAL)[60:],
}


@pytest.mark.parametrize("other", CHUNKS)
def test_takes_no_other(other: str) -> None:
    short = begun()
    before = (short.meter.output_seen, short.meter.visible_bytes, short.meter.usage_now(0))
    assert not short.take(CHUNKS[other]) and not short.sent
    assert (short.meter.output_seen, short.meter.visible_bytes, short.meter.usage_now(0)) == before
    assert short.take(framed(USUAL))


@pytest.mark.parametrize("other", ["a larger size", "no size", "no end", "two chunks", "the last chunk behind"])
def test_takes_no_other_plain(other: str) -> None:
    """Nor does the way of events without a figure."""
    figures = '"x":1'
    short, plain = begun("llamacpp", figures), chunk("three", figures)
    before = short.meter.visible_bytes
    assert not short.take(CHUNKS[other].replace(timings(3).encode(), figures.encode())) and not short.sent
    sizes = [b"%06x" % (len(plain) + 1), b"chunky", b"%06x" % (len(plain) - 1)]
    assert not any(short.take(size + framed(plain)[6:]) for size in sizes) and not short.sent
    assert short.meter.visible_bytes == before
    assert short.take(framed(plain))


@pytest.mark.parametrize(("first", "then"), [(timings(2), timings(3)), ('"x":1', '"x":1')])
def test_marks(first: str, then: str) -> None:
    """Whoever set a mark is called by each event that is at it, after its bytes have gone."""
    short = begun("llamacpp", first)
    short.mark = short.meter.output_seen + 1
    assert short.feed(chunk("three", then)) and short.taken == 1 and short.stops == 1
    short.mark = 99
    assert short.feed(chunk("three", then)) and short.taken == 2 and short.stops == 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutations(data: st.DataObject) -> None:
    """Whatever becomes of an event while it stays one of JSON: read or not, the same comes out."""
    event = bytearray(USUAL)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(6, len(event) - 3))
        event[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from([b"", b"1", b'"', b"}", b",", b"a"]))
    try:
        json.loads(event[6:])
    except ValueError:
        return
    short, plain = begun(), begun()
    assert short.feed(bytes(event)) == plain.meter.feed(bytes(event))
    assert state(short.meter) == state(plain.meter)


def test_shapes() -> None:
    """No shape where the place of the text, or what follows it, is not certain."""
    seen = ProgressSeen(Timings(2, 5, 3), 0)
    cut = b'],"x":1}\n\n'
    block = chunk("three", '"x":1,' + timings(3))
    out = block[: block.index(b',"timings"')] + b"}\n\n"
    assert learn_shape(block, out, "three", seen) is not None and out.endswith(cut)
    assert learn_shape(block, out, "thre", seen) is None
    assert learn_shape(block.replace(b"three", b"index"), out, "index", seen) is None
    assert learn_shape(chunk("three", '"x":"three",' + timings(3)), out, "three", seen) is None
    assert learn_shape(chunk("three", '"x":"\\n",' + timings(3)), out, "three", seen) is None
    assert learn_shape(block, block, "three", seen) is None, "figures that are shown have to be read"
    used = UsageSeen(b"", 5, 0, False)
    assert learn_shape(block, out, "three", used) is None
    plain = chunk("three", '"x":1')
    assert learn_shape(plain, plain[:20], "three", None) is None


def test_patience() -> None:
    """A stream whose events are all different is not learned for ever; one that changes now and then is."""
    short = Short(StreamMeter("chat", "llamacpp", "exact", SHOWS[0]))
    for number in range(2 * PATIENCE):
        short.feed(chunk("text", timings(number), f'"id":"{number}",'))
    assert short.usual is None and not short.taken
    short = Short(StreamMeter("chat", "llamacpp", "exact", SHOWS[0]))
    for number in range(9 * PATIENCE):
        short.feed(chunk("text", timings(number), f'"created":{number // 3},'))
    assert short.taken == 6 * PATIENCE - 1


def test_after_end() -> None:
    """What is usual is forgotten with the end."""
    short = begun()
    assert short.meter.feed(b"data: [DONE]\n\n") and short.meter.stopped
    assert short.meter.shortcut(LEAD, Way(short.sent.append, short, short.stop)) is None
