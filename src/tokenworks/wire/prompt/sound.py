"""Checks of a prompt that hold whatever dialect it came in and goes out in: what, where, and what to do about it.

Only requests that change their dialect come by: a native one is its upstream's to judge. The paths are the client's
own, so `client` is the dialect that it spoke.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.media import check_document, check_image
from tokenworks.wire.prompt.schema import find_fault
from tokenworks.wire.prompt.vocabulary import Call, Document, Image, Part, Prompt, Result, Text, Thought, Turn
from tokenworks.wire.refusals import Malformed, Refusal

SPOKEN: dict[Dialect, str] = {"chat": "messages", "responses": "input", "messages": "messages", "completions": "prompt"}
CALL_IDS: dict[Dialect, str] = {"chat": "id", "responses": "call_id", "messages": "id"}
RESULT_IDS: dict[Dialect, str] = {"chat": "tool_call_id", "responses": "call_id", "messages": "tool_use_id"}
SCHEMAS: dict[Dialect, str] = {"chat": "function.parameters", "responses": "parameters", "messages": "input_schema"}
ORDERED: frozenset[Dialect] = frozenset({"chat", "messages"})  # results stand right behind their calls
# Fields that say that the conversation begins elsewhere: what stands here cannot be judged alone.
ELSEWHERE: frozenset[str] = frozenset({"previous_response_id", "conversation", "prompt"})
FERNET = "gAAAA"  # how OpenAI's sealed reasoning begins, and no signature of Anthropic's
NAMES_SHOWN = 10


def check_sound(prompt: Prompt, client: Dialect) -> Malformed | None:
    """Why a prompt makes no sense, naming the client's own field and the remedy; None for a sound one."""
    whole = not (client == "responses" and ELSEWHERE & prompt.extras.keys())
    return (
        (_check_turns(prompt.turns, client) if whole else None)
        or (_check_calls(prompt.turns, client) if whole else None)
        or _check_parts(prompt.turns, client)
        or _check_tools(prompt, client)
        or _check_choice(prompt)
        or _check_format(prompt)
    )


def _check_turns(turns: tuple[Turn, ...], client: Dialect) -> Malformed | None:
    field = SPOKEN.get(client, "messages")
    said = [turn for turn in turns if turn.path.startswith(field)]
    if not any(_says(part) for turn in said for part in turn.parts):
        return _wrong(field, " says nothing: there is nothing to answer. Send at least one message.")
    if client == "messages" and said[0].role == "system":
        return _wrong(f"{said[0].path}.role", ": the conversation begins with the system. Put its words into system.")
    return None


def _says(part: Part) -> bool:
    return not isinstance(part, Text) or bool(part.text.strip())


# --- calls and what they came to ---


def _check_calls(turns: tuple[Turn, ...], client: Dialect) -> Malformed | None:
    """Every call has one result after it, and every result its call before it."""
    known = {part.id for turn in turns for part in turn.parts if isinstance(part, Call)}
    waiting: dict[str, Call] = {}
    callers: dict[str, int] = {}
    answered: dict[str, Result] = {}
    last = -1
    for index, turn in enumerate(turns):
        last = index if turn.role == "assistant" else last
        for part in turn.parts:
            fault = None
            if isinstance(part, Call):
                fault = _check_call(part, client, waiting)
                waiting[part.id], callers[part.id] = part, index
                answered.pop(part.id, None)
            elif isinstance(part, Result):
                fault = _check_result(part, client, part.id in known, answered.get(part.id))
                if fault is None and part.id not in callers:
                    fault = _wrong(_identity(part, client), f": the result of the call {part.id!r} stands before the "
                                   "call. Move it behind the message that made the call.")
                if fault is None and client in ORDERED and callers[part.id] != last:
                    fault = _wrong(_identity(part, client), f": another message of the assistant stands between the "
                                   f"call {part.id!r} and this result of it. Move the result right behind the message "
                                   "that made the call.")
                waiting.pop(part.id, None)
                answered[part.id] = part
            if fault is not None:
                return fault
    for call in waiting.values():
        return _wrong(call.path, f": the call {call.id!r} has no result. Send what the tool came to after it, or leave "
                      "the call out.")
    return None


