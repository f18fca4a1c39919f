"""The field table at work: what a client may ask of an upstream, and the body as it goes there with our own values.

Each known field is passed, priced (passes only where the rate card prices it), owned (ours replaces it) or denied; the
rows stand in rules.py. What differs between deployments is worked out once per deployment and dialect.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from copy import copy
from typing import Literal

import msgspec

from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import CAPS, Pieces, RequestFacts, shown, weave, write_member
from tokenworks.wire.rules import (
    AUDIO,
    GUARDED,
    HELD,
    HELD_DIALECT,
    LEFT_OUT,
    OPEN,
    OWN_ONLY,
    PRICED_TOOLS,
    RENAMED,
    REPLACED,
    SALTED,
    SPECIAL,
    STRICT,
    UNSALTED,
    Rule,
)

PACED: frozenset[Engine] = frozenset({"vllm", "sglang", "trtllm"})  # with `continuous_usage_stats` in stream options

EXTRA_USES = 10  # uses of a server-side tool that are held for when the client sets no max_uses
COMPLETIONS_CAP = 16  # what /v1/completions makes without a cap, by OpenAI's interface
VALUE_BYTES_MAX = 256  # a guarded value that is longer is none of the harmless ones


class Plan(msgspec.Struct, frozen=True):
    """One deployment and dialect. `free` fields need no look. `fixed` values of ours go along always, `added` is how
    they are written; `replaced` ones go in place of the client's. `plain`: the keys of both.

    `options`: ours inside `stream_options`, None where there is no such field. `cap_word`: where a cap goes that the
    client did not give, "" where none is taken. `dropped` words are left out, `renamed` ones go by the engine's own.
    """

    free: frozenset[str]
    rules: dict[str, Rule]
    folded: dict[str, str]
    model: bytes
    fixed: dict[str, bytes]
    added: bytes
    replaced: dict[str, bytes]
    plain: frozenset[str]
    salted: bool
    options: dict[str, bytes] | None
    cap_word: str
    dropped: frozenset[str]
    renamed: Mapping[str, str]
    odd: frozenset[str]


class Source(msgspec.Struct, frozen=True):
    """What the table must know of a deployment, as plain values; `admission.offer.make_offer` fills it."""

    engine: Engine
    own: bool
    upstream_model: str
    progress: Literal["exact", "visible", "blind"] = "visible"
    share_prefix_cache: bool = False
    images: bool = False  # the model takes images
    plans: dict[Dialect, Plan] = {}

    def plan(self, dialect: Dialect) -> Plan:
        """The work done once; kept in `plans`."""
        found = self.plans.get(dialect)
        if found is None:
            found = self.plans[dialect] = _plan(self, dialect)
        return found


class Prepared(msgspec.Struct):
    """A body as it goes upstream: pieces to be written one after the other, `length` bytes together."""

    pieces: Pieces
    length: int


def refuse_dialect(source: Source, dialect: Dialect) -> str:
    """Why a source must not be asked in a dialect although it speaks it; "" when it may.

    /v1/messages of vLLM takes no cache salt, and that of llama.cpp no `cache_prompt`: accounts would share the prefix
    cache. An own llama.cpp is to be started with `--no-cache-prompt`, as the embedded one is. Others have no salt.
    """
    if source.share_prefix_cache:
        return ""
    if dialect in UNSALTED.get(source.engine, ()) or (
        source.engine == "llamacpp" and dialect == "messages" and not source.own
    ):
        return "its prefix cache cannot be kept apart by account in this dialect, and share_prefix_cache is off"
    return ""


def check_fields(facts: RequestFacts, source: Source, priced: Container[str] = ()) -> Malformed | None:
    """Why this source may not be asked this; `priced` names the extras that the account's card has a price for."""
    plan = source.plans.get(facts.dialect) or source.plan(facts.dialect)
    if not plan.free.issuperset(facts.fields):
        for key, raw in facts.fields.items():
            if key not in plan.free and (fault := _judge(key, raw, plan, source, priced)) is not None:
                return fault
    if facts.choices > 1 and source.engine == "llamacpp":
        if facts.prompts > 1:
            message = "This model answers one prompt per request. Send them one by one."
            return Malformed(Refusal.FEATURE_UNSUPPORTED, message, "prompt")
        if source.progress != "exact":  # then nothing says what the other answers are made of
            message = "n: must be 1 for this model. Send one request per answer."
            return Malformed(Refusal.FEATURE_UNSUPPORTED, message, "n")
    return None if facts.content is None else _judge_content(facts, source, priced)


