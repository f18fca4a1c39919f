"""Bodies that differ from one before in nothing but their messages: what was decided about that one holds for them.

Who asks again sends the same parameters around other messages. When a body has the bytes of a known one before and
behind, and what stands between is one JSON value, then it is JSON as well, with the same members in the same places: so
it need not be taken apart again, and what goes upstream differs from what went before by the same value. Messages with
a list inside are left to the usual way, which looks into them.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

import msgspec

from tokenworks.admission.admit import Admitted
from tokenworks.admission.offer import Offer
from tokenworks.gateway.plain import Lane, is_plain
from tokenworks.limits import SLICE_TOKENS
from tokenworks.usage.meter import Show
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.fields import Source, prepare
from tokenworks.wire.request import RequestFacts, read_request

DIALECT: Dialect = "chat"  # where text alone can stand in the one member that varies
VARYING = "messages"
AROUND_BYTES_MAX = 2048  # of a form that is worth keeping
FORMS_MAX = 4  # of one key
_PROBES = (b"[]", b"[{}]")  # two values that differ behind their first byte


class Form:
    """The bytes around the messages, and all that follows from them. Lives as long as its lane."""

    __slots__ = ("_probe", "_ways", "admitted", "context", "facts", "held_tokens", "lane", "output_minor",
                 "prefix", "show", "start", "stream", "suffix", "tail")  # fmt: skip

    def __init__(self, prefix: bytes, suffix: bytes, probe: RequestFacts, lane: Lane, admitted: Admitted) -> None:
        self.prefix, self.suffix, self.start, self.tail = prefix, suffix, len(prefix), len(suffix)
        self.lane, self.admitted, self._probe = lane, admitted, probe
        self.facts = copy(probe)
        self.facts.fields = {}  # the usual way reads them from the body itself
        self._ways: dict[str, tuple[Source, bytes, bytes] | None] = {}
        self.show = Show(probe.include_usage, probe.progress_wanted)
        self.stream, self.context = probe.stream, admitted.model.context_tokens
        self.held_tokens = min(admitted.output_max, SLICE_TOKENS) if probe.stream else admitted.output_max
        self.output_minor = lane.price.pricer.price_output(self.held_tokens)

    def way(self, offer: Offer) -> tuple[Source, bytes, bytes] | None:
        """What stands before and behind the messages when they go to this deployment; None: it has to be worked out."""
        name = offer.deployment.id
        way = self._ways.get(name)
        if way is None or way[0] is not offer.source:
            way = self._ways[name] = self._find_way(offer.source)
        return way

    def _find_way(self, source: Source) -> tuple[Source, bytes, bytes] | None:
        """Two bodies go the usual way; what comes out differs where their messages do."""
        sent = []
        for value in _PROBES:
            facts = copy(self._probe)
            facts.fields = {**facts.fields, VARYING: msgspec.Raw(value)}
            body = self.prefix + value + self.suffix
            facts.body_bytes = len(body)
            prepared = prepare(body, facts, source, self.admitted.output_max, self.admitted.caller.account.id)
            sent.append(b"".join(prepared.pieces))
        one, other = sent
        place = next((at for at, (mine, its) in enumerate(zip(one, other, strict=False)) if mine != its), 0) - 1
        before, after = one[: max(place, 0)], one[place + len(_PROBES[0]) :]
        if sent != [before + value + after for value in _PROBES]:
            return None
        return source, before, after


def find_form(forms: Iterable[Form], body: bytes) -> Form | None:
    """The form that a body seems to have: its ends are the same."""
    for form in forms:
        if body.startswith(form.prefix) and body.endswith(form.suffix):
            return form
    return None


def learn_form(body: bytes, facts: RequestFacts, lane: Lane, admitted: Admitted) -> Form | None:
    """The form of a body that was admitted as a plain one; None when it is not worth keeping or not sure."""
    if facts.dialect != DIALECT or facts.spaced or not is_plain(facts):
        return None
    if any(offer.deployment.progress == "blind" for offer in admitted.offers):
        return None
    place = 1
    for key, raw in facts.fields.items():
        place += len(key) + 3
        if key == VARYING:
            prefix, suffix = body[:place], body[place + len(raw) :]
            break
        place += len(raw) + 1
    else:
        return None
    if len(prefix) + len(suffix) > AROUND_BYTES_MAX:
        return None
    probe = read_request(DIALECT, prefix + _PROBES[0] + suffix)
    if not isinstance(probe, RequestFacts) or probe.fields.keys() != facts.fields.keys() or not is_plain(probe):
        return None
    return Form(prefix, suffix, probe, lane, admitted)
