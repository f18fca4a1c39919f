"""Random conversations in the one vocabulary: sound ones, of what every one of some dialects can say.

`prompts("messages", "responses")` says only what both can. Paths, raw blocks and the division into turns are the
dialect's own: `same(prompt)` leaves them out, so that what two dialects say alike compares equal.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from hypothesis import strategies as st

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
    Declined,
    Document,
    Effort,
    Format,
    Image,
    Prompt,
    Reasoning,
    Result,
    Sampling,
    Text,
    Thought,
    Tool,
    Turn,
)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
IMAGES = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(14),
    "image/gif": b"GIF89a" + bytes(12),
    "image/webp": b"RIFF\x08\x00\x00\x00WEBPVP8 ",
}
PDF = b"%PDF-1.4\n%%EOF\n"
OPENAI: frozenset[Dialect] = frozenset({"chat", "completions", "responses"})

words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=24).filter(
    lambda text: text.strip() == text and bool(text)
)
names = st.from_regex(r"[a-z][a-z0-9_]{0,11}", fullmatch=True)
numbers = st.sampled_from([b"0", b"0.5", b"1", b"0.25"])
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def encoded(data: bytes) -> str:
    """Bytes in base64."""
    return base64.b64encode(data).decode()


def schemas() -> st.SearchStrategy[bytes]:
    """Sound JSON schemas of an object."""
    leaf = st.sampled_from([
        {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "array", "items": {"type": "number"}},
        {"enum": ["a", "b"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"$ref": "#/$defs/kind"}, True,
    ])  # fmt: skip

    def whole(properties: dict[str, Any]) -> bytes:
        schema = {"type": "object", "properties": properties, "required": sorted(properties)}
        return msgspec.json.encode({**schema, "$defs": {"kind": {"type": "boolean"}}})

    return st.dictionaries(names, leaf, max_size=3).map(whole)


def marks(dialects: frozenset[Dialect]) -> st.SearchStrategy[bytes]:
    """Marks of what is to be cached: each maker's word is another."""
    if dialects == {"messages"}:
        return st.sampled_from([b"", b"", b'{"type":"ephemeral"}', b'{"type":"ephemeral","ttl":"1h"}'])
    return st.sampled_from([b"", b"", b'{"mode":"explicit"}']) if dialects == {"responses"} else st.just(b"")


def texts(dialects: frozenset[Dialect]) -> st.SearchStrategy[Text]:
    """A text, perhaps marked."""
    return st.builds(Text, words, marks(dialects))


def images(dialects: frozenset[Dialect]) -> st.SearchStrategy[Image]:
    """An image, in itself or at an address."""
    detail = st.sampled_from(["", "low", "high"]) if dialects <= OPENAI else st.just("")
    kept = st.sampled_from(sorted(IMAGES)).map(lambda kind: (kind, encoded(IMAGES[kind]), ""))
    where = kept | st.just(("", "", "https://example.com/a.png"))
    return st.builds(lambda at, how, mark: Image(*at, detail=how, cache=mark), where, detail, marks(dialects))


def documents(dialects: frozenset[Dialect]) -> st.SearchStrategy[Document]:
    """A PDF, a text, or one at an address."""
    kinds = [st.builds(lambda name, mark: Document("application/pdf", encoded(PDF), name=name, cache=mark),
                       words, marks(dialects))]  # fmt: skip
    if "chat" not in dialects:
        kinds.append(st.builds(lambda mark: Document(url="https://example.com/a.pdf", cache=mark), marks(dialects)))
    if dialects == {"messages"}:
        kinds.append(st.builds(lambda text, mark: Document("text/plain", text=text, cache=mark), words,
                               marks(dialects)))  # fmt: skip
    return st.one_of(kinds)