def _check_call(call: Call, client: Dialect, waiting: Mapping[str, Call]) -> Malformed | None:
    """An id may come again once its call has a result: some engines count anew in each turn."""
    place = f"{call.path}.{CALL_IDS.get(client, 'id')}"
    if not call.id:
        return _wrong(place, " is empty. Give every call an id, and its result the same.")
    if call.id in waiting:
        return _wrong(place, f": the id {call.id!r} stands twice, first at {waiting[call.id].path}. Give every call an "
                      "id of its own.")
    return None


def _check_result(result: Result, client: Dialect, known: bool, earlier: Result | None) -> Malformed | None:
    if not known:
        return _wrong(_identity(result, client), f": there is no call {result.id!r} that this is the result of. Send "
                      "the assistant's message that made the call before it, or leave the result out.")
    if earlier is not None:
        return _wrong(_identity(result, client), f": the call {result.id!r} has a result already, at {earlier.path}. "
                      "Send one for each call.")
    return None


def _identity(result: Result, client: Dialect) -> str:
    return f"{result.path}.{RESULT_IDS.get(client, 'id')}"


# --- images, files, thinking ---


def _check_parts(turns: tuple[Turn, ...], client: Dialect) -> Malformed | None:
    for part in _every(turns):
        fault = None
        if isinstance(part, Image):
            fault = check_image(part, client)
        elif isinstance(part, Document):
            fault = check_document(part, client)
        elif isinstance(part, Thought) and client == "messages" and part.sealed.startswith(FERNET):
            fault = _wrong(part.path, ": this thinking was sealed by another family of models, which alone can read "
                           "it. Leave the block out.")
        if fault is not None:
            return fault
    return None


def _every(turns: tuple[Turn, ...]) -> Iterator[Part]:
    for turn in turns:
        for part in turn.parts:
            yield part
            if isinstance(part, Result):
                yield from part.parts


# --- tools ---


def _check_tools(prompt: Prompt, client: Dialect) -> Malformed | None:
    first: dict[tuple[str, str], str] = {}
    for tool in prompt.tools:
        if not tool.name:
            return _wrong(tool.path, ": the tool has no name. Give it one.")
        key = (tool.group, tool.name)
        if key in first:
            return _wrong(tool.path, f": the tool name {tool.name!r} stands twice, first at {first[key]}. Give every "
                          "tool a name of its own.")
        first[key] = tool.path
        if tool.schema and (found := find_fault(tool.schema, f"{tool.path}.{SCHEMAS.get(client, 'schema')}", True)):
            return _wrong(*found)
    return None


def _check_choice(prompt: Prompt) -> Malformed | None:
    choice = prompt.choice
    if choice.mode not in ("some", "these") and not choice.names:
        return None
    names = dict.fromkeys([*(tool.name for tool in prompt.tools), *(tool.kind for tool in prompt.hosted)])
    return check_named(choice.path, choice.names, names)


def check_named(path: str, chosen: Iterable[str], names: Collection[str]) -> Malformed | None:
    """Why tools that have to be called cannot be: there are none, or none of that name."""
    if not names:
        return _wrong(path, " wants a tool to be called, but there are none. Send tools, or leave it out.")
    for name in chosen:
        if name not in names:
            more = len(names) - NAMES_SHOWN
            known = ", ".join(list(names)[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
            return _wrong(path, f" names the tool {name!r}, which is not among tools. Name one of: {known}.")
    return None


def _check_format(prompt: Prompt) -> Malformed | None:
    form = prompt.format
    if form is None or form.kind != "schema":
        return None
    found = find_fault(form.schema, f"{form.path}.schema")
    return None if found is None else _wrong(*found)


def _wrong(path: str, message: str) -> Malformed:
    return Malformed(Refusal.FIELD_INVALID, path + message, path)
