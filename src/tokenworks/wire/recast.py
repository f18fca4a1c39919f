"""What an upstream says, as the client's dialect can say it: the same events, without what is the upstream's alone.

Ids are of the client's form, raw objects are gone, blocks begin with their first text and are numbered as they begin.
A call without whole arguments is ended only by the model's own will: cut by length, it stays open, so that no client
runs it. Tools go back under the names that the client gave them (Asked says what was done to them on the way there).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tokenworks.wire import chat_writer, loose, messages_writer
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
    Failed,
    Finish,
    Issued,
    Kind,
    Part,
    ProgressSeen,
    Reason,
    UsageSeen,
    finish_of,
    own_word,
)
from tokenworks.wire.extras import carry_extra
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.responses_writer import ID_PREFIXES
from tokenworks.wire.unescape import Unescaper

PREFIXES: dict[Dialect, str] = {"chat": "chatcmpl-", "completions": "cmpl-", "responses": "resp_", "messages": "msg_"}
CALLS: tuple[str, ...] = ("tool", "custom")
# Calls that a dialect can say; only clients that declared a custom tool are called so.
SAID: dict[Dialect, tuple[str, ...]] = {
    "chat": CALLS, "completions": (), "responses": CALLS, "messages": ("tool",), "embeddings": ()}
MANY: tuple[Dialect, ...] = ("chat", "completions")  # these know several choices
GAP = "\n\n"  # between the parts of what another dialect says in one piece
CUT: tuple[Reason, ...] = ("length", "filter")
FIGURES = frozenset({UsageSeen, ProgressSeen, Issued, Failed})  # of these the client is told in other ways, or nothing


class _Told:
    """A block of the upstream's, and as what it is told.

    `kind`: that of the client's block, "" for nothing, "held" for text that is told only if the call that it stands for
    does not come, "schema" for a call that is told as text. `block` is -1 before it has begun, `gap`: a new paragraph.
    """

    __slots__ = ("begun", "block", "gap", "kind", "open", "texts", "unescaper")

    def __init__(self, begun: BlockBegin, kind: str) -> None:
        self.begun = begun
        self.kind = kind
        self.block = -1
        self.open = False
        self.gap = False
        self.texts: list[str] = []
        self.unescaper: Unescaper | None = None

    @property
    def whole(self) -> bool:
        """A call whose arguments are an object; free text never shows that it is whole."""
        if self.kind != "tool" and self.unescaper is None:
            return False
        return loose.read_pairs("".join(self.texts).encode("utf-8", "replace")) is not None


class _Choice:
    """What has been told of one answer."""

    __slots__ = ("called", "finished", "held", "next", "open", "schema_told", "texts", "told")

    def __init__(self) -> None:
        self.told: dict[int, _Told] = {}
        self.open: list[_Told] = []
        self.held: list[_Told] = []
        self.next = 0
        self.texts = 0
        self.called = False
        self.schema_told = False
        self.finished = False


class Recast:
    """One answer. `name` goes into every id. `created_s` is when it was made, if the upstream does not say it."""

    def __init__(self, client: Dialect, asked: Asked, name: str, created_s: int = 0) -> None:
        self._client: Dialect = client
        self._asked = asked
        self._name = name
        self._created_s = created_s
        self._choices: dict[int, _Choice] = {}
        self._ids: set[str] = set()
        self.begun = False

    @property
    def finished(self) -> bool:
        """Every choice that has shown itself has its end."""
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    def take(self, event: Event) -> list[Event]:
        """What is told for an event."""
        if isinstance(event, Begin):
            return [] if self.begun else [self.opening(event.created_s)]
        if event is ENDED:
            return [*self._unended(), ENDED]
        index: int = getattr(event, "choice", -1)
        if type(event) in FIGURES or (index and self._client not in MANY):
            return []
        first = [] if self.begun else [self.opening()]
        return [*first, *self._of_choice(event, index)]

    def block(self, choice: int, block: int) -> int | None:
        """As which block the pieces of the upstream's are told, if they are told as they come and nobody has to look at
        them; else None."""
        known = self._choices.get(choice)
        told = known.told.get(block) if known else None
        return told.block if told is not None and told.open and told.kind not in CALLS else None

    def opening(self, created_s: int = 0) -> Begin:
        """The beginning, whether or not the upstream has said it."""
        self.begun = True
        echo = b"{%b}" % self._asked.echo if self._client == "responses" and self._asked.echo else b""
        identity = PREFIXES[self._client] + self._name
        return Begin(identity, self._asked.model, created_s or self._created_s, echo)

    def rest(self) -> list[Event]:
        """What was held back of an answer that is cut now."""
        return [event for index, choice in self._choices.items() for event in self._release(index, choice)]

    def _unended(self) -> Iterator[Event]:
        """What an upstream left out that says no more than that it has ended."""
        if not self.begun:
            yield self.opening()
        if not self._choices:
            self._choices[0] = _Choice()
            yield ChoiceBegin(0)
        for index, choice in self._choices.items():
            if not choice.finished:
                yield from self._finish(choice, finish_of(index, "stop"), "length")

    def _of_choice(self, event: Event, index: int) -> Iterator[Event]:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
            yield ChoiceBegin(index)
        if choice.finished:
            return  # some engines go on, and no client expects it
        told = choice.told.get(getattr(event, "block", -1))
        if isinstance(event, BlockBegin):
            choice.told[event.block] = told = _Told(event, self._kind(choice, event))
            if event.kind in CALLS and told.kind:
                yield from self._begin(choice, told)
        elif isinstance(event, Finish):
            yield from self._finish(choice, event, event.reason)
        elif told is None:
            return
        elif isinstance(event, Delta):
            yield from self._say(choice, told, event.text)
        elif isinstance(event, Part):
            yield from self._part(choice, told, event)
        elif isinstance(event, BlockEnd):
            yield from self._end(choice, told)
        elif isinstance(event, Extra) and told.open:
            raw = carry_extra(event, self._client, choice.texts)
            if raw:
                yield Extra(index, told.block, event.key, raw)

    def _kind(self, choice: _Choice, begun: BlockBegin) -> str:
        """As what a block is told."""
        asked, kind = self._asked, begun.kind
        if kind in ("reasoning", "summary"):
            return "reasoning" if asked.reasoning_shown and self._client != "completions" else ""
        if kind in CALLS:
            if asked.schema_tool and begun.name == asked.schema_tool:
                choice.held = []  # what was said before it is no part of what was asked for
                return "" if choice.schema_told else "schema"
            return kind if kind in SAID[self._client] else ""
        if kind == "refusal":
            return kind if self._client in ("chat", "responses") else "text"
        if kind == "text":
            return "tool" if asked.forced else "held" if asked.schema_tool else kind
        return ""

    def _begin(self, choice: _Choice, told: _Told) -> Iterator[Event]:
        """A block shows itself at the client's. Calls before it whose arguments are whole are complete."""
        index = told.begun.choice
        for other in [other for other in choice.open if other.whole]:
            yield from self._close(choice, other)
        if told.kind in CALLS:
            yield from self._release(index, choice)
        told.block, told.open, choice.next = choice.next, True, choice.next + 1
        choice.open.append(told)
        if told.kind in CALLS:
            choice.called = True
            yield self._call(told)
            return
        choice.texts += told.kind != "reasoning"
        choice.schema_told |= told.kind == "schema"
        kind: Kind = "text" if told.kind == "schema" else told.kind  # type: ignore[assignment]
        yield BlockBegin(index, told.block, kind, self._item_id(kind, told.block))

    def _call(self, told: _Told) -> BlockBegin:
        """A call under the client's own name for the tool; one whose input was sent as a member of arguments is free
        text again."""
        asked, sent = self._asked, told.begun.name or self._asked.forced
        if told.kind == "tool" and sent in asked.customs:
            told.kind, told.unescaper = "custom", Unescaper()
        kind: Kind = "custom" if told.kind == "custom" else "tool"
        return BlockBegin(told.begun.choice, told.block, kind, self._item_id(kind, told.block), self._call_id(told),
                          asked.names.get(sent, sent), b"", asked.groups.get(sent, ""))

    def _item_id(self, kind: Kind, block: int) -> str:
        return f"{ID_PREFIXES[kind]}_{self._name}_{block}"

    def _call_id(self, told: _Told) -> str:
        """The upstream's id, so that a client's echo is the same; ours where it has none or says one twice."""
        said = told.begun.call_id
        if not said or said in self._ids:
            said = f"{'toolu' if self._client == 'messages' else 'call'}_{self._name}_{len(self._ids)}"
        self._ids.add(said)
        return said

    def _part(self, choice: _Choice, told: _Told, part: Part) -> Iterator[Event]:
        """Parts of a message are blocks of their own, those of reasoning are paragraphs."""
        if told.begun.kind not in ("text", "refusal"):
            told.gap = told.open
            return
        yield from self._end(choice, told)
        begun = msgspec.structs.replace(told.begun, kind=part.kind)
        choice.told[told.begun.block] = _Told(begun, self._kind(choice, begun))

    def _say(self, choice: _Choice, told: _Told, text: str) -> Iterator[Event]:
        if told.kind == "held":
            if told not in choice.held:
                choice.held.append(told)
            told.texts.append(text)
            return
        if not told.kind or (told.block >= 0 and not told.open):
            return
        if told.block < 0:
            yield from self._begin(choice, told)
        if told.kind in CALLS:
            told.texts.append(text)
            text = told.unescaper.feed(text) if told.unescaper else text
        elif told.gap:
            text, told.gap = GAP + text, False
        if text:
            yield Delta(told.begun.choice, told.block, text)

    def _end(self, choice: _Choice, told: _Told) -> Iterator[Event]:
        """The upstream has ended a block. A call in doubt stays open until the end of the choice says why."""
        if told.open and (told.kind not in CALLS or told.whole):
            yield from self._close(choice, told)

    def _close(self, choice: _Choice, told: _Told) -> Iterator[Event]:
        told.open = False
        choice.open.remove(told)
        text = told.unescaper.close() if told.unescaper else ""
        if told.kind == "tool" and not any(told.texts):
            text = "{}"  # no arguments are an object too: clients of chat parse them
        if text:
            yield Delta(told.begun.choice, told.block, text)
        yield BlockEnd(told.begun.choice, told.block)

    def _release(self, index: int, choice: _Choice) -> Iterator[Event]:
        """Text that was held back, told at once."""
        held, choice.held = choice.held, []
        for told in held:
            told.kind = "text"
            yield from self._begin(choice, told)
            yield Delta(index, told.block, "".join(told.texts))
            yield from self._close(choice, told)

    def _finish(self, choice: _Choice, finish: Finish, why: Reason) -> Iterator[Event]:
        """A choice ends, and with it what is still open; after a cut (`why`) only calls that are whole."""
        choice.finished = True
        yield from self._release(finish.choice, choice)
        for told in [told for told in choice.open if told.kind not in CALLS or why not in CUT or told.whole]:
            yield from self._close(choice, told)
        reason = finish.reason
        if reason in ("stop", "tool", "other"):
            reason = "tool" if choice.called else "stop" if reason == "tool" else reason
        yield self._ending(finish, reason)

    def _ending(self, finish: Finish, reason: Reason) -> Finish:
        """The end in the client's own word; only messages say which stop sequence was met, if it is one of theirs."""
        if self._client != "messages":
            native = finish.native if reason == finish.reason else ""
            finish = Finish(finish.choice, reason, native)
            return Finish(finish.choice, reason, own_word(finish, chat_writer.WORDS, chat_writer.OWN))
        met = msgspec.json.decode(finish.raw) if finish.raw.startswith(b'"') and reason == "stop" else ""
        if met in self._asked.stops:
            return Finish(finish.choice, reason, "stop_sequence", finish.raw)
        return Finish(finish.choice, reason, messages_writer.WORDS[reason])
