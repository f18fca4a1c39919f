"""What comes beside the text of an answer, in another dialect: log probabilities and citations of the web.

Chat and responses know the same log probabilities under other envelopes, completions an older form of them; messages
know none. Signatures and encrypted reasoning can be read by their maker alone and are never told to others.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tokenworks.wire import loose
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.events import Extra


class _Other(msgspec.Struct, gc=False):
    """One of the tokens that might have come."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class _Token(msgspec.Struct, gc=False):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[_Other] = []


class _Chat(msgspec.Struct, gc=False):
    content: list[_Token] | None = None
    refusal: list[_Token] | None = None


class _Citation(msgspec.Struct, gc=False):
    url: str = ""
    title: str = ""
    start_index: int = 0
    end_index: int = 0


class _Annotation(_Citation, gc=False):
    type: str = ""
    url_citation: _Citation | None = None


_CHAT = loose.Loose(_Chat)
_TOKENS = loose.Loose(list[_Token])
_ANNOTATION = loose.Loose(_Annotation)


def carry_extra(extra: Extra, client: Dialect, texts: int) -> bytes:
    """The same for the client's dialect, as JSON; b"" for what it cannot say.

    `texts`: how many blocks of text have begun. Places in a text hold for the first block only.
    """
    if extra.key == "logprobs":
        return write_logprobs(client, _read_logprobs(extra.raw))
    return _cite(extra.raw, client) if extra.key == "annotation" and texts == 1 else b""


def _read_logprobs(raw: bytes) -> list[_Token]:
    if raw.startswith(b"["):
        return _TOKENS.decode(raw) or []
    said = _CHAT.decode(raw) or _Chat()
    return said.content or said.refusal or []


def write_logprobs(client: Dialect, tokens: list[_Token]) -> bytes:
    """Log probabilities of tokens as a dialect writes them; b"" if it knows none, or if there are none."""
    if not tokens or client == "messages":
        return b""
    if client == "completions":
        return msgspec.json.encode({
            "tokens": [token.token for token in tokens],
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": [{other.token: other.logprob for other in token.top_logprobs} for token in tokens],
        })
    made: list[Any] = [{**_entry(token), "top_logprobs": list(map(_entry, token.top_logprobs))} for token in tokens]
    return msgspec.json.encode(made if client == "responses" else {"content": made, "refusal": None})


def _entry(token: _Token | _Other) -> dict[str, object]:
    data = token.bytes if token.bytes is not None else list(token.token.encode("utf-8", "replace"))
    return {"token": token.token, "logprob": token.logprob, "bytes": data}


def _cite(raw: bytes, client: Dialect) -> bytes:
    """A citation of the web, which chat and responses both know."""
    said = _ANNOTATION.decode(raw) or _Annotation()
    cited = said.url_citation or said
    if said.type != "url_citation" or not cited.url or client not in ("chat", "responses"):
        return b""
    made: dict[str, object] = {"start_index": cited.start_index, "end_index": cited.end_index}
    made |= {"url": cited.url, "title": cited.title}
    whole = {"type": "url_citation", "url_citation": made} if client == "chat" else {"type": "url_citation", **made}
    return msgspec.json.encode(whole)
