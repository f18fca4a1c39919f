"""Dialect by dialect by feature: the transcripts are as they were, and what was said is what is heard."""

from __future__ import annotations

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire import sdk
from tests.wire.gist import events_of, gist
from tests.wire.matrix import FOLDER, SHOWN, WORDS, Case, answer, cases, heard, sent, told, transcript

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.events import (
    ENDED,
    Begin,
    BlockBegin,
    BlockEnd,
    ChoiceBegin,
    Delta,
    Event,
    Kind,
    UsageSeen,
    finish_of,
)
from tokenworks.wire.inorder import OneByOne
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.prompt.translate import REACHES
from tokenworks.wire.refusals import Malformed
from tokenworks.wire.retell import Reteller
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.sse import Splitter, read_event

CASES = list(cases())
IDS = [f"{case.client}-{case.target}-{case.feature.name}" for case in CASES]
# What a target refuses: all else reaches it.
REFUSED = {
    ("chat", "messages", "log-probabilities"), ("responses", "messages", "log-probabilities"),
    ("chat", "messages", "several answers"), ("chat", "responses", "several answers"),
    ("chat", "responses", "stop sequence"), ("messages", "responses", "stop sequence"),
    ("messages", "chat", "a document"), ("responses", "chat", "a document"),
    ("messages", "chat", "an image at an address"), ("responses", "chat", "an image at an address"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_transcripts(case: Case) -> None:
    """`python -m tests.wire.matrix` writes them anew; the difference is what some client or upstream would see."""
    assert transcript(case) == case.path.read_text()


def test_no_transcript_too_many() -> None:
    assert {path for path in FOLDER.glob("*/*") if path.is_file()} == {case.path for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_is_refused(case: Case) -> None:
    made = sent(case)
    assert isinstance(made, Malformed) == ((case.client, case.target, case.feature.name) in REFUSED)
    if isinstance(made, Malformed):
        assert made.param and made.message.startswith(made.param) and made.message.endswith("."), "field and remedy"


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_heard_is_said(case: Case) -> None:
    """The client hears what the model meant, whatever was done to the request on its way."""
    made = sent(case)
    if isinstance(made, Malformed):
        return
    stream = heard(case.spoken, answer(case, made.asked))
    sdk.check(case.spoken, stream)
    out = told(case, made.asked, stream)
    assert sdk.check(case.client, out) and sdk.consume(case.client, out)
    ((_, blocks, reason),) = gist(events_of(case.client, out))  # type: ignore[misc]
    meant = [("text" if kind == "refusal" else kind, name, json.dumps(json.loads(text)) if kind == "tool" and
              case.feature.finish != "length" else text) for kind, name, text in case.feature.says]
    assert blocks == [block for block in meant if case.client != "completions" or block[0] == "text"]
    assert reason == case.feature.finish
    for secret in (b"up-model", b"up_1", b'"answer"', b"places__"):
        assert secret not in out


STREAMABLE: tuple[Kind, ...] = ("text", "reasoning", "tool")
PAIRS = [(client, spoken) for client, reached in REACHES.items() for spoken in reached]


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """Any blocks in one choice, in pieces; calls may overlap, as some engines write them."""
    events: list[Event] = []
    ends: list[Event] = []
    said = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
    for index in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(STREAMABLE))
        called = kind == "tool"
        pieces = draw(st.lists(said, min_size=1, max_size=4))
        events.append(BlockBegin(0, index, kind, "", f"call_{index}" if called else "", "f" if called else ""))
        if called:
            whole = json.dumps({"x": "".join(pieces)})
            pieces = [whole[:9], whole[9:]]
        events += [Delta(0, index, piece) for piece in pieces if piece]
        (ends if called and draw(st.booleans()) else events).append(BlockEnd(0, index))
    return [*events, *ends]


def pieces_told(pair: tuple[Dialect, Dialect], pieces: list[bytes]) -> bytes:
    """What a client hears of an upstream's bytes as they come."""
    client, spoken = pair
    reader, splitter = SPOKEN[spoken].reader(), Splitter()
    reteller = Reteller(spoken, client, Asked("m"), "req_1")
    said = []
    for piece in pieces:
        for block in splitter.feed(piece):
            name, data = read_event(block)
            said.append(reteller.tell(reader.read(data, name) or [], lambda: SHOWN[client]))
    return b"".join(said)


@settings(max_examples=200, deadline=None)
@given(answers(), st.sampled_from(PAIRS), st.sampled_from(["stop", "length", "filter"]), st.data())
def test_any_stream(events: list[Event], pair: tuple[Dialect, Dialect], why: str, data: st.DataObject) -> None:
    """Random answers in random pieces of their bytes: what was meant is heard, and however it came, the same."""
    client, spoken = pair
    ordered = one_by_one(events) if spoken == "messages" else events
    whole = [Begin("up_1", "up", 5), ChoiceBegin(0), *ordered, finish_of(0, WORDS[spoken][why]),
             UsageSeen(msgspec.json.encode(SHOWN[spoken]), 8), ENDED]
    stream = heard(spoken, whole)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=30)))
    out = pieces_told(pair, [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])])
    assert out == pieces_told(pair, [stream])
    sdk.check(client, out)
    ((_, meant, _),) = gist(events_of(spoken, stream), merge=True)  # type: ignore[misc]
    ((_, said, reason),) = gist(events_of(client, out), merge=True)  # type: ignore[misc]
    if client == "completions":
        meant = [block for block in meant if block[0] == "text"]
    assert said == meant
    called = any(kind == "tool" for kind, _, _ in said)
    assert reason == ("tool" if called and why == "stop" else why)


def one_by_one(events: list[Event]) -> list[Event]:
    """As an upstream says them that has one block open at a time."""
    order = OneByOne()
    return [said for event in events for said in order.take(event)]
