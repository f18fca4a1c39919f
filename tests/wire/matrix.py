"""Dialect by dialect by feature: what a client asks, what goes to the upstream, what it answers, what the client hears.

`python -m tests.wire.matrix` writes the transcripts in tests/golden/matrix anew. Read the difference before it is kept:
each transcript is what some client and some upstream get to see.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from tests.wire import sdk

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.events import (
    ENDED,
    Begin,
    BlockBegin,
    BlockEnd,
    ChoiceBegin,
    Delta,
    Event,
    Extra,
    Finish,
    Kind,
    Reason,
    UsageSeen,
)
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.prompt.translate import REACHES, WRITERS, Translated, translate
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
    Document,
    Format,
    Image,
    Prompt,
    Reasoning,
    Result,
    Sampling,
    Target,
    Text,
    Thought,
    Tool,
    Turn,
)
from tokenworks.wire.refusals import Malformed
from tokenworks.wire.request import RequestFacts, read_request
from tokenworks.wire.retell import Reteller
from tokenworks.wire.spoken import SPOKEN

FOLDER = Path(__file__).parents[1] / "golden" / "matrix"
CLAUDE = Target("anthropic", images=True, output_max=8192)
OPENAI = Target("openai", images=True, output_max=8192)
NATIVE: dict[Dialect, Target] = {"chat": OPENAI, "responses": OPENAI, "messages": CLAUDE}
# Who is asked in a dialect: one's own engine in chat, and one whose grammar does not force calls; makers otherwise.
TARGETS: dict[str, tuple[Dialect, Target]] = {
    "chat": ("chat", Target("vllm", own=True, images=True, output_max=8192)),
    "llamacpp": ("chat", Target("llamacpp", own=True, images=True, output_max=8192)),
    "responses": ("responses", OPENAI),
    "messages": ("messages", CLAUDE),
}
SHOWN: dict[Dialect, dict[str, object]] = {
    "chat": {"prompt_tokens": 21, "completion_tokens": 8, "total_tokens": 29},
    "completions": {"prompt_tokens": 21, "completion_tokens": 8, "total_tokens": 29},
    "responses": {
        "input_tokens": 21, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 8, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 29},
    "messages": {"input_tokens": 21, "output_tokens": 8},
}
WORDS: dict[Dialect, dict[str, str]] = {
    "chat": {"stop": "stop", "length": "length", "tool": "tool_calls", "filter": "content_filter"},
    "responses": {"stop": "completed", "length": "max_output_tokens", "tool": "tool_calls", "filter": "content_filter"},
    "messages": {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use", "filter": "refusal"},
}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
PDF = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
OBJECT = b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}'
WEATHER = Tool("get_weather", "The weather in a city.", OBJECT)
CLOCK = Tool("now", "The time.", b'{"type":"object","properties":{}}')
PATCH = Tool("apply_patch", "Change files.", custom=True)
PARIS = '{"city": "Paris"}'
ALL: tuple[Dialect, ...] = ("chat", "responses", "messages")
Said = tuple[Kind, str, str]


class Feature(NamedTuple):
    """What is asked, by whom, and what the model says to it: blocks of kind, name and text, and why it ends."""

    name: str
    prompt: Prompt
    says: tuple[Said, ...] = (("text", "", "Hello! 你好"),)
    finish: Reason = "stop"
    clients: tuple[Dialect, ...] = ALL
    logprobs: bool = False


def ask(*parts: Any, **fields: Any) -> Prompt:
    """A prompt of one turn of the user's, or of the turns that are given."""
    turns = parts if parts and isinstance(parts[0], Turn) else (Turn("user", parts or (Text("Hi."),)),)
    return Prompt("the-model", tuple(turns), stream=True, output_cap=fields.pop("output_cap", 100), **fields)


