"""Tools that run on an upstream's servers, cost extra and have no price: taken out where they are only declared.

Agents declare a search with every request and hardly ever use it; refused for it, they could not work at all. Whoever
insists on one, by `tool_choice`, is refused: his answer would not be what he asked for.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

import msgspec

from tokenworks.admission.offer import Offer
from tokenworks.admission.translated import Others, Told, speaks
from tokenworks.wire.fields import check_fields, unsold_tools
from tokenworks.wire.request import RequestFacts, read_request

FREE = (b"null", b'"auto"', b'"none"', b'{"type":"auto"}', b'{"type": "auto"}', b'{"type":"none"}')
_TOOLS = msgspec.json.Decoder(list[msgspec.Raw])


class _Typed(msgspec.Struct):
    type: str = "function"
    name: str = ""


_TYPED = msgspec.json.Decoder(_Typed)


class Trimmed(msgspec.Struct, frozen=True):
    """A request without some of its tools, in the client's own dialect: nothing has to be told back."""

    body: bytes
    facts: RequestFacts
    notes: tuple[str, ...]
    asked: None = None


def trim_tools(facts: RequestFacts, offers: Iterable[Offer], priced: Container[str] = ()) -> Others:
    """Those who speak the client's dialect and may be asked this without what they do not sell."""
    known: dict[frozenset[str], Trimmed | None] = {}
    serving: list[Offer] = []
    told: Told = {}
    for offer in offers if facts.content is not None and facts.content.tools else ():
        unsold = unsold_tools(facts, offer.source, priced)
        if not unsold or not offer.deployment.enabled or not speaks(offer, facts.dialect):
            continue
        if unsold not in known:
            known[unsold] = _trim(facts, unsold)
        found = known[unsold]
        if found is not None and check_fields(found.facts, offer.source, priced) is None:
            serving.append(offer)
            told[offer.deployment.id] = found
    return Others(tuple(serving), told, ())


def _trim(facts: RequestFacts, unsold: frozenset[str]) -> Trimmed | None:
    """The request without tools of these types; None where it insists on one of them, or on some tool of none left."""
    tools = [(_TYPED.decode(raw), raw) for raw in _TOOLS.decode(facts.fields["tools"])]
    kept = [raw for tool, raw in tools if tool.type not in unsold]
    gone = {word for tool, _ in tools if tool.type in unsold for word in (tool.type, tool.name) if word}
    choice = bytes(facts.fields.get("tool_choice", b"null"))
    if any(word.encode() in choice for word in gone) or (not kept and choice not in FREE):
        return None
    fields = dict(facts.fields)
    if kept:
        fields["tools"] = msgspec.Raw(msgspec.json.encode(kept))
    else:
        del fields["tools"]
        fields.pop("tool_choice", None)
    body = msgspec.json.encode(fields)
    found = read_request(facts.dialect, body, counting=True)  # what must be there has been seen to be there
    notes = tuple(f"tools: {kind} dropped: it runs on the server, costs extra and has no price here"
                  for kind in sorted(unsold))
    return Trimmed(body, found, notes) if isinstance(found, RequestFacts) else None