def prepare(
    body: bytes, facts: RequestFacts, source: Source, output_cap: int | None, salt: str, as_stream: bool = False
) -> Prepared:
    """The body with the owned fields spliced in. Never refuses: `check_fields` came first.

    `output_cap` is the most output tokens to be funded, None for no limit of ours; it is written where the client's own
    cap is higher, and where there is none for own engines and blind ones. `salt` tells accounts' caches apart.
    `as_stream` asks for a stream although the client wants a whole body.
    """
    plan = source.plans.get(facts.dialect) or source.plan(facts.dialect)
    if plan.odd and not plan.odd.isdisjoint(facts.fields):
        body, facts = _recast(body, facts, plan)
    fields = facts.fields
    replaced: dict[str, bytes] = {}
    if facts.model != source.upstream_model:
        replaced["model"] = plan.model
    added = plan.added
    if not plan.plain.isdisjoint(fields):
        added = b""
        for key, value in plan.fixed.items():
            added += _put(replaced, fields, key, value)
        replaced.update((key, value) for key, value in plan.replaced.items() if key in fields)
    if plan.salted:
        added += _put(replaced, fields, "cache_salt", msgspec.json.encode(salt))
    asked = facts.output_cap
    if (output_cap is not None and (asked is None or asked > output_cap)) or facts.caps > 1:
        for word, cap in _own_cap(facts, source, plan, output_cap):
            added += _put(replaced, fields, word, b"%d" % cap)
    streamed = facts.stream
    if as_stream and not streamed:
        streamed = True
        added += _put(replaced, fields, "stream", b"true")
    if streamed and plan.options is not None and (options := _own_options(facts, plan.options)) is not None:
        added += _put(replaced, fields, "stream_options", options)
    pieces, length = weave(body, facts, replaced, added)
    return Prepared(pieces, length)


def _recast(body: bytes, facts: RequestFacts, plan: Plan) -> tuple[bytes, RequestFacts]:
    """The body without the words that the engine does not take, and with those that it knows under another name."""
    members = {plan.renamed.get(key, key): raw for key, raw in facts.fields.items() if key not in plan.dropped}
    if facts.output_cap is not None:  # two caps may have become one, which is the least
        cap = msgspec.Raw(b"%d" % facts.output_cap)
        members.update((word, cap) for word in CAPS[facts.dialect] if word in members)
    body = b"{" + b"".join(write_member(key, raw) for key, raw in members.items())[:-1] + b"}"
    facts = copy(facts)
    facts.fields, facts.spaced, facts.body_bytes = members, False, len(body)
    facts.caps = min(facts.caps, sum(word in members for word in CAPS[facts.dialect]))
    return body, facts


def _put(replaced: dict[str, bytes], fields: Container[str], key: str, value: bytes) -> bytes:
    """Ours in place of the client's value, if there is one; else the member to add at the front."""
    if key not in fields:
        return b'"' + key.encode() + b'":' + value + b","  # keys of ours need no escapes
    replaced[key] = value
    return b""


def _own_cap(facts: RequestFacts, source: Source, plan: Plan, output_cap: int | None) -> list[tuple[str, int]]:
    """The caps to write. Each that stands in the body gets the least: engines differ in which of two they heed."""
    words = [word for word in CAPS[facts.dialect] if word in facts.fields]
    asked = facts.output_cap
    if asked is not None:
        return [(word, asked if output_cap is None else min(asked, output_cap)) for word in words]
    if output_cap is None or not (words or (plan.cap_word and (source.own or source.progress == "blind"))):
        return []
    if facts.dialect == "completions" and source.engine != "llamacpp":
        output_cap = min(output_cap, COMPLETIONS_CAP)
    return [(word, output_cap) for word in words or (plan.cap_word,)]


def _own_options(facts: RequestFacts, ours: dict[str, bytes]) -> bytes | None:
    """`stream_options` with ours among the client's; None where they say it already."""
    raw = facts.fields.get("stream_options")
    if raw is None:
        return _WRITTEN[len(ours)]
    if facts.include_usage and len(ours) == 1:
        return None
    if len(raw) == len(_WRITTEN[1]) and bytes(raw) == _WRITTEN[1]:  # what SDKs send
        return _WRITTEN[len(ours)]
    theirs = _MEMBERS.decode(raw) or {}
    return msgspec.json.encode({**theirs, **{key: msgspec.Raw(value) for key, value in ours.items()}})


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
_USAGE = {"include_usage": b"true"}
_PACED = {**_USAGE, "continuous_usage_stats": b"true"}
_WRITTEN = {len(options): msgspec.json.encode(dict.fromkeys(options, True)) for options in (_USAGE, _PACED)}


def _judge(key: str, raw: msgspec.Raw, plan: Plan, source: Source, priced: Container[str]) -> Malformed | None:
    """The verdict on a field that needs a look. In another spelling, some upstream might take it for the right one."""
    meant = plan.folded.get(key.casefold())
    if meant is None:
        if not source.own:
            return None
        message = f"{key} is not known to the server of this model. Leave it out."
        return Malformed(Refusal.FEATURE_UNSUPPORTED, message, key)
    if meant != key:
        return Malformed(Refusal.FIELD_INVALID, f"{key!r} looks like {meant!r} in another spelling. Leave it out.", key)
    rule = plan.rules[key]
    if rule.verdict in ("passed", "owned") or (rule.verdict == "priced" and rule.price in priced):
        return None
    if len(raw) <= VALUE_BYTES_MAX:
        value = msgspec.json.decode(raw)
        if any(value == harmless and type(value) is type(harmless) for harmless in rule.only):
            return None
        if rule.keys and isinstance(value, dict) and rule.keys.issuperset(value):
            return None
    return Malformed(Refusal.FEATURE_UNSUPPORTED, f"{key}: {shown(raw)} {rule.remedy}", key)