def thoughts(dialects: frozenset[Dialect]) -> st.SearchStrategy[Thought]:
    """Sealed reasoning, of one family at a time."""
    if dialects == {"messages"}:
        shown = st.builds(lambda text, seal: Thought(text, "anthropic", seal), words, names)
        return shown | names.map(lambda seal: Thought("", "anthropic", seal, "redacted"))

    def item(text: str, seal: str) -> Thought:
        said = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]}
        return Thought(text, "openai", seal, "summary", msgspec.json.encode({**said, "encrypted_content": seal}))

    return st.builds(item, words, names)


@st.composite
def tools_of(draw: st.DrawFn, dialects: frozenset[Dialect]) -> tuple[Tool, ...]:
    """Tools with names of their own; those of responses may be custom, or in a namespace that stands in a row."""
    alone = dialects == {"responses"}
    made = []
    for name in draw(st.lists(names, max_size=4, unique=True)):
        custom = alone and draw(st.booleans())
        made.append(Tool(
            name,
            draw(words | st.just("")),
            b"" if custom else draw(schemas()),
            None if custom else draw(st.sampled_from([True, False] if alone else [True, None])),
            custom,
            draw(st.sampled_from([b"", b'{"type":"text"}'])) if custom else b"",
            cache=draw(marks(dialects)) if dialects == {"messages"} else b"",
        ))  # fmt: skip
    if alone and made and draw(st.booleans()):
        made = [msgspec.structs.replace(tool, group="space", group_about="what it is") for tool in made]
    return tuple(made)


@st.composite
def conversations(
    draw: st.DrawFn, dialects: frozenset[Dialect], tools: tuple[Tool, ...], media: bool
) -> tuple[Turn, ...]:
    """Turns that alternate from the user on, every call with its result right behind it."""
    turns: list[Turn] = []
    if draw(st.booleans()):
        several = 3 if dialects == {"messages"} else 1
        said = texts(dialects) if dialects == {"messages"} else st.builds(Text, words)
        turns.append(Turn("system", tuple(draw(st.lists(said, min_size=1, max_size=several)))))
    content = st.one_of(texts(dialects), texts(dialects), images(dialects), documents(dialects))
    content = content if media else texts(dialects)
    number = 0
    waiting: list[Call] = []
    for _ in range(draw(st.integers(1, 4))):
        results = [draw(results_of(dialects, call, media)) for call in waiting]
        spoken = draw(st.lists(content, min_size=0 if results else 1, max_size=3))
        turns.append(Turn("user", (*results, *spoken)))
        if dialects <= {"chat", "responses"} and draw(st.integers(0, 5)) == 0:
            turns.append(Turn("system", (Text(draw(words)),), developer=draw(st.booleans())))
        parts: list[Any] = []
        if len(dialects) == 1 and dialects != {"chat"}:
            parts += draw(st.lists(thoughts(dialects), max_size=2))
        parts += draw(st.lists(st.builds(Text, words), min_size=1, max_size=1 if "chat" in dialects else 2))
        if dialects <= OPENAI and draw(st.integers(0, 5)) == 0:
            parts = [*(part for part in parts if isinstance(part, Thought)), Declined(draw(words))]
        waiting = []
        for tool in draw(st.lists(st.sampled_from(tools), max_size=2)) if tools else []:
            number += 1
            waiting.append(Call(f"call_{number}", tool.name, draw(_arguments(tool)), tool.custom, tool.group))
        turns.append(Turn("assistant", (*parts, *waiting)))
    results = [draw(results_of(dialects, call, media)) for call in waiting]
    turns.append(Turn("user", (*results, draw(texts(dialects)))))
    return tuple(turns)


def _arguments(tool: Tool) -> st.SearchStrategy[str]:
    if tool.custom:
        return words
    return st.dictionaries(names, values, max_size=3).map(lambda said: msgspec.json.encode(said).decode())


@st.composite
def results_of(draw: st.DrawFn, dialects: frozenset[Dialect], call: Call, media: bool) -> Result:
    """What a call came to."""
    both = media and "chat" not in dialects
    content = st.one_of(texts(dialects), images(dialects)) if both else st.builds(Text, words)
    parts = draw(st.lists(content, max_size=1 if "chat" in dialects else 3))
    failed = dialects == {"messages"} and draw(st.booleans())
    return Result(call.id, tuple(parts), failed, call.custom)


