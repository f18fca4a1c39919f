"""Models and deployments as facts. A deployment is one routable source of one model: own or bought."""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.wire.dialects import Dialect, Engine

Progress = Literal["exact", "visible", "blind"]
Hangup = Literal["cancel", "drain", "waive"]  # what happens when the client hangs up
Failure = Literal["bill", "waive"]  # an upstream that fails in mid-stream: bill what was delivered, or nothing


class Model(msgspec.Struct, frozen=True):
    """What is sold under a name. `context_tokens` bounds input plus output; `output_tokens_max` bounds one answer."""

    id: str
    context_tokens: int
    output_tokens_max: int
    vendor: str = ""
    modality: Literal["text", "embedding"] = "text"
    tokenizer: str = ""  # "" = estimate by bytes, "tokenworks-tiny", or "file:/path/tokenizer.json"
    image_tokens_max: int = 0  # input tokens that one image may cost at most; 0: images are refused
    created_at_ns: int = 0


class Deployment(msgspec.Struct, frozen=True):
    """One source of one model. `secret` is a reference (env:TOKENWORKS_SECRET_X, file:/dir/x), never the key itself.

    `url` is http(s)://host[:port][/prefix] without the `/v1/...` path of the endpoint.
    """

    id: str
    model: str
    url: str
    upstream_model: str
    engine: Engine
    dialects: tuple[Dialect, ...]
    own: bool = False  # own engine: unknown request fields are refused; bought: they pass
    secret: str = ""
    progress: Progress = "visible"
    hangup: Hangup = "cancel"
    failure: Failure = "bill"
    cost_card: str = ""  # rate card by which the operator's cost is counted; "" = no cost booked
    ca_file: str = ""
    proxy: str = ""
    share_prefix_cache: bool = False  # accounts may share this engine's prefix cache
    allow_private: bool = True  # loopback and private addresses may be dialled (link-local never)
    enabled: bool = True