def _judge_content(facts: RequestFacts, source: Source, priced: Container[str]) -> Malformed | None:
    content, dialect = facts.content, facts.dialect
    assert content is not None
    key = "input" if dialect == "responses" else "messages"
    for kind in sorted(content.tools):
        if (reason := _refuse_tool(kind, dialect, source, priced)) != "":
            return Malformed(Refusal.FEATURE_UNSUPPORTED, f"tools: the type {kind!r} {reason}", "tools")
    if content.images and not source.images:
        return Malformed(Refusal.FEATURE_UNSUPPORTED, "This model takes no images. Leave them out.", key)
    unsold = content.kinds if source.own else content.kinds & AUDIO
    if unsold:
        message = f"This model takes no parts of type {min(unsold)!r}. Leave them out."
        return Malformed(Refusal.FEATURE_UNSUPPORTED, message, key)
    if content.remote and source.own:
        message = "Addresses are not fetched for this model. Send the data itself, as data:...;base64,..."
        return Malformed(Refusal.FEATURE_UNSUPPORTED, message, key)
    return None


def unsold_tools(facts: RequestFacts, source: Source, priced: Container[str] = ()) -> frozenset[str]:
    """Types of tools in this request that would run on the source's servers and have no price."""
    kinds = facts.content.tools if facts.content is not None else ()
    return frozenset(kind for kind in kinds if _refuse_tool(kind, facts.dialect, source, priced))


def count_uses(facts: RequestFacts, engine: Engine) -> dict[str, int]:
    """How often this request may use each extra that is priced by the use: as its tools say, or EXTRA_USES."""
    uses: dict[str, int] = {}
    for kind, most in facts.content.tools.items() if facts.content is not None else ():
        for beginning, price in PRICED_TOOLS.get((engine, facts.dialect), {}).items():
            if kind.startswith(beginning):
                uses[price] = uses.get(price, 0) + (most or EXTRA_USES)
    return uses


def _refuse_tool(kind: str, dialect: Dialect, source: Source, priced: Container[str]) -> str:
    for beginning, price in {} if source.own else PRICED_TOOLS.get((source.engine, dialect), {}).items():
        if kind.startswith(beginning) and price in priced:
            return ""
    return "runs on the server, costs extra and has no price here. Switch it off in your client."


def _plan(source: Source, dialect: Dialect) -> Plan:
    engine = source.engine
    takes = OPEN[dialect] | SPECIAL.get((engine, dialect), frozenset())
    rules = {key: rule for key, rule in {**GUARDED[dialect], **HELD[engine]}.items() if key not in takes}
    rules.update(HELD_DIALECT.get((engine, dialect), {}))
    if source.own:
        rules.update(OWN_ONLY)
    fixed = _fixed_values(source, dialect)
    replaced = {key: value for key, value in REPLACED.items() if key in rules and rules[key].verdict == "owned"}
    options = None
    if dialect in ("chat", "completions") and engine != "mistral":
        options = _PACED if engine in PACED and source.progress == "exact" else _USAGE
    words = CAPS[dialect]
    dropped = LEFT_OUT.get(engine, frozenset())
    if engine in STRICT:  # a value that passed was harmless; the word itself would not be
        dropped |= {key for key, rule in rules.items() if rule.verdict == "denied"}
    replaced = {key: value for key, value in replaced.items() if key not in dropped}
    renamed = {key: word for key, word in RENAMED.get(engine, {}).items() if key in takes}
    return Plan(
        free=frozenset(takes - rules.keys()),
        rules=rules,
        folded={key.casefold(): key for key in takes | rules.keys()},
        model=msgspec.json.encode(source.upstream_model),
        fixed=fixed,
        added=b"".join(write_member(key, value) for key, value in fixed.items()),
        replaced=replaced,
        plain=frozenset(fixed.keys() | replaced.keys()),
        salted=engine in SALTED and dialect not in UNSALTED[engine] and not source.share_prefix_cache,
        options=options,
        cap_word="" if not words else words[0] if engine == "openai" else words[-1],
        dropped=dropped,
        renamed=renamed,
        odd=dropped | renamed.keys(),
    )


def _fixed_values(source: Source, dialect: Dialect) -> dict[str, bytes]:
    """What an engine is told with every request; llama.cpp's /v1/messages would not hear it."""
    if source.engine != "llamacpp" or dialect not in ("chat", "completions", "responses"):
        return {}
    fixed = {"cache_prompt": b"true" if source.share_prefix_cache else b"false"}
    if source.progress == "exact":
        fixed["timings_per_token"] = b"true"
    return fixed