LOOP = (
    Turn("system", (Text("Be brief."),)),
    Turn("user", (Text("Weather and time?"),)),
    Turn("assistant", (Text("Let me see."), Call("call_1", "get_weather", PARIS), Call("call_2", "now", "{}"))),
    Turn("user", (Result("call_1", (Text("Sunny."),)), Result("call_2", (Text("Noon."),)), Text("And now?"))),
)
THOUGHT = (
    Turn("user", (Text("Weather?"),)),
    Turn("assistant", (Thought("Sealed thought.", "anthropic", "EqQBCg=="), Thought("Open thought.", "anthropic"),
                       Call("call_1", "get_weather", PARIS))),
    Turn("user", (Result("call_1", (Text("Sunny."),)),)),
)
PICTURED = (
    Turn("user", (Text("Look."),)),
    Turn("assistant", (Call("call_1", "get_weather", PARIS),)),
    Turn("user", (Result("call_1", (Text("Seen:"), Image("image/png", PNG)), failed=True),)),
)
JSON_TEXT: Said = ("text", "", '{"city":"Paris"}')
FEATURES = (
    Feature("text", ask(Turn("system", (Text("Be brief."),)), Turn("user", (Text("Hi."),))),
            clients=(*ALL, "completions")),
    Feature("length", ask(output_cap=3), (("text", "", "Cut"),), "length", (*ALL, "completions")),
    Feature("stop sequence", ask(sampling=Sampling(stop=("END",))), clients=("chat", "messages")),
    Feature("sampling", ask(sampling=Sampling(temperature=b"0.5", top_p=b"0.9")), clients=(*ALL, "completions")),
    Feature("seed", ask(sampling=Sampling(seed=7)), clients=("chat",)),
    Feature("several answers", ask(choices=2), clients=("chat",)),
    Feature("log-probabilities", ask(sampling=Sampling(logprobs=1)), (("text", "", "Hi"),),
            clients=("chat", "responses"), logprobs=True),
    Feature("tools", ask(Text("Weather and time?"), tools=(WEATHER, CLOCK)), (
        ("text", "", "Let me see."), ("tool", "get_weather", PARIS), ("tool", "now", "{}")), "tool"),
    Feature("half a call", ask(Text("Weather?"), tools=(WEATHER,)), (
        ("tool", "get_weather", '{"city": "Pa'),), "length"),
    Feature("a forced tool", ask(Text("Weather?"), tools=(WEATHER, CLOCK), choice=Choice("these", ("get_weather",))), (
        ("tool", "get_weather", PARIS),), "tool"),
    Feature("tool results", ask(*LOOP, tools=(WEATHER, CLOCK))),
    Feature("a failed result with an image", ask(*PICTURED, tools=(WEATHER,)), clients=("messages",)),
    Feature("a tool of free text", ask(Text("Patch it."), tools=(PATCH,)), (
        ("custom", "apply_patch", '*** Begin "Patch"\n*** End'),), "tool", ("responses",)),
    Feature("a tool in a namespace", ask(Text("Weather?"), tools=(msgspec.structs.replace(WEATHER, group="places"),)), (
        ("tool", "get_weather", PARIS),), "tool", ("responses",)),
    Feature("JSON by a schema", ask(Text("Where?"), format=Format("schema", "place", OBJECT, strict=True)), (
        JSON_TEXT,)),
    Feature("JSON of any form", ask(Text("Where?"), format=Format("json")), (
        JSON_TEXT,), clients=("chat", "responses")),
    Feature("reasoning", ask(reasoning=Reasoning("high", on=None, shown=True, detail="auto")), (
        ("reasoning", "", "Hm."), ("text", "", "Hello!")), clients=("chat", "responses")),
    Feature("thinking", ask(reasoning=Reasoning(budget_tokens=2048, on=True, shown=True), output_cap=4096), (
        ("reasoning", "", "Hm."), ("text", "", "Hello!")), clients=("messages",)),
    Feature("earlier thinking", ask(*THOUGHT, tools=(WEATHER,)), clients=("messages",)),
    Feature("a refusal", ask(), (("refusal", "", "I can't."),), "filter"),
    Feature("an image", ask(Text("Look:"), Image("image/png", PNG))),
    Feature("an image at an address", ask(Text("Look:"), Image(url="https://example.com/a.png"))),
    Feature("a document", ask(Text("Read:"), Document("application/pdf", PDF, name="a.pdf"))),
)  # fmt: skip


class Case(NamedTuple):
    """A cell of the matrix."""

    client: Dialect
    target: str
    feature: Feature

    @property
    def path(self) -> Path:
        """Where its transcript lies."""
        return FOLDER / f"{self.client}-{self.target}" / f"{self.feature.name.replace(' ', '_')}.txt"

    @property
    def spoken(self) -> Dialect:
        """The upstream's dialect."""
        return TARGETS[self.target][0]


def cases() -> Iterator[Case]:
    """All cells; of the engine whose grammar does not force calls only what is special to it."""
    for feature in FEATURES:
        for client in feature.clients:
            for target, (spoken, _) in TARGETS.items():
                special = target != "llamacpp" or feature.name == "a forced tool"
                if spoken in REACHES[client] and special:
                    yield Case(client, target, feature)


def request(case: Case) -> bytes:
    """The client's own body."""
    prompt = case.feature.prompt
    if case.client != "completions":
        return msgspec.json.encode(WRITERS[case.client](prompt, NATIVE[case.client]))
    said: dict[str, object] = {"model": prompt.model, "prompt": "Hi.", "stream": True, "max_tokens": prompt.output_cap}
    drawn = {"temperature": prompt.sampling.temperature, "top_p": prompt.sampling.top_p}
    return msgspec.json.encode(said | {key: msgspec.Raw(raw) for key, raw in drawn.items() if raw})


