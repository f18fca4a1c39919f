"""What the answer side must know of a request that changed its dialect: the answer is told in the client's words."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """The client's side of a translated request.

    `model` as the client named it. `forced`: a tool that has to be called, whose call the upstream was asked for as
    JSON of its schema: the answer's text is the call's arguments. `schema_tool` is the other way round: structured
    output that was asked for as a call of this tool: the call's arguments are the answer's text. `customs`: tools that
    the client declared as custom and that were sent as functions with one string member `input`. `groups`: names of
    tools as sent, each with the namespace it stands in at the client's; `names`: those of them that were sent under
    another name than the client's own, with that. `stops`: the stop sequences, because engines have some of their own.
    `echo`: JSON members (`"a":1,"b":2`, without braces) that a response object repeats.
    """

    model: str
    include_usage: bool = False
    forced: str = ""
    customs: frozenset[str] = frozenset()
    groups: Mapping[str, str] = {}
    names: Mapping[str, str] = {}
    reasoning_shown: bool = True
    schema_tool: str = ""
    stops: tuple[str, ...] = ()
    echo: bytes = b""
