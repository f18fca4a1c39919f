"""GET /v1/models and /v1/models/{id}: what this key may use, in one body for the SDKs of both interfaces and Codex."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tokenworks.admission.admit import Caller
from tokenworks.fleet.deployment import Model
from tokenworks.gateway.policybook import PolicyBook
from tokenworks.operations.view import show_time

EPOCH = "1970-01-01T00:00:00Z"  # the interface wants a time where none is known
TOOL_TOKENS = 10_000  # of a tool's output that Codex keeps; its own figure for most models
# Codex sends these with every request to a model of its catalogue; an entry without any is not read.
INSTRUCTIONS = (
    "You are a coding agent in the user's terminal. Find out with your tools instead of guessing: read files before "
    "you change them, and run commands to see what is there. Change only what the task needs, in the style of the code "
    "around it. When you have changed something, run it or its tests if you can. Ask before you do what cannot be "
    "undone. Go on until the task is done; then say in a few sentences what you did, what you checked and what is left."
)


def list_models(book: PolicyBook, caller: Caller, now_ns: int) -> list[Model]:
    """The models on sale to this key, by id: somebody may serve them, the key may use them, the card prices them."""
    allowed = caller.key.models
    return [model for name, model in sorted(book.models.items())
            if book.offers.get(name) and (not allowed or name in allowed) and book.price(caller.account, name, now_ns)]


def render_list(models: Sequence[Model]) -> bytes:
    """All of them; one page is enough. `data` is read by the SDKs of both interfaces, `models` by Codex."""
    rows = [_row(model) for model in models]
    return msgspec.json.encode({
        "object": "list", "data": rows, "has_more": False, "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
        "models": [_entry(model, place) for place, model in enumerate(models, 1)]})  # fmt: skip


def render_model(model: Model) -> bytes:
    """One model."""
    return msgspec.json.encode(_row(model))


def _row(model: Model) -> dict[str, object]:
    """What either interface says of a model, in one object: their words do not meet but in `id`."""
    return {
        "id": model.id, "object": "model", "created": model.created_at_ns // 1_000_000_000,
        "owned_by": model.vendor or "tokenworks", "type": "model", "display_name": model.id,
        "created_at": show_time(model.created_at_ns) or EPOCH, "lifecycle": "active",
        "max_input_tokens": model.context_tokens, "max_tokens": model.output_tokens_max}  # fmt: skip


def _entry(model: Model, place: int) -> dict[str, object]:
    """The model in Codex's catalogue (what 0.169 wants; `codex debug models` shows what it has read). Without an entry
    it guesses the context length, and says so at each start."""
    return {
        "slug": model.id, "display_name": model.id, "description": model.vendor or None, "priority": place,
        "visibility": "list", "supported_in_api": True, "supported_reasoning_levels": [], "support_verbosity": False,
        "supports_reasoning_summaries": False, "supports_parallel_tool_calls": True, "shell_type": "unified_exec",
        "apply_patch_tool_type": None, "experimental_supported_tools": [], "base_instructions": INSTRUCTIONS,
        "truncation_policy": {"mode": "tokens", "limit": TOOL_TOKENS}, "context_window": model.context_tokens,
        "input_modalities": ["text", "image"] if model.image_tokens_max else ["text"]}  # fmt: skip