def sent(case: Case) -> Translated | Malformed:
    """What goes upstream."""
    facts = read_request(case.client, request(case))
    assert isinstance(facts, RequestFacts), facts
    return translate(facts, case.spoken, TARGETS[case.target][1])


def answer(case: Case, asked: Asked) -> list[Event]:
    """What the upstream says, as it was asked to."""
    feature, spoken = case.feature, case.spoken
    events: list[Event] = [Begin("up_1", "up-model", 1_700_000_000), ChoiceBegin(0)]
    called = False
    for index, (kind, name, text) in enumerate(feature.says):
        kind, name, text = _as_asked(asked, kind, name, text)
        called |= kind in ("tool", "custom")
        call = f"{'toolu' if spoken == 'messages' else 'call'}_up{index}" if kind in ("tool", "custom") else ""
        events.append(BlockBegin(0, index, kind, "", call, name))
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            events += [Delta(0, index, piece)] if piece else []
            events += [Extra(0, index, "logprobs", _logprobs(spoken, piece))] if feature.logprobs else []
        events.append(BlockEnd(0, index))
    reason: Reason = "tool" if called and feature.finish == "stop" else feature.finish
    reason = "stop" if reason == "tool" and not called else reason
    stopped = feature.name == "stop sequence"
    native = "stop_sequence" if stopped and spoken == "messages" else WORDS[spoken][reason]
    events.append(Finish(0, reason, native, b'"END"' if stopped else b""))
    return [*events, UsageSeen(msgspec.json.encode(SHOWN[spoken]), 8), ENDED]


def _as_asked(asked: Asked, kind: Kind, name: str, text: str) -> Said:
    """A block as the upstream says it: tools under the names that it knows, one form for another where asked so."""
    if kind == "text" and asked.schema_tool:
        return "tool", asked.schema_tool, text
    if kind == "tool" and asked.forced:
        return "text", "", text
    name = next((known for known, own in asked.names.items() if own == name), name)
    if kind == "custom" and name in asked.customs:
        return "tool", name, json.dumps({"input": text})
    return kind, name, text


def _logprobs(spoken: Dialect, token: str) -> bytes:
    entry = {"token": token, "logprob": -0.25, "bytes": list(token.encode())}
    entries = [{**entry, "top_logprobs": [entry]}]
    return msgspec.json.encode(entries if spoken == "responses" else {"content": entries, "refusal": None})


def heard(spoken: Dialect, events: list[Event]) -> bytes:
    """The upstream's stream of these events."""
    writer = SPOKEN[spoken].writer("up-model")
    parts = []
    for at, event in enumerate(events):
        following = events[at + 1] if at + 1 < len(events) else None
        if isinstance(event, Delta) and isinstance(following, Extra):
            writer.beside = following.raw
        if not isinstance(event, Extra):
            parts.append(writer.write(event))
    return b"".join(parts)


def told(case: Case, asked: Asked, stream: bytes) -> bytes:
    """The client's stream of the upstream's."""
    from_upstream = SPOKEN[case.spoken].reader()
    reteller = Reteller(case.spoken, case.client, asked, "req_1", 1_700_000_000)
    shown = SHOWN[case.client] if case.client not in ("chat", "completions") or asked.include_usage else None
    return b"".join(
        reteller.tell(from_upstream.read(data, name) or [], lambda: shown) for name, data in sdk.events(stream))


def transcript(case: Case) -> str:
    """One cell, to be read."""
    parts = [("asks", case.client, _pretty(request(case)))]
    made = sent(case)
    if isinstance(made, Malformed):
        parts.append(("refused", case.client, f"{made.param}: {made.message}"))
        return _joined(parts)
    parts.append(("is asked", case.target, _pretty(made.body)))
    parts += [("is noted", "", "\n".join(made.notes))] if made.notes else []
    stream = heard(case.spoken, answer(case, made.asked))
    parts.append(("answers", case.target, stream.decode().rstrip()))
    parts.append(("hears", case.client, told(case, made.asked, stream).decode().rstrip()))
    return _joined(parts)


def _pretty(body: bytes) -> str:
    return json.dumps(json.loads(body), ensure_ascii=False, indent=1)


def _joined(parts: list[tuple[str, str, str]]) -> str:
    return "\n\n".join(f"=== {who} {what} ===\n{text}".replace("===  ", "=== ") for what, who, text in parts) + "\n"


def write() -> None:
    """All transcripts, and none that no cell has."""
    kept = set()
    for case in cases():
        case.path.parent.mkdir(parents=True, exist_ok=True)
        case.path.write_text(transcript(case))
        kept.add(case.path)
    for path in FOLDER.glob("*/*.txt"):
        if path not in kept:
            path.unlink()


if __name__ == "__main__":
    write()
