"""What stands inside messages and tools and decides something: images, files, addresses, server-side tools.

The text itself is never decoded. Most chat bodies have no list inside their messages, which one look tells.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.rules import CLIENT_TOOLS

HOSTED = " in a container"  # a shell that is not the client's own
USES_MAX = 1_000_000  # of one tool in one request; more is no limit
NESTING_MAX = 8  # lists of parts inside parts: a tool's result is the deepest that an interface knows
IMAGES = frozenset({"image", "image_url", "input_image", "computer_screenshot"})
# Parts and items whose tokens are all in their bytes: those with nothing inside, and those with parts inside.
LEAVES = frozenset({
    "text", "input_text", "output_text", "refusal", "thinking", "redacted_thinking", "reasoning", "reasoning_text",
    "summary_text", "tool_use", "tool_reference", "function_call", "custom_tool_call", "local_shell_call", "shell_call",
    "apply_patch_call", "apply_patch_call_output", "computer_call", "tool_search_call",
})  # fmt: skip
TEXTS = LEAVES | {
    "message", "tool_result", "function_call_output", "custom_tool_call_output", "local_shell_call_output",
    "shell_call_output", "computer_call_output", "tool_search_output", "search_result", "tool_addition",
}  # fmt: skip
SPOKEN: dict[Dialect, tuple[str, ...]] = {  # fields that carry messages
    "chat": ("messages",),
    "responses": ("input",),
    "messages": ("messages", "system"),
}


class Content(msgspec.Struct, frozen=True):
    """Beyond text. `kinds`: parts whose tokens their bytes do not bound (documents, audio, ...), by their type.

    `remote`: something is to be fetched from an address that the client names. `files`: ids of upstream objects.
    `tools`: types of tools that the client does not run itself, each with how often it may be used, 0 where the client
    did not say. `media_bytes`: what of the body is image data, no text.
    """

    images: int = 0
    kinds: frozenset[str] = frozenset()
    remote: bool = False
    files: tuple[str, ...] = ()
    tools: Mapping[str, int] = {}
    media_bytes: int = 0


_NOTHING = msgspec.Raw(b"")


class _Message(msgspec.Struct, gc=False):
    content: msgspec.Raw = _NOTHING


class _Kind(msgspec.Struct, gc=False):
    type: str = ""


class _Source(msgspec.Struct, gc=False):
    type: str = ""
    url: msgspec.Raw = _NOTHING
    image_url: msgspec.Raw = _NOTHING
    file_url: msgspec.Raw = _NOTHING
    file_id: str | None = None
    content: msgspec.Raw = _NOTHING


class _Part(_Source, gc=False):
    id: str | None = None
    role: str = ""
    output: msgspec.Raw = _NOTHING
    source: msgspec.Raw = _NOTHING
    file: msgspec.Raw = _NOTHING
    video_url: msgspec.Raw = _NOTHING
    audio_url: msgspec.Raw = _NOTHING


class _Environment(msgspec.Struct):
    type: str = ""


class _Tool(msgspec.Struct):
    type: str | None = None
    environment: _Environment | None = None
    tools: msgspec.Raw = _NOTHING
    max_uses: int | None = None


_MESSAGES = msgspec.json.Decoder(list[_Message])
_KINDS = msgspec.json.Decoder(list[_Kind | str])
_PARTS = msgspec.json.Decoder(list[_Part | str])
_PART = msgspec.json.Decoder(_Part)
_SOURCE = msgspec.json.Decoder(_Source)
_TOOLS = msgspec.json.Decoder(list[_Tool] | None)


_SHAPES = {"tools": "tools must be a list of objects, each with its type."}
_SPOKEN = "{0} must be a list of objects, whose content is a string or a list of parts with a type."


class _Scan:
    """One walk over messages; what it finds adds up."""

    def __init__(self) -> None:
        self.images = 0
        self.kinds: set[str] = set()
        self.remote = False
        self.files: list[str] = []
        self.media_bytes = 0

    def read(self, raw: msgspec.Raw) -> None:
        """A list of messages, of which only the content matters."""
        for message in _MESSAGES.decode(raw):
            if len(message.content):
                self.walk(message.content)

    def walk(self, raw: msgspec.Raw, depth: int = 0) -> None:
        """A list of parts or items; most have text alone, which one look at their types tells."""
        first = first_byte(raw)
        if first == 0x7B:
            self.see(_PART.decode(raw), depth)
        if first != 0x5B:
            return
        if depth > NESTING_MAX:
            self.kinds.add("deeply nested")
        elif not LEAVES.issuperset([kind.type for kind in _KINDS.decode(raw) if type(kind) is _Kind]):
            for part in _PARTS.decode(raw):
                if not isinstance(part, str):
                    self.see(part, depth)

    def see(self, part: _Part, depth: int) -> None:
        kind = part.type or ("message" if part.role else "untyped")
        if kind in IMAGES:
            self.images += 1
            self.media_bytes += len(part.image_url) + len(part.source)
        elif kind == "item_reference":
            self.files += [part.id] if part.id else []
        elif kind not in TEXTS:
            self.kinds.add(kind)
        if part.file_id:
            self.files.append(part.file_id)
        for raw in (part.image_url, part.url, part.video_url, part.audio_url, part.file_url):
            self.address(raw)
        for raw in (part.source, part.file):
            if len(raw) and first_byte(raw) == 0x7B:
                self.origin(_SOURCE.decode(raw), depth)
        for raw in (part.content, part.output):
            if len(raw):
                self.walk(raw, depth + 1)

    def origin(self, source: _Source, depth: int) -> None:
        if source.file_id:
            self.files.append(source.file_id)
        self.remote |= source.type == "url"
        if len(source.content):
            self.walk(source.content, depth + 1)

    def address(self, raw: msgspec.Raw) -> None:
        """An address stands as a string or as {"url": ...}; one with the data in itself is fetched from nowhere."""
        if len(raw) and first_byte(raw) == 0x7B:
            raw = _SOURCE.decode(raw).url
        if len(raw) and first_byte(raw) == 0x22:
            self.remote |= bytes(memoryview(raw)[:6]) != b'"data:'


def first_byte(raw: msgspec.Raw) -> int:
    """The first byte of a value tells its JSON type."""
    return memoryview(raw)[0]


def read_content(dialect: Dialect, fields: Mapping[str, msgspec.Raw], body: bytes) -> Content | Malformed | None:
    """What a body has beyond text; None for nothing, the usual case."""
    raw = fields.get("tools")
    if raw is None and _plain(dialect, fields, body):
        return None
    tools: dict[str, int] = {}
    scan = _Scan()
    key = "tools"
    try:
        if raw is not None:
            _read_tools(raw, tools, 0)
        for key in () if _plain(dialect, fields, body) else SPOKEN[dialect]:
            if key in fields:
                (scan.read if key == "messages" else scan.walk)(fields[key])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Malformed(Refusal.FIELD_INVALID, _SHAPES.get(key, _SPOKEN.format(key)), key)
    client = CLIENT_TOOLS.get(dialect, ())
    tools = {kind: uses for kind, uses in tools.items() if kind.endswith(HOSTED) or not kind.startswith(client)}
    if not (tools or scan.images or scan.kinds or scan.remote or scan.files):
        return None
    return Content(
        images=scan.images,
        kinds=frozenset(scan.kinds),
        remote=scan.remote,
        files=tuple(scan.files),
        tools=tools,
        media_bytes=scan.media_bytes,
    )


def _plain(dialect: Dialect, fields: Mapping[str, msgspec.Raw], body: bytes) -> bool:
    """Whether no message can have parts: it takes a list inside the list of messages, and so a second bracket."""
    if dialect not in SPOKEN:
        return True
    if dialect == "responses":
        return "input" not in fields or first_byte(fields["input"]) == 0x22
    return body.find(b"[", body.find(b"[") + 1) < 0


def _read_tools(raw: msgspec.Raw, found: dict[str, int], depth: int) -> None:
    for tool in _TOOLS.decode(raw) or ():
        kind = tool.type or "function"  # Anthropic's own tools have no type
        if kind == "shell":
            kind += "" if tool.environment and tool.environment.type == "local" else HOSTED
        if kind != "function":
            found[kind] = found.get(kind, 0) + min(max(tool.max_uses or 0, 0), USES_MAX)
        if kind == "namespace" and len(tool.tools):
            if depth > NESTING_MAX:
                found["deeply nested"] = 0
            else:
                _read_tools(tool.tools, found, depth + 1)
