"""The one request vocabulary: whatever the dialect, a request is these words. Answers have theirs in wire/events.py.

A reader keeps everything that some dialect can say and knows where it stood (`path`), so that whoever cannot say it
names the client's own field. What it does not know at all stays in `Prompt.extras`. Nothing here is ever fetched.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.wire.dialects import Engine, Family

Role = Literal["system", "user", "assistant"]
Effort = Literal["", "none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Text(msgspec.Struct, frozen=True):
    """A text. `cache`: the client's mark that the prompt up to here is to be cached, as JSON (`cache_control`)."""

    text: str
    cache: bytes = b""
    path: str = ""


class Image(msgspec.Struct, frozen=True):
    """An image: `data` in base64 with its `media_type`, an address in `url`, or `file`, the id of an upstream's file.

    `detail` is OpenAI's low, high, ...
    """

    media_type: str = ""
    data: str = ""
    url: str = ""
    file: str = ""
    detail: str = ""
    cache: bytes = b""
    path: str = ""


class Document(msgspec.Struct, frozen=True):
    """A file: `data` in base64 with its `media_type`, `text` as it is, an address in `url`, or an id in `file`.

    `name` is its title.
    """

    media_type: str = ""
    data: str = ""
    text: str = ""
    url: str = ""
    file: str = ""
    name: str = ""
    cache: bytes = b""
    path: str = ""


class Foreign(msgspec.Struct, frozen=True):
    """A part that only its own dialect knows: `kind` is its type there, `raw` the whole of it."""

    kind: str
    raw: bytes
    path: str = ""


class Call(msgspec.Struct, frozen=True):
    """A tool call that the model made. `arguments` is JSON text for functions, free text for `custom` tools.

    `group` is the namespace of the tool.
    """

    id: str
    name: str
    arguments: str
    custom: bool = False
    group: str = ""
    cache: bytes = b""
    path: str = ""


class Result(msgspec.Struct, frozen=True):
    """What a tool call came to. `failed` says that the tool failed."""

    id: str
    parts: tuple[Text | Image | Document | Foreign, ...]
    failed: bool = False
    custom: bool = False
    cache: bytes = b""
    path: str = ""


class Thought(msgspec.Struct, frozen=True):
    """Reasoning of an earlier turn. `sealed` is what only its maker can read: a signature, encrypted content.

    It goes back only to `family`; `kind` "redacted" has no text. `raw` is the dialect's own block or item.
    """

    text: str
    family: Family
    sealed: str = ""
    kind: Literal["thinking", "redacted", "summary"] = "thinking"
    raw: bytes = b""
    path: str = ""


class Declined(msgspec.Struct, frozen=True):
    """The model refused, in these words."""

    text: str
    path: str = ""


Part = Text | Image | Document | Call | Result | Thought | Declined | Foreign


class Turn(msgspec.Struct, frozen=True):
    """Somebody's turn. Results of tools stand in turns of the user; developer messages are those of the system.

    `developer`: the client wrote `developer`, which some upstreams tell from `system`. `name`: who speaks (chat).
    """

    role: Role
    parts: tuple[Part, ...]
    developer: bool = False
    name: str = ""
    path: str = ""


class Tool(msgspec.Struct, frozen=True):
    """A tool that the client runs. `schema` is the JSON schema of its arguments, b"" for none.

    `custom` tools take free text, `grammar` is their `format` object as JSON. `group` is the namespace it stands in,
    `group_about` what that says of itself.
    """

    name: str
    description: str = ""
    schema: bytes = b""
    strict: bool | None = None
    custom: bool = False
    grammar: bytes = b""
    group: str = ""
    group_about: str = ""
    cache: bytes = b""
    path: str = ""


class Choice(msgspec.Struct, frozen=True):
    """Whether tools are to be called: as the model likes, never, some tool, or one of `names`.

    Names with "auto": as the model likes, but only these. A hosted tool is named by its type.
    """

    mode: Literal["auto", "none", "some", "these"] = "auto"
    names: tuple[str, ...] = ()
    path: str = ""


class Format(msgspec.Struct, frozen=True):
    """What the text of the answer has to be: any JSON object, or JSON of a schema."""

    kind: Literal["json", "schema"]
    name: str = ""
    schema: bytes = b""
    description: str = ""
    strict: bool | None = None
    path: str = ""


class Reasoning(msgspec.Struct, frozen=True):
    """How much is to be thought: by `effort`, or up to `budget_tokens` (0: no budget was given).

    `on`: None as the model likes, False not at all. `shown`: the client wants to see it; `detail` is its word for how.
    `sealed`: the client wants encrypted reasoning back (responses: include reasoning.encrypted_content).
    """

    effort: Effort = ""
    budget_tokens: int = 0
    on: bool | None = None
    shown: bool = False
    detail: str = ""
    sealed: bool = False
    path: str = ""


class Sampling(msgspec.Struct, frozen=True):
    """How tokens are drawn; None, () and b"" where the client said nothing. Numbers are JSON as they came."""

    temperature: bytes = b""
    top_p: bytes = b""
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: bytes = b""
    frequency_penalty: bytes = b""
    stop: tuple[str, ...] = ()
    logprobs: int | None = None  # 0: of the token alone, n: of n alternatives too
    logit_bias: bytes = b""


class Prompt(msgspec.Struct, frozen=True):
    """A whole request. `output_cap` in tokens, None without. `choices` is n. `user` names the client's own user.

    `cache_key` is OpenAI's prompt_cache_key. `metadata` is a JSON object. `parallel`: several calls at once, None as
    the model likes. `extras`: top-level fields that no other dialect knows, as they came. `hosted`: tools that only
    their own dialect knows. `left`: members inside of blocks, items and tools that the reader has no word for, each
    once and without indices (`messages[].content[].citations`).
    """

    model: str
    turns: tuple[Turn, ...]
    stream: bool = False
    tools: tuple[Tool, ...] = ()
    choice: Choice = Choice()
    parallel: bool | None = None
    format: Format | None = None
    reasoning: Reasoning = Reasoning()
    sampling: Sampling = Sampling()
    output_cap: int | None = None
    choices: int = 1
    include_usage: bool = False
    user: str = ""
    cache_key: str = ""
    metadata: bytes = b""
    verbosity: str = ""
    extras: dict[str, msgspec.Raw] = {}
    hosted: tuple[Foreign, ...] = ()
    left: tuple[str, ...] = ()


class Target(msgspec.Struct, frozen=True):
    """Whom a prompt is written for. `own`: an engine of the operator's. `images`: the model takes them.

    `output_max`: output tokens that the model makes at most; messages names a cap always, the client's or this one.
    """

    engine: Engine
    own: bool = False
    images: bool = False
    output_max: int = 4096
