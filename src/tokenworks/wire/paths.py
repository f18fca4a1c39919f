"""Which request target means what: the dialect's endpoint, the list of models, a probe, or nothing of the gateway's.

Aliases (`/openai/v1`, `/anthropic/v1`), a doubled `/v1/v1`, a trailing slash and `?beta=true` are tolerated, because
clients are configured with every one of them. Everything not named here is the control process's.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qsl, unquote

import msgspec

from tokenworks.wire.dialects import FAMILY, Dialect, Family

Kind = Literal["inference", "count", "models", "model", "unserved", "unknown", "healthz", "readyz", "other"]

KEY_NAMES = frozenset({"key", "api_key", "api-key", "apikey", "access_token", "token"})
INFERENCE: dict[str, Dialect] = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/responses": "responses",
    "/messages": "messages",
    "/embeddings": "embeddings",
}
COUNTED: dict[str, Dialect] = {"/messages/count_tokens": "messages", "/responses/input_tokens": "responses"}
# Paths of the two interfaces that exist but are not sold here; a prefix ends in "/".
UNSERVED: dict[str, Family] = {
    "/messages/batches": "anthropic",
    "/messages/batches/": "anthropic",
    "/complete": "anthropic",
    "/responses/": "openai",
    "/conversations": "openai",
    "/conversations/": "openai",
    "/chat/completions/": "openai",
    "/files": "openai",
    "/files/": "openai",
    "/batches": "openai",
    "/batches/": "openai",
    "/images/": "openai",
    "/audio/": "openai",
    "/moderations": "openai",
    "/rerank": "openai",
    "/realtime": "openai",
    "/vector_stores": "openai",
    "/vector_stores/": "openai",
}
_PREFIXES: tuple[tuple[str, Family | None], ...] = (
    ("/openai/v1/v1", "openai"),
    ("/anthropic/v1/v1", "anthropic"),
    ("/openai/v1", "openai"),
    ("/anthropic/v1", "anthropic"),
    ("/v1/v1", None),
    ("/v1", None),
)


class Route(msgspec.Struct, frozen=True):
    """What a target means. `allow` are the methods that it answers; `family` is None where the client's headers decide.

    `count` asks what input a request of `dialect` would have. `model` is the id of `/v1/models/{id}`. `beta` says that
    `?beta=true` goes upstream too. `key_in_query`: refuse.
    """

    kind: Kind
    dialect: Dialect | None = None
    family: Family | None = None
    allow: tuple[str, ...] = ()
    model: str = ""
    beta: bool = False
    key_in_query: bool = False


_POST = ("POST", "OPTIONS")
_GET = ("GET", "HEAD", "OPTIONS")
_KNOWN: dict[bytes, Route] = {
    b"/v1" + path.encode(): Route("inference", dialect, FAMILY[dialect], _POST) for path, dialect in INFERENCE.items()
}
_KNOWN[b"/v1/messages?beta=true"] = Route("inference", "messages", "anthropic", _POST, beta=True)


def resolve_target(target: bytes) -> Route:
    """The meaning of a request target (path and query, as on the request line). One dict lookup for the usual ones."""
    return _KNOWN.get(target) or _resolve(target)


def route_family(route: Route, anthropic_version: bool) -> Family:
    """Whose envelope answers: the route's, else Anthropic's for clients that sent an `anthropic-version` header."""
    return route.family or ("anthropic" if anthropic_version else "openai")


def _resolve(target: bytes) -> Route:
    text = target.decode("latin-1")
    if not text.startswith("/"):  # absolute form, as sent to proxies
        text = "/" + text.partition("://")[2].partition("/")[2]
    path, _, query = text.partition("?")
    path = path.rstrip("/") or "/"
    if path in ("/healthz", "/readyz"):
        return Route("healthz" if path == "/healthz" else "readyz", allow=_GET)
    for prefix, family in _PREFIXES:
        if path == prefix or path.startswith(prefix + "/"):
            pairs = parse_qsl(query, keep_blank_values=True)
            keyed = any(name.lower() in KEY_NAMES for name, _ in pairs)
            return _endpoint(path[len(prefix) :], family, ("beta", "true") in pairs, keyed)
    return Route("other")


def _endpoint(path: str, family: Family | None, beta: bool, keyed: bool) -> Route:
    dialect = INFERENCE.get(path)
    if dialect:
        beta = beta and dialect == "messages"
        return Route("inference", dialect, FAMILY[dialect], _POST, beta=beta, key_in_query=keyed)
    if path in COUNTED:
        dialect = COUNTED[path]
        return Route("count", dialect, FAMILY[dialect], _POST, key_in_query=keyed)
    if path == "/models":
        return Route("models", None, family, _GET, key_in_query=keyed)
    if path.startswith("/models/"):
        return Route("model", None, family, _GET, model=unquote(path[8:]), key_in_query=keyed)
    for known, whose in UNSERVED.items():
        if path == known or (known.endswith("/") and path.startswith(known)):
            return Route("unserved", None, whose)
    return Route("unknown", None, family)
