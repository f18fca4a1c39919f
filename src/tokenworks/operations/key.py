"""API keys: what a developer holds. The text is shown once; only its digest is kept."""

from __future__ import annotations

import msgspec

from tokenworks.errors import Invalid
from tokenworks.operations.desk import Desk
from tokenworks.operations.keytext import digest_text, mask_text, mint_text
from tokenworks.operations.operation import define
from tokenworks.operations.view import Page, check_limit, check_name, check_text, read_time, show_time
from tokenworks.store.shapes import KeyRow


class CreateKey(msgspec.Struct, forbid_unknown_fields=True):
    """`models` limits what the key may buy; none listed means all. `expires_at` is RFC 3339."""

    account: str
    name: str = ""
    models: list[str] = []
    expires_at: str | None = None


class OneKey(msgspec.Struct, forbid_unknown_fields=True):
    """A key by its id."""

    key: str


class ListKeys(msgspec.Struct, forbid_unknown_fields=True):
    """`account` lists the keys of one account."""

    account: str = ""
    cursor: str = ""
    limit: int = 50


class KeyView(msgspec.Struct):
    """A key as it may be shown to anybody."""

    id: str
    account: str
    name: str
    masked: str
    models: list[str]
    revoked: bool
    expires_at: str | None
    created_at: str | None


class NewKey(msgspec.Struct):
    """A new key with its text, which cannot be shown again."""

    id: str
    account: str
    name: str
    secret: str
    models: list[str]
    expires_at: str | None


def create_key(desk: Desk, ask: CreateKey) -> NewKey:
    """Make an API key. Its text is in `secret`, now and never again; gateways know it within a second."""
    desk.store.accounts.get(ask.account)
    models = tuple(check_name(model, "models") for model in ask.models)
    expires_ns, now_ns = read_time(ask.expires_at, "expires_at"), desk.clock.now_ns()
    if expires_ns and expires_ns <= now_ns:
        raise Invalid("expires_at", "lies in the past")
    text = mint_text(desk.secret_dice)
    row = KeyRow(desk.mint("key"), digest_text(desk.store.meta.facts().pepper, text), ask.account,
                 check_text(ask.name, "name"), mask_text(text), expires_ns, False, models, now_ns)
    desk.store.keys.add(row)
    return NewKey(row.id, row.account, row.name, text, list(models), show_time(expires_ns))


def list_keys(desk: Desk, ask: ListKeys) -> Page[KeyView]:
    """List API keys. Without their texts."""
    rows = desk.store.keys.page(ask.cursor, check_limit(ask.limit), ask.account)
    return Page([_view(kept.row) for kept in rows.data], rows.next_cursor, rows.next_cursor is not None)


def show_key(desk: Desk, ask: OneKey) -> KeyView:
    """Show an API key. Without its text."""
    return _view(desk.store.keys.get(ask.key).row)


def revoke_key(desk: Desk, ask: OneKey) -> KeyView:
    """Revoke an API key. Connected gateways refuse it within a second; it cannot be undone."""
    kept = desk.store.keys.get(ask.key)
    row = msgspec.structs.replace(kept.row, revoked=True)
    if not kept.row.revoked:
        desk.store.keys.put(row, kept.version)
    return _view(row)


def _view(row: KeyRow) -> KeyView:
    return KeyView(row.id, row.account, row.name, row.masked, list(row.models), row.revoked,
                   show_time(row.expires_at_ns), show_time(row.created_at_ns))


KEY = (
    define("key.create", create_key, once=True),
    define("key.list", list_keys),
    define("key.show", show_key),
    define("key.revoke", revoke_key),
)
