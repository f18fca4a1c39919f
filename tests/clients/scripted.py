"""An upstream that plays the model where the tiny one cannot: it answers by what the request says, in one dialect.

It calls the tool that it is given, answers with JSON of the schema that it is given, and says what a tool said. Its
usage figures are made of the request and the answer, so that whoever shows others has made them up.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.clients.reading import PATHS, Asked, read_asked, sample, sample_text
from tests.clients.telling import STREAM, WHOLE, Call, Told
from tests.e2e.sources import Source
from tests.gateway.upstream import Exchange

Mind = Callable[[Asked], Told]
Twist = Callable[[Exchange, Asked, Told], Awaitable[bool]]
GREETING = "Good day from the waterworks."
TOLD = "The tool said: "
WORDS = "Answer exactly this:\n"  # a user who says so gets what comes after it


@dataclass
class Served:
    """One answer that was given in full."""

    asked: Asked
    told: Told


def think(asked: Asked) -> Told:
    """What a helpful model would do."""
    if asked.tools and asked.forced:
        return call_tool(asked, next(iter(asked.tools)) if asked.forced == "any" else asked.forced)
    if asked.results:
        return weigh(asked, Told(TOLD + asked.results[-1]))
    if asked.tools:
        return call_tool(asked, next(iter(asked.tools)))
    if WORDS in asked.said:
        return weigh(asked, Told(asked.said.partition(WORDS)[2].strip()))
    return weigh(asked, Told(sample_text(asked.schema) if asked.schema else GREETING))


def call_tool(asked: Asked, name: str) -> Told:
    """A call of the tool with arguments that its schema allows."""
    custom = name in asked.customs
    arguments = "Paris" if custom else json.dumps(sample(asked.tools[name]))
    return weigh(asked, Told(calls=[Call(name, arguments, custom, asked.spaces.get(name, ""))]))


def weigh(asked: Asked, told: Told) -> Told:
    """The figures of this request and answer."""
    told.fresh = 11 + len(asked.said) + len(asked.results)
    told.cached = 7 + len(asked.tools)
    told.output = 3 + len(told.text) // 4 + sum(len(call.arguments) for call in told.calls)
    return told


class Scripted(Source):
    """A source of one dialect. `served` grows with each answer; a twist of a model's may answer in another way."""

    def __init__(self, model: str, dialect: str, mind: Mind = think) -> None:
        super().__init__(model, self._play)
        self.dialect, self.mind = dialect, mind
        self.served: list[Served] = []
        self.wrong: list[str] = []
        self.twists: dict[str, Twist] = {}  # by the name under which the model is asked for here

    async def _play(self, exchange: Exchange) -> None:
        path = exchange.target.partition("?")[0]
        if PATHS.get(path) != self.dialect:
            await exchange.whole({"error": {"message": f"{path} is not served here", "type": "not_found"}}, 404)
            return
        try:
            asked = read_asked(path, exchange.json)
        except (KeyError, TypeError, AttributeError, AssertionError) as error:  # no body of this dialect
            self.wrong.append(f"{error!r} in {exchange.body[:4000]!r}")
            await exchange.whole({"error": {"message": f"bad body: {error!r}", "type": "invalid_request_error"}}, 400)
            return
        told = self.mind(asked)
        twist = self.twists.get(asked.model)
        if twist is not None and await twist(exchange, asked, told):
            return
        self.served.append(Served(asked, told))
        await tell(exchange, asked, told)


async def tell(exchange: Exchange, asked: Asked, told: Told) -> None:
    """The answer, as it was asked for."""
    if not asked.stream:
        await exchange.whole(WHOLE[asked.dialect](asked, told))
        return
    await exchange.start()
    for name, payload in STREAM[asked.dialect](asked, told):
        await exchange.event(payload, name)
    await exchange.end()
