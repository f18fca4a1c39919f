"""Where a request uses a feature: one finder per row of the feature table. "" stands for the client's own field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise

import msgspec

from tokenworks.wire.prompt.strict import suits_claude, suits_openai
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Declined,
    Document,
    Foreign,
    Image,
    Part,
    Prompt,
    Result,
    Sampling,
    Target,
    Text,
    Thought,
    Tool,
    Turn,
)
from tokenworks.wire.rules import AUDIO, CLIENT_TOOLS

Finder = Callable[[Prompt, Target], Iterator[str]]

DRAWN = Sampling()
CAP_MIN = 16  # output tokens: OpenAI's responses take no lower cap
NAMES = re.compile(r"[A-Za-z0-9_-]{1,64}")  # of tools: what the strictest interface takes
_CLIENT = tuple({beginning for kinds in CLIENT_TOOLS.values() for beginning in kinds})


def walk_parts(prompt: Prompt) -> Iterator[Part]:
    """Every part of every turn, those inside of results too."""
    for turn in prompt.turns:
        for part in turn.parts:
            yield part
            if isinstance(part, Result):
                yield from part.parts


def find_field(name: str) -> Finder:
    """A field of the prompt that says something."""
    default = msgspec.structs.asdict(Prompt("", ()))[name]

    def find(prompt: Prompt, _target: Target) -> Iterator[str]:
        if getattr(prompt, name) not in (default, b"{}"):
            yield ""

    return find


def find_drawing(name: str) -> Finder:
    """A way of drawing tokens. Numbers that change nothing do not count."""

    def find(prompt: Prompt, _target: Target) -> Iterator[str]:
        value = getattr(prompt.sampling, name)
        if value != getattr(DRAWN, name) and not (isinstance(value, bytes) and _is_nothing(value)):
            yield ""

    return find


def _is_nothing(value: bytes) -> bool:
    return value == b"{}" or (value[:1] != b"{" and Decimal(value.decode()) == 0)


def find_heat(prompt: Prompt, _target: Target) -> Iterator[str]:
    """A temperature above 1."""
    if prompt.sampling.temperature and Decimal(prompt.sampling.temperature.decode()) > 1:
        yield ""


def find_answers(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Several answers."""
    if prompt.choices > 1:
        yield ""


def find_small(prompt: Prompt, _target: Target) -> Iterator[str]:
    """A cap below what responses take."""
    if prompt.output_cap is not None and prompt.output_cap < CAP_MIN:
        yield ""


def find_blank(prompt: Prompt, _target: Target) -> Iterator[str]:
    """A stop that is white space alone."""
    if any(not stop.strip() for stop in prompt.sampling.stop):
        yield ""


def find_format(kind: str) -> Finder:
    """JSON as the answer's form, of any kind or by a schema."""

    def find(prompt: Prompt, _target: Target) -> Iterator[str]:
        if prompt.format is not None and prompt.format.kind == kind:
            yield prompt.format.path

    return find


def find_unsure(prompt: Prompt, _target: Target) -> Iterator[str]:
    """A schema whose form Claude does not guarantee."""
    if prompt.format is not None and prompt.format.kind == "schema" and not suits_claude(prompt.format.schema):
        yield prompt.format.path


def find_guarantee(sure: bool) -> Finder:
    """A schema whose form has to be guaranteed without a word, by whether it is one that OpenAI guarantees."""

    def find(prompt: Prompt, _target: Target) -> Iterator[str]:
        wanted = prompt.format
        silent = wanted is not None and wanted.kind == "schema" and wanted.strict is None
        if wanted is not None and silent and suits_openai(wanted.schema) is sure:
            yield wanted.path

    return find


def find_loose(suits: Callable[[bytes], bool]) -> Finder:
    """Strict tools whose schemas a maker does not guarantee."""

    def find(prompt: Prompt, _target: Target) -> Iterator[str]:
        yield from (tool.path for tool in prompt.tools if tool.strict and tool.schema and not suits(tool.schema))

    return find


def find_misnamed(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Tools whose names are too long or have signs that not everybody takes."""
    yield from (tool.path for tool in prompt.tools if not tool.group and not NAMES.fullmatch(tool.name))
    yield from (part.path for part in walk_parts(prompt)
                if isinstance(part, Call) and not part.group and not NAMES.fullmatch(part.name))


def forced_tool(prompt: Prompt) -> Tool | None:
    """The one function that has to be called, by its name or because there is no other."""
    choice = prompt.choice
    if prompt.format is not None or choice.mode not in ("some", "these"):
        return None
    names = choice.names if choice.mode == "these" else tuple(tool.name for tool in prompt.tools[:2])
    if len(names) != 1 or prompt.hosted:
        return None
    found = [tool for tool in prompt.tools if tool.name == names[0] and not tool.custom]
    return found[0] if len(found) == 1 else None


def find_forced(prompt: Prompt, _target: Target) -> Iterator[str]:
    """One function that has to be called."""
    if forced_tool(prompt) is not None:
        yield prompt.choice.path

def find_customs(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Tools that take free text, and calls of them."""
    yield from (tool.path for tool in prompt.tools if tool.custom)
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Call | Result) and part.custom)


