"""An offer: one deployment made ready for the request path, compiled once per policy change."""

from __future__ import annotations

import msgspec

from tokenworks.credit.policy import Endpoint
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.wire.fields import Source
from tokenworks.wire.headers import HeadWriter


class Offer(msgspec.Struct, frozen=True):
    """A deployment with what the request path needs of it: the field table's source and the writer of heads."""

    deployment: Deployment
    source: Source
    heads: HeadWriter
    credential: str = ""  # nothing that an upstream says may repeat it into the books

    def mask(self, text: str) -> str:
        """What an upstream said, without the credential that it was sent."""
        return text.replace(self.credential, "***") if self.credential else text


def make_offer(endpoint: Endpoint, model: Model) -> Offer:
    """The offer of an endpoint; raises ValueError when its URL or credential cannot stand in a request head."""
    row = endpoint.deployment
    source = Source(
        row.engine, row.own, row.upstream_model, row.progress, row.share_prefix_cache, model.image_tokens_max > 0
    )
    return Offer(row, source, HeadWriter(row.url, row.engine, endpoint.credential, row.own),
                 endpoint.credential)
