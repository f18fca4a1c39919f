"""Every golden stream told in other dialects: counted to the token as if it were relayed, in any split, any way in."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.goldens import BODIES, STREAMS, Golden, body, stream
from tests.wire import sdk
from tests.wire.retelling import ASKED, CLIENTS, IDS, PAIRS

from tokenworks.usage.meter import Show, StreamMeter, read_whole
from tokenworks.usage.retold import RetoldMeter, retell_whole
from tokenworks.usage.shown import show_usage
from tokenworks.usage.usual import Way
from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.ends import End
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.prompt.translate import REACHES
from tokenworks.wire.refusals import Refusal
from tokenworks.wire.retell import Reteller
from tokenworks.wire.sse import write_event

Lane = Callable[[bytes], bool]
SINGLE: tuple[Dialect, ...] = ("responses", "messages")
ALL = [(golden, client) for golden in STREAMS for client in CLIENTS if golden.dialect in REACHES[client]]


def meter_of(golden: Golden, client: Dialect, usage: bool = True, keep_text: bool = True) -> RetoldMeter:
    reteller = Reteller(golden.dialect, client, ASKED, "req_1", 7)
    return RetoldMeter(reteller, golden.engine, "exact", Show(usage), keep_text=keep_text)


def relay_of(golden: Golden, keep_text: bool = True) -> StreamMeter:
    return StreamMeter(golden.dialect, golden.engine, "exact", Show(True), keep_text=keep_text)


def state(meter: StreamMeter) -> tuple[object, ...]:
    return (meter.output_seen, meter.visible_bytes, meter.report, meter.progress_usage, meter.ended, meter.finished,
            meter.error, meter.broken, meter.object_ids, meter.finish_reason, meter.capped, meter.first_output,
            meter.text_seen, meter.stopped, meter.usage_now(3))


@pytest.mark.parametrize(("golden", "client"), PAIRS, ids=IDS)
def test_counts_as_relayed(golden: Golden, client: Dialect) -> None:
    """Event by event, and what the client is shown at the end is what is billed."""
    meter, relay = meter_of(golden, client), relay_of(golden)
    out = b""
    for block in golden.blocks:
        out += meter.feed(block)
        relay.feed(block)
        assert state(meter) == state(relay)
    assert meter.ended
    shown = json.loads(json.dumps(show_usage(client, relay.usage_now(0)[0])))
    said = [json.loads(text) for _, text in sdk.events(out) if text != b"[DONE]"]
    if client == "responses":
        assert said[-1]["response"]["usage"] == shown
    else:
        assert [event["usage"] for event in said if event.get("usage")][-1] == shown


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(ALL), st.booleans(), st.data())
def test_any_split(pair: tuple[Golden, Dialect], usage: bool, data: st.DataObject) -> None:
    golden, client = pair
    whole, relay = meter_of(golden, client, usage), relay_of(golden)
    expected = whole.feed(golden.data) + whole.flush()
    relay.feed(golden.data)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(golden.data)), max_size=40)))
    meter = meter_of(golden, client, usage)
    got = b"".join(meter.feed(golden.data[a:b]) for a, b in pairwise([0, *cuts, len(golden.data)]))
    assert got + meter.flush() == expected
    assert state(meter) == state(whole) == state(relay)


def parts_of(dialect: Dialect) -> list[bytes]:
    return [block for golden in STREAMS if golden.dialect == dialect for block in golden.blocks]


SOURCES: tuple[Dialect, ...] = ("chat", "responses", "messages")
BLOCKS = {dialect: parts_of(dialect) for dialect in SOURCES}
ODD = Asked("m", schema_tool="get_weather", customs=frozenset({"f"}), names={"f": "own"}, groups={"f": "space"})


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([(source, client) for client in SINGLE for source in REACHES[client]]),
       st.sampled_from([ASKED, ODD]), st.data())
def test_any_disorder(pair: tuple[Dialect, Dialect], asked: Asked, data: st.DataObject) -> None:
    """Whatever an upstream sends in whatever order: what the client hears is in order, and ends."""
    source, client = pair
    meter = RetoldMeter(Reteller(source, client, asked, "req_1"), "openai", "exact", Show(True))
    out = b"".join(map(meter.feed, data.draw(st.lists(st.sampled_from(BLOCKS[source]), max_size=25))))
    if meter.error is not None:
        out += meter.fail(Refusal.UPSTREAM_FAILED, "It broke.", "req_1")
    elif not meter.ended:
        out += meter.finish(End.UPSTREAM, Usage(1, output=1))
    said = [event for event in sdk.events(out) if event[0] not in ("ping", "error")]
    sdk.check(client, b"".join(write_event(text, name) for name, text in said))
    names = [name for name, _ in sdk.events(out)]
    assert names[-1] in ("message_stop", "error", "response.completed", "response.incomplete", "response.failed")
    assert names.count("message_start") == (client == "messages" and names != ["error"])


class Goal:
    """A mark, and how often it was reached."""

    def __init__(self, mark: int = 1 << 40) -> None:
        self.mark = mark
        self.times = 0

    def reach(self) -> None:
        self.times += 1


def chunked(block: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(block), block)


def unchunked(data: bytes) -> bytes:
    size, _, rest = data.partition(b"\r\n")
    assert len(rest) == int(size, 16) + 2
    return rest[:-2]


@pytest.mark.parametrize(("golden", "client"), PAIRS, ids=IDS)
@pytest.mark.parametrize("keep_text", [True, False])
def test_lane(golden: Golden, client: Dialect, keep_text: bool) -> None:
    """What goes by the lane is what would have been read: the same bytes, the same figures."""
    meter, plain = meter_of(golden, client, keep_text=keep_text), meter_of(golden, client, keep_text=keep_text)
    sent: list[bytes] = []
    goal = Goal()
    lane: Lane | None = None
    for block in golden.blocks:
        data = chunked(block)
        expected = plain.feed(block)
        before = len(sent)
        if lane is not None and lane(data):
            got = unchunked(sent[before])
        else:
            assert len(sent) == before, "who refuses has sent nothing"
            got = meter.feed(block)
            lane = meter.shortcut(data.index(b"\n") + 1, Way(sent.append, goal, goal.reach))
        assert got == expected
    assert state(meter) == state(plain)


TEXT = (b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n',
        b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}],'
        b'"usage":{"prompt_tokens":5,"total_tokens":%d,"completion_tokens":%d}}\n\n')


def lane_of(block: Callable[[bytes, int], bytes], goal: Goal, keep_text: bool = False) -> tuple[RetoldMeter, Lane,
                                                                                               list[bytes]]:
    meter = RetoldMeter(Reteller("chat", "messages", ASKED, "req_1"), "vllm", "exact", Show(False), 512, keep_text)
    sent: list[bytes] = []
    for number in (1, 2):
        meter.feed(block(b"word%d" % number, number))
    lane = meter.shortcut(len(b"%x\r\n" % len(block(b"next", 3))), Way(sent.append, goal, goal.reach))
    assert lane is not None
    return meter, lane, sent


def bare(text: bytes, number: int) -> bytes:
    return TEXT[0] % text


def counted(text: bytes, number: int) -> bytes:
    return TEXT[1] % (text, 5 + number, number)


@pytest.mark.parametrize("block", [bare, counted])
def test_lane_refuses(block: Callable[[bytes, int], bytes]) -> None:
    """Anything but the usual is left to whoever reads."""
    meter, lane, sent = lane_of(block, Goal(), True)
    seen = state(meter)
    usual = chunked(block(b"next", 3))
    for odd in (usual[:-1], usual + b"x", usual.replace(b"next", b'ne"t'), usual.replace(b"next", b"ne\\t"),
                usual.replace(b"next", b""), usual.replace(b"next", b"ne\xfft"), usual.replace(b'"c"', b'"d"'),
                b"zz" + usual[2:], usual.replace(b"null", b"nul0"), usual.replace(b"}\n\n", b"} \n\n")):
        assert not lane(odd)
    assert not sent and state(meter) == seen
    assert lane(chunked(block("né你".encode(), 3))) or block is counted
    assert lane(usual) and json.loads(sdk.events(unchunked(sent[-1]))[0][1])["delta"]["text"] == "next"
    assert meter.text_seen.endswith("next")


def test_lane_figures() -> None:
    """A figure that is none is refused; the mark calls; what was put off is read when somebody asks."""
    goal = Goal(6)
    meter, lane, _ = lane_of(counted, goal)
    assert not lane(chunked(counted(b"next", 3)).replace(b'"completion_tokens"', b'"x"'))
    assert not lane(chunked(TEXT[1].replace(b"%d", b"x%d", 1) % (b"nxt", 8, 3)))
    assert lane(chunked(counted(b"next", 4))) and meter.output_seen == 4 and goal.times == 0
    assert lane(chunked(counted(b"next", 6))) and goal.times == 1
    assert meter.usage_now(0) == (Usage(5, output=6), "progress")
    goal = Goal(1)
    meter, lane, _ = lane_of(bare, goal)
    assert lane(chunked(bare(b"next", 3))) and goal.times == 1


def test_no_lane_for_calls() -> None:
    golden = stream("vllm/chat_tool")
    meter = meter_of(golden, "messages")
    for block in golden.blocks[:4]:
        meter.feed(block)
        assert meter.shortcut(4, Way(lambda data: None, Goal(), lambda: None)) is None


@pytest.mark.parametrize("client", CLIENTS)
def test_upstream_errors(client: Dialect) -> None:
    for name in ("openai/chat_error", "anthropic/messages_error", "openai/responses_error"):
        golden = stream(name)
        if golden.dialect not in REACHES[client]:
            continue
        meter = meter_of(golden, client)
        out = meter.feed(golden.data)
        assert meter.error is not None and b"org-secret" in meter.error and b"org-secret" not in out
        end = meter.fail(Refusal.UPSTREAM_FAILED, "It broke.", "req_1")
        assert b"It broke." in end and meter.feed(golden.data) == b"" and meter.stopped


def test_garbage() -> None:
    meter = meter_of(stream("openai/chat_text"), "messages")
    assert meter.feed(b'data: {"choi\n\n') == b"" and meter.broken == "an event is not JSON"


def test_pings() -> None:
    """A sign of life of the upstream is one of ours, in the client's dialect."""
    meter = meter_of(stream("openai/chat_text"), "messages")
    assert meter.ping() == meter.feed(b": keep-alive\n\n") and b"event: ping" in meter.ping()
    assert meter.feed(b"\n\n") == b"" and meter.feed(b"data: null\n\n") == b""
    meter = meter_of(stream("anthropic/messages_text"), "chat")
    assert meter.feed(b'event: ping\ndata: {"type": "ping"}\n\n') == meter.ping() == b": ping\n\n"


