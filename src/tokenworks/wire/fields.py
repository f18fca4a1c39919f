"""The field table: what a client may ask of an upstream, per dialect and engine, and what of it is ours.

Each known field is passed, priced (passes only where the rate card prices it), owned (ours replaces it) or denied.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

import msgspec

from tokenworks.wire.dialects import Engine
from tokenworks.wire.refusals import Malformed
from tokenworks.wire.request import Pieces, RequestFacts


class Source(msgspec.Struct, frozen=True):
    """What the table must know of a deployment, as plain values; `admission.offer.make_offer` fills it."""

    engine: Engine
    own: bool
    upstream_model: str
    progress: Literal["exact", "visible", "blind"] = "visible"
    share_prefix_cache: bool = False
    images: bool = False  # the model takes images


class Prepared(msgspec.Struct):
    """A body as it goes upstream: pieces to be written one after the other, `length` bytes together."""

    pieces: Pieces
    length: int


def check_fields(facts: RequestFacts, source: Source, priced: Container[str] = ()) -> Malformed | None:
    """Why this source may not be asked this; `priced` names the extras that the account's card has a price for."""
    raise NotImplementedError(facts, source, priced)


def prepare(
    body: bytes, facts: RequestFacts, source: Source, output_cap: int | None, salt: str, as_stream: bool = False
) -> Prepared:
    """The body with the owned fields spliced in. Never refuses: `check_fields` came first.

    `output_cap` is the most output tokens to be funded, None for no limit of ours. `salt` tells accounts' caches apart.
    `as_stream` asks for a stream although the client wants a whole body.
    """
    raise NotImplementedError(body, facts, source, output_cap, salt, as_stream)