@st.composite
def reasonings(draw: st.DrawFn, dialects: frozenset[Dialect], choice: Choice) -> Reasoning:
    """How much is to be thought; Anthropic's models do not where a call is forced."""
    if dialects == {"messages"}:
        effort: Effort = draw(st.sampled_from(["", "low", "medium", "high", "xhigh", "max"]))
        on = draw(st.sampled_from([None, False] if choice.mode in ("some", "these") else [None, True, False]))
        detail = draw(st.sampled_from(["summarized", "omitted"])) if on else ""
        path = "thinking" if on is not None else "output_config.effort" if effort else ""
        return Reasoning(effort, 0, on, detail == "summarized", detail, path=path)
    if dialects == {"responses"}:
        effort = draw(st.sampled_from(["", "none", "minimal", "low", "medium", "high", "xhigh", "max"]))
        detail = "" if effort == "none" else draw(st.sampled_from(["", "auto", "concise", "detailed"]))
        on = False if effort == "none" else None
        return Reasoning(effort, 0, on, bool(detail), detail, draw(st.booleans()), "reasoning")
    return Reasoning()


@st.composite
def choices(draw: st.DrawFn, tools: tuple[Tool, ...]) -> Choice:
    """How the tools are to be used."""
    if not tools:
        return Choice()
    mode = draw(st.sampled_from(["auto", "none", "some", "these"]))
    chosen = (draw(st.sampled_from(tools)).name,) if mode == "these" else ()
    return Choice(mode, chosen, "tool_choice")


@st.composite
def prompts(draw: st.DrawFn, *spoken: Dialect, media: bool = True) -> Prompt:
    """A sound prompt of what all of these dialects can say, with images and documents or of text alone."""
    dialects = frozenset(spoken)
    tools = draw(tools_of(dialects))
    choice = draw(choices(tools))
    only_openai = dialects <= OPENAI
    form = st.builds(Format, st.just("schema"), names if only_openai else st.just(""), schemas())
    most = st.none() | st.integers(0, 5)
    return Prompt(
        model=draw(names),
        turns=draw(conversations(dialects, tools, media)),
        stream=draw(st.booleans()),
        tools=tools,
        choice=choice,
        parallel=draw(st.none() | st.booleans()) if tools and choice.mode != "none" else None,
        format=draw(st.none() | form),
        reasoning=draw(reasonings(dialects, choice)),
        sampling=Sampling(
            temperature=draw(st.just(b"") | numbers),
            top_p=draw(st.just(b"") | numbers),
            top_k=draw(st.none() | st.integers(1, 99)),
            stop=tuple(draw(st.lists(words, max_size=2))) if dialects <= {"chat", "messages"} else (),
            logprobs=draw(most) if only_openai else None,
        ),
        output_cap=draw(st.integers(1, 9999)),
        user=draw(st.just("") | names),
        cache_key=draw(st.just("") | names) if only_openai else "",
        metadata=draw(st.sampled_from([b"", b'{"a":"b"}'])) if only_openai else b"",
        verbosity=draw(st.sampled_from(["", "low", "high"])) if only_openai else "",
    )


def same(prompt: Prompt) -> object:
    """What a prompt says, without where it stood: no paths, no raw blocks, turns of one speaker in a row as one."""
    turns: list[dict[str, Any]] = []
    for turn in msgspec.to_builtins(prompt.turns):
        bare = _bare(turn)
        if turns and bare["role"] == turns[-1]["role"] != "system":
            turns[-1]["parts"] += bare["parts"]
        else:
            turns.append(bare)
    rest = msgspec.structs.replace(prompt, turns=(), extras={}, left=(), include_usage=False)
    return {**_bare(msgspec.to_builtins(rest)), "turns": turns}


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bare(inner) for key, inner in value.items() if key not in ("path", "raw")}
    return [_bare(inner) for inner in value] if isinstance(value, list | tuple) else value
