"""GET /v1/models and /v1/models/{id}, in the shape of the family that asks: what this key may use."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tokenworks.admission.admit import Caller
from tokenworks.fleet.deployment import Model
from tokenworks.gateway.policybook import PolicyBook
from tokenworks.operations.view import show_time
from tokenworks.wire.dialects import Family

EPOCH = "1970-01-01T00:00:00Z"  # the interface wants a time where none is known


def list_models(book: PolicyBook, caller: Caller, now_ns: int) -> list[Model]:
    """The models on sale to this key, by id: somebody may serve them, the key may use them, the card prices them."""
    allowed = caller.key.models
    return [model for name, model in sorted(book.models.items())
            if book.offers.get(name) and (not allowed or name in allowed) and book.price(caller.account, name, now_ns)]


def render_list(models: Sequence[Model], family: Family) -> bytes:
    """All of them; one page is enough for both interfaces."""
    rows = [_row(model, family) for model in models]
    if family == "openai":
        return msgspec.json.encode({"object": "list", "data": rows})
    return msgspec.json.encode({
        "data": rows, "has_more": False, "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None})  # fmt: skip


def render_model(model: Model, family: Family) -> bytes:
    """One model."""
    return msgspec.json.encode(_row(model, family))


def _row(model: Model, family: Family) -> dict[str, object]:
    if family == "openai":
        return {"id": model.id, "object": "model", "created": model.created_at_ns // 1_000_000_000,
                "owned_by": model.vendor or "tokenworks"}
    return {"type": "model", "id": model.id, "display_name": model.id,
            "created_at": show_time(model.created_at_ns) or EPOCH,
            "max_input_tokens": model.context_tokens, "max_tokens": model.output_tokens_max}
