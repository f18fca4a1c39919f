"""What a dialect has no word for, said plainly: documents as text, late system messages, ids and names cut to fit.

Writers share it. Whether something may be said so at all is decided in features.py.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from tokenworks.wire.prompt.vocabulary import Call, Document, Effort, Result, Turn

WORD_CHARS_MAX = 64  # of OpenAI's `user` and `call_id`; Claude Code's own user_id is about 150 characters long
_SIGNS = re.compile(r"[^A-Za-z0-9_-]")
# Percent of the output cap that an effort may think for; OpenRouter's documented equivalence of the two.
SHARES: dict[Effort, int] = {"minimal": 10, "low": 20, "medium": 50, "high": 80, "xhigh": 95, "max": 95}


def join_data(media_type: str, data: str) -> str:
    """The address that has its data in itself."""
    return f"data:{media_type};base64,{data}"


def tell_document(document: Document) -> str:
    """A document whose text we have, as text."""
    title = f' title="{document.name}"' if document.name else ""
    return f"<document{title}>\n{document.text}\n</document>"


def remind(text: str) -> str:
    """What the system says in the middle of a conversation, where only users may speak.

    Coding agents mark their own reminders so; role `system` in the middle is taken by a few models alone.
    """
    return f"<system-reminder>\n{text}\n</system-reminder>"


def shorten(word: str, chars_max: int = WORD_CHARS_MAX) -> str:
    """The client's own user, or an id, in at most so many characters (64 or more): the same is always told the same."""
    return word if len(word) <= chars_max else hashlib.sha256(word.encode("utf-8", "replace")).hexdigest()


def budget_of(effort: Effort, cap: int) -> int:
    """The tokens that an effort may think for within an output cap."""
    return cap * SHARES.get(effort, SHARES["medium"]) // 100


def effort_of(budget: int, cap: int) -> Effort:
    """The effort that a budget of thinking tokens stands for within an output cap."""
    share = budget * 100 // max(1, cap)
    return "high" if share >= SHARES["high"] else "medium" if share >= SHARES["medium"] else "low"


class Ids:
    """Ids of calls in letters that every interface takes. Some engines give the same ids in each turn: here no two
    calls have the same, and a result has that of the last call before it.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._used: set[str] = set()
        self._numbers: dict[str, int] = {}

    def issue(self, identity: str) -> str:
        """The id of a call as it is sent."""
        found = cut = _SIGNS.sub("_", identity) or "call"
        while found in self._used:
            self._numbers[cut] = self._numbers.get(cut, 1) + 1
            found = f"{cut}_{self._numbers[cut]}"
        self._used.add(found)
        self._known[identity] = found
        return found

    def find(self, identity: str) -> str:
        """The id of a result: as its call was sent."""
        return self._known.get(identity, identity)


def pair_results(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns with every result where most interfaces want it: right behind the turn that called, before all else.

    Results without a call stay where they are. Nothing changes where all is in order, the usual case.
    """
    callers: dict[str, int] = {}
    found: dict[int, list[Result]] = {}
    tidy, last, spoken = True, -1, False
    for index, turn in enumerate(turns):
        if turn.role == "assistant":
            last, spoken = index, False
            callers.update((part.id, index) for part in turn.parts if isinstance(part, Call))
            continue
        for part in turn.parts:
            if isinstance(part, Result) and (caller := callers.get(part.id)) is not None:
                found.setdefault(caller, []).append(part)
                tidy = tidy and caller == last and not spoken
            else:
                spoken = True
    if tidy:
        return turns
    placed: list[Turn] = []
    for index, turn in enumerate(turns):
        parts = tuple(part for part in turn.parts if not (isinstance(part, Result) and part.id in callers))
        if parts or not turn.parts:
            placed.append(msgspec.structs.replace(turn, parts=parts))
        if index in found:
            placed.append(Turn("user", tuple(found[index]), path=found[index][0].path))
    return tuple(placed)
