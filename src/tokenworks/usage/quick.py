"""The usual whole body, read in one pass: where usage stands as it should, nothing else of the answer need be read.

A short cut to what `meter.read_whole` says, for the dialects whose bodies issue no ids. Whatever is not the usual case
(no usage, an error, more than one choice, a surprise) is left to `read_whole`.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.meter import WholeReport
from tokenworks.usage.normalise import normalise
from tokenworks.usage.report import Report
from tokenworks.wire.dialects import Dialect, Engine

_NONE = msgspec.Raw(b"")
_DIALECTS: frozenset[Dialect] = frozenset({"chat", "completions", "embeddings"})


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class _Body(msgspec.Struct, gc=False):
    usage: msgspec.Raw
    error: msgspec.Raw = _NONE
    choices: tuple[_Choice, ...] = ()


_BODY = msgspec.json.Decoder(_Body)


def read_quick(dialect: Dialect, engine: Engine, body: bytes) -> WholeReport | None:
    """What a whole body of the usual kind says of usage, without `visible_bytes`; None: ask `read_whole`."""
    if dialect not in _DIALECTS:
        return None
    try:
        found = _BODY.decode(body)
        if len(found.choices) > 1 or bytes(found.error) not in (b"", b"null"):
            return None
        raw = bytes(found.usage)
        report = Report(normalise(engine, dialect, raw), raw, "reported")
    except (msgspec.DecodeError, UnicodeDecodeError, UsageError):
        return None
    finish = found.choices[0].finish_reason or "stop" if found.choices else ""
    return WholeReport(report, (), 0, finish, finish == "length")
