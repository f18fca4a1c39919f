"""The usual whole body, read in one pass: where usage stands as it should, nothing else of the answer need be read.

A short cut to what `meter.read_whole` says, for the dialects whose bodies issue no ids. Whatever is not the usual case
(no usage, an error, more than one choice, a surprise) is left to `read_whole`.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.meter import WholeReport
from tokenworks.usage.normalise import find_reader
from tokenworks.usage.report import Report
from tokenworks.usage.reshown import may_reshow, reshow_usage
from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import ENGINES, Dialect, Engine

_NONE = msgspec.Raw(b"")
_DIALECTS: tuple[Dialect, ...] = ("chat", "completions", "embeddings")
_READERS = {(dialect, engine): find_reader(engine, dialect) for dialect in _DIALECTS for engine in ENGINES}
_RESHOWN = frozenset(pair for pair in _READERS if may_reshow(pair[1], pair[0]))
Said = tuple[Usage, bytes, str]


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class _Body(msgspec.Struct, gc=False):
    usage: msgspec.Raw
    error: msgspec.Raw = _NONE
    choices: tuple[_Choice, ...] = ()


_BODY = msgspec.json.Decoder(_Body).decode


def read_quick(dialect: Dialect, engine: Engine, body: bytes) -> WholeReport | None:
    """What a whole body of the usual kind says of usage, without `visible_bytes`; None: ask `read_whole`."""
    said = read_said(dialect, engine, body)
    if said is None:
        return None
    usage, raw, finish = said
    return WholeReport(Report(usage, raw, "reported"), (), 0, finish, finish == "length")


def read_said(dialect: Dialect, engine: Engine, body: bytes) -> Said | None:
    """The same as the bare figures: the usage, the bytes that said it, and the dialect's word for why it ended."""
    read = _READERS.get((dialect, engine))
    if read is None:
        return None
    try:
        found = _BODY(body)
        choices, error = found.choices, found.error
        if len(choices) > 1 or (error is not _NONE and bytes(error) != b"null"):
            return None
        raw = bytes(found.usage)
        usage = read(raw)
        if (dialect, engine) in _RESHOWN and reshow_usage(engine, dialect, raw, usage) is not None:
            return None  # what the client is shown is written anew
        return usage, raw, choices[0].finish_reason or "stop" if choices else ""
    except (msgspec.DecodeError, UnicodeDecodeError, UsageError):
        return None