def test_silence() -> None:
    """Reasoning that is hidden from its client: he hears now and then that the answer is still coming."""
    told = Reteller("chat", "messages", Asked("m", reasoning_shown=False), "req_1")
    meter = RetoldMeter(told, "vllm", "exact", Show(False))
    thought = b'data: {"id":"c","choices":[{"index":0,"delta":{"reasoning":"hm"}}]}\n\n'
    out = b"".join(meter.feed(thought) for _ in range(100))
    assert out.count(meter.ping()) == 3 and b"hm" not in out and meter.visible_bytes == 200


def test_cut() -> None:
    """Our end shows what is billed, where usage is shown."""
    golden, billed = stream("anthropic/messages_text"), Usage(25, output=3)
    for usage in (True, False):
        meter = meter_of(golden, "chat", usage)
        out = b"".join(meter.feed(block) for block in golden.blocks[:4])
        end = meter.finish(End.CREDIT, billed)
        assert sdk.consume("chat", out + end)
        said = [json.loads(text) for _, text in sdk.events(end) if text != b"[DONE]"]
        assert [event["usage"] for event in said if "usage" in event] == ([show_usage("chat", billed)] if usage else [])
        assert said[0]["tokenworks"]["reason"] == "credit_exhausted"
    meter = meter_of(stream("openai/chat_text"), "messages")
    assert sdk.check("messages", meter.finish(End.DRAINING))[-2].usage.output_tokens == 0


