"""Models: what is sold under a name."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from tokenworks.errors import Conflict, Invalid, NotFound
from tokenworks.fleet.deployment import Model
from tokenworks.operations.desk import Desk, pick_version
from tokenworks.operations.operation import define
from tokenworks.operations.view import Page, check_limit, check_name, check_text, show_time
from tokenworks.store.shapes import Kept

Tokens = Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]


class SetModel(msgspec.Struct, forbid_unknown_fields=True):
    """`context_tokens` bounds input and output together, `output_tokens_max` one answer.

    `tokenizer`: "" estimates by bytes, "tokenworks-tiny", or "file:/path/tokenizer.json". `image_tokens_max`: 0 refuses
    images. `if_version`: only while the model is at this version; 0: only where there is none yet.
    """

    model: str
    context_tokens: Tokens
    output_tokens_max: Tokens | None = None
    vendor: str = ""
    modality: Literal["text", "embedding"] = "text"
    tokenizer: str = ""
    image_tokens_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    if_version: int | None = None


class OneModel(msgspec.Struct, forbid_unknown_fields=True):
    """A model by its name."""

    model: str


class RemoveModel(msgspec.Struct, forbid_unknown_fields=True):
    """A model by its name. `if_version`: only while it is at this version."""

    model: str
    if_version: int | None = None


class ListModels(msgspec.Struct, forbid_unknown_fields=True):
    """A page of models."""

    cursor: str = ""
    limit: int = 50


class ModelView(msgspec.Struct):
    """A model as it is sold."""

    id: str
    context_tokens: int
    output_tokens_max: int
    vendor: str
    modality: str
    tokenizer: str
    image_tokens_max: int
    created_at: str | None
    version: int


class Removed(msgspec.Struct):
    """What was removed."""

    id: str
    removed: bool = True


def set_model(desk: Desk, ask: SetModel) -> ModelView:
    """Set a model. Makes it, or replaces what is known of it."""
    if ask.tokenizer not in ("", "tokenworks-tiny") and not ask.tokenizer.startswith("file:/"):
        raise Invalid("tokenizer", 'write "", "tokenworks-tiny" or "file:/path/tokenizer.json"')
    try:
        kept: Kept[Model] | None = desk.store.models.get(ask.model)
    except NotFound:
        kept = None
    row = Model(check_name(ask.model, "model"), ask.context_tokens,
                min(ask.output_tokens_max or ask.context_tokens, ask.context_tokens), check_text(ask.vendor, "vendor"),
                ask.modality, ask.tokenizer, ask.image_tokens_max,
                kept.row.created_at_ns if kept else desk.clock.now_ns())
    if kept is not None:
        return _view(Kept(row, desk.store.models.put(row, pick_version(kept, ask.if_version))))
    if ask.if_version:
        raise NotFound("model", ask.model)
    return _view(Kept(row, desk.store.models.add(row)))


def list_models(desk: Desk, ask: ListModels) -> Page[ModelView]:
    """List models. In the order of their names."""
    rows = desk.store.models.page(ask.cursor, check_limit(ask.limit))
    return Page([_view(kept) for kept in rows.data], rows.next_cursor, rows.next_cursor is not None)


def show_model(desk: Desk, ask: OneModel) -> ModelView:
    """Show a model. As gateways know it."""
    return _view(desk.store.models.get(ask.model))


def remove_model(desk: Desk, ask: RemoveModel) -> Removed:
    """Stop selling a model. Its deployments must be removed first."""
    kept = desk.store.models.get(ask.model)
    users = desk.store.deployments.page(limit=1, under=ask.model).data
    if users:
        raise Conflict(f"Deployment {users[0].row.id} serves {ask.model}. Remove the model's deployments first.")
    desk.store.models.drop(ask.model, pick_version(kept, ask.if_version))
    return Removed(ask.model)


def _view(kept: Kept[Model]) -> ModelView:
    row = kept.row
    return ModelView(row.id, row.context_tokens, row.output_tokens_max, row.vendor, row.modality, row.tokenizer,
                     row.image_tokens_max, show_time(row.created_at_ns), kept.version)


MODEL = (
    define("model.set", set_model),
    define("model.list", list_models),
    define("model.show", show_model),
    define("model.remove", remove_model),
)