def find_groups(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Tools inside of a namespace, and calls of them."""
    yield from (tool.path for tool in prompt.tools if tool.group)
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Call) and part.group)


def find_named(prompt: Prompt, _target: Target) -> Iterator[str]:
    """A tool of the upstream's that has to be used."""
    kinds = {hosted.kind for hosted in prompt.hosted}
    if kinds.intersection(prompt.choice.names) or (prompt.choice.mode == "some" and kinds and not prompt.tools):
        yield prompt.choice.path


def find_hosted(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Tools that the upstream runs."""
    yield from (hosted.path for hosted in prompt.hosted if not hosted.kind.startswith(_CLIENT))


def find_builtins(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Tools that the client runs and only models of one maker know by their type."""
    yield from (hosted.path for hosted in prompt.hosted if hosted.kind.startswith(_CLIENT))


def find_images(prompt: Prompt, target: Target) -> Iterator[str]:
    """Images where the model takes none."""
    if not target.images:
        yield from (part.path for part in walk_parts(prompt) if isinstance(part, Image))


def find_addresses(prompt: Prompt, target: Target) -> Iterator[str]:
    """Images and files at addresses, where nobody fetches them."""
    if target.own or target.engine == "bedrock":
        yield from (part.path for part in walk_parts(prompt) if isinstance(part, Image | Document) and part.url)


def find_files(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Files that lie at another upstream."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Image | Document) and part.file)


def find_details(prompt: Prompt, _target: Target) -> Iterator[str]:
    """How closely an image is to be looked at."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Image) and part.detail)


def find_writings(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Documents that are text."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Document) and is_writing(part))


def is_writing(part: Document) -> bool:
    """Whether a document's text can stand among other text."""
    return bool(part.text) or (bool(part.data) and part.media_type.partition("/")[0] == "text")


def find_documents(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Documents that are no text: PDF and the like."""
    yield from (part.path for part in walk_parts(prompt)
                if isinstance(part, Document) and not is_writing(part) and not part.file)


def find_sheets(prompt: Prompt, target: Target) -> Iterator[str]:
    """Documents that are neither text nor PDF."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Document) and part.data
                and not is_writing(part) and part.media_type != "application/pdf")


def find_distant(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Documents at an address."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Document) and part.url)


def find_pictured(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Images and files among what a tool call gave."""
    for part in walk_parts(prompt):
        if isinstance(part, Result):
            yield from (inner.path for inner in part.parts if isinstance(inner, Image | Document))


def find_failed(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Tool calls that failed."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Result) and part.failed)


def find_audio(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Sound."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Foreign) and part.kind in AUDIO)


def find_foreign(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Parts that only the client's own interface knows."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Foreign) and part.kind not in AUDIO)


def find_sealed(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Reasoning that only its maker can read."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Thought) and part.sealed)


def find_thoughts(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Reasoning that anybody can read."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Thought) and not part.sealed)


def find_declined(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Earlier refusals of the model."""
    yield from (part.path for part in walk_parts(prompt) if isinstance(part, Declined))


def find_speakers(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Turns whose speaker has a name."""
    yield from (f"{turn.path}.name" for turn in prompt.turns if turn.name)


def find_developer(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Messages of the developer."""
    yield from (turn.path for turn in prompt.turns if turn.developer)


def find_late(prompt: Prompt, _target: Target) -> Iterator[str]:
    """What the system says after others have spoken."""
    spoken = False
    for turn in prompt.turns:
        if turn.role == "system" and spoken:
            yield turn.path
        spoken = spoken or turn.role != "system"


def find_opened(prompt: Prompt, _target: Target) -> Iterator[str]:
    """An answer that the model is to go on from."""
    if prompt.turns and prompt.turns[-1].role == "assistant":
        yield prompt.turns[-1].path


def find_marks(mark: bytes) -> Finder:
    """Marks of what is to be cached; OpenAI's have a mode, Anthropic's a type."""

    def find(prompt: Prompt, _target: Target) -> Iterator[str]:
        for part in walk_parts(prompt):
            if isinstance(part, Text | Image | Document | Call | Result) and mark in part.cache:
                yield part.path
        yield from (tool.path for tool in prompt.tools if mark in tool.cache)

    return find


def find_budget(prompt: Prompt, _target: Target) -> Iterator[str]:
    """A budget of tokens to think for."""
    if prompt.reasoning.budget_tokens:
        yield prompt.reasoning.path


def find_effort(*words: str) -> Finder:
    """An effort that not everybody has a word for."""

    def find(prompt: Prompt, _target: Target) -> Iterator[str]:
        if prompt.reasoning.effort in words:
            yield prompt.reasoning.path

    return find


def find_allowed(prompt: Prompt, _target: Target) -> Iterator[str]:
    """A choice among some of the tools."""
    if prompt.choice.names and (prompt.choice.mode == "auto" or len(prompt.choice.names) > 1):
        yield prompt.choice.path


def find_pairs(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Texts in a row, several first messages of the system, and turns of the user: templates may take one alone."""
    for earlier, turn in pairwise(prompt.turns):
        if goes_on(earlier, turn):
            yield turn.path
    for turn in prompt.turns:
        results = (part.parts for part in turn.parts if isinstance(part, Result))
        if any(sum(isinstance(one, Text) for one in parts) > 1 for parts in (turn.parts, *results)):
            yield turn.path


def goes_on(earlier: Turn, turn: Turn) -> bool:
    """Whether a turn can be told as one with that before it."""
    if earlier.role != turn.role or turn.role == "assistant" or earlier.name != turn.name:
        return False
    return not any(isinstance(part, Result) for part in turn.parts)


def find_secrecy(prompt: Prompt, _target: Target) -> Iterator[str]:
    """Reasoning that is wanted back sealed."""
    if prompt.reasoning.sealed:
        yield ""


def find_top(prompt: Prompt, _target: Target) -> Iterator[str]:
    """A number of tokens to draw from that means all of them."""
    if prompt.sampling.top_k is not None and prompt.sampling.top_k <= 0:
        yield ""