def test_marks() -> None:
    golden = stream("llamacpp/chat_cut")
    meter = meter_of(golden, "messages")
    meter.mark(End.CAP)
    assert b"output_capped" in meter.feed(golden.data) and meter.capped


def test_bill() -> None:
    """Who bills by other figures shows them too."""
    golden = stream("openai/chat_text")
    meter = meter_of(golden, "messages")
    meter.bill = lambda: Usage(1, output=2)
    assert sdk.check("messages", meter.feed(golden.data))[-2].usage.output_tokens == 2


def test_known_early() -> None:
    golden = stream("vllm/chat_tool")
    assert sdk.check("messages", meter_of(golden, "messages").feed(golden.data))[0].message.usage.input_tokens == 50


WHOLE = [(golden, client) for golden in BODIES for client in CLIENTS if golden.dialect in REACHES[client]]


@pytest.mark.parametrize(("golden", "client"), WHOLE, ids=[f"{golden.name}-{client}" for golden, client in WHOLE])
def test_whole(golden: Golden, client: Dialect) -> None:
    found = retell_whole(Reteller(golden.dialect, client, ASKED, "req_1"), golden.engine, golden.data)
    assert found.report == read_whole(golden.dialect, golden.engine, golden.data)
    made = found.body(Usage(4, output=5), End.CAP)
    assert json.loads(made)["usage"] == json.loads(json.dumps(show_usage(client, Usage(4, output=5))))
    assert (b"output_capped" in made) == found.report.capped
    assert sdk.check_body(client, made) and b"output_capped" not in found.body(Usage())


def test_whole_errors() -> None:
    told = Reteller("chat", "messages", ASKED, "req_1")
    assert not retell_whole(told, "vllm", b"<html>").report.valid
    failed = retell_whole(told, "vllm", b'{"error":{"message":"x"}}').report
    assert failed.error is not None and not failed.valid
    assert read_whole("chat", "llamacpp", body("llamacpp/chat_whole_two").data).report is None
