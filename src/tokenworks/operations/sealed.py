"""Sealed secrets: credentials kept in the books, under a master key that is not; referred to as `sealed:NAME`.

A secret goes to one host: the one that it was sealed for, else that of the first deployment that names it. Its text is
never shown again.
"""

from __future__ import annotations

import re

import msgspec

from tokenworks.errors import Conflict, Invalid, NotFound
from tokenworks.limits import PAGE_ROWS_MAX
from tokenworks.operations.desk import Desk
from tokenworks.operations.masterkey import MasterKey, MasterKeyFault, make_key
from tokenworks.operations.model import Removed
from tokenworks.operations.operation import define
from tokenworks.operations.secret import SEALED, is_credential
from tokenworks.operations.upstream import url_host
from tokenworks.operations.view import Page, check_limit, show_time
from tokenworks.store.ports import Secrets
from tokenworks.store.shapes import Kept, SecretRow

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")
_HOST = re.compile(r"https?://[a-z0-9.\[\]:-]+")
_TRIES = 5  # of a rotation among others' changes


class SetSecret(msgspec.Struct, forbid_unknown_fields=True):
    """`value` is the credential itself; it is sealed at once. `host`: https://name[:port], the only one it goes to."""

    secret: str
    value: str
    host: str | None = None


class OneSecret(msgspec.Struct, forbid_unknown_fields=True):
    """A secret by its name."""

    secret: str


class ListSecrets(msgspec.Struct, forbid_unknown_fields=True):
    """A page of them."""

    cursor: str = ""
    limit: int = 50


class RotateMaster(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing more is asked."""


class SecretView(msgspec.Struct):
    """A sealed secret without its text. `reference` is what a deployment names; `host` is empty until one does.

    `key`: the master key that it is sealed under; `readable`: this host has that key.
    """

    id: str
    reference: str
    host: str
    key: str
    readable: bool
    created_at: str | None
    changed_at: str | None


class Rotated(msgspec.Struct):
    """The master key that holds now, the ones before it, and how many secrets were sealed anew."""

    key: str
    before: list[str]
    secrets: int
    file: str


def set_secret(desk: Desk, ask: SetSecret) -> SecretView:
    """Seal a secret. New, or in place of what was sealed under this name; gateways use it within a second."""
    if not _NAME.fullmatch(ask.secret):
        raise Invalid("secret", "write 1 to 64 letters, digits or . _ -, beginning with a letter or digit")
    if not is_credential(ask.value):
        raise Invalid("value", "it must be printable ASCII without spaces, not empty, and at most 16 KiB")
    host = _check_host(ask.host) if ask.host is not None else None
    with desk.secrets.seals.keys.held():
        return _put(desk, ask, host)


def list_secrets(desk: Desk, ask: ListSecrets) -> Page[SecretView]:
    """List sealed secrets. Never their texts."""
    rows = desk.store.secrets.page(ask.cursor, check_limit(ask.limit))
    known = _known_keys(desk)
    return Page([_view(kept.row, known) for kept in rows.data], rows.next_cursor, rows.next_cursor is not None)


def show_secret(desk: Desk, ask: OneSecret) -> SecretView:
    """Show a sealed secret. Never its text."""
    return _view(desk.store.secrets.get(ask.secret).row, _known_keys(desk))


def remove_secret(desk: Desk, ask: OneSecret) -> Removed:
    """Remove a sealed secret. Refused while a deployment names it; what was sealed is erased."""
    kept = desk.store.secrets.get(ask.secret)
    if users := _find_users(desk, ask.secret):
        raise Conflict(f"The secret {ask.secret!r} is named by {', '.join(users)}. Give them another one first.")
    desk.store.secrets.drop(ask.secret, kept.version)
    return Removed(ask.secret)


def rotate_master(desk: Desk, ask: RotateMaster) -> Rotated:
    """Change the master key. Every secret is sealed anew in one transaction; the old key is kept until that is done.

    With a key file of your own, put the new key on its first line before, and take the old ones out afterwards.
    """
    keys, seals = desk.secrets.seals.keys, desk.secrets.seals
    with keys.held(alone=True):
        before = keys.load()
        new = make_key(desk.secret_dice) if keys.ours else seals.sealing_key(desk.secret_dice, True)
        if keys.ours:
            keys.keep([new, *before])
        done = _seal_anew(desk, new)
        if keys.ours:
            keys.keep([new])
    return Rotated(new.id, [one.id for one in before if one.id != new.id], done, str(keys.path))


def bind_secret(desk: Desk, reference: str, url: str) -> None:
    """A deployment at `url` names a sealed secret: it must be sealed for that host; one for none yet becomes so.

    Raises Invalid for one that is for another host, NotFound, SealBroken.
    """
    if not reference.startswith(SEALED):
        return
    shelf, seals, name, host = desk.store.secrets, desk.secrets.seals, reference.removeprefix(SEALED), url_host(url)
    with seals.keys.held():
        kept = shelf.get(name)
        if kept.row.host == "":
            row = msgspec.structs.replace(kept.row, host=host)
            row = seals.seal(row, seals.open(kept.row), desk.secret_dice, seals.sealing_key(desk.secret_dice, False))
            shelf.put(row, kept.version)
            return
    if kept.row.host != host:
        raise Invalid("secret", f"{reference} is sealed for {kept.row.host} and never goes to {host}; seal another one "
                      "for it, or this one anew with its --host")


def _put(desk: Desk, ask: SetSecret, host: str | None) -> SecretView:
    shelf, seals, now_ns = desk.store.secrets, desk.secrets.seals, desk.clock.now_ns()
    try:
        kept: Kept[SecretRow] | None = shelf.get(ask.secret)
    except NotFound:
        kept = None
    if host is None:
        host = kept.row.host if kept else ""
    if kept is not None and host != kept.row.host:
        _check_users(desk, ask.secret, host)
    row = SecretRow(ask.secret, host, "", b"", b"", kept.row.created_at_ns if kept else now_ns, now_ns)
    first = not shelf.page(limit=1).data
    row = seals.seal(row, ask.value, desk.secret_dice, seals.sealing_key(desk.secret_dice, first))
    if kept is None:
        shelf.add(row)
    else:
        shelf.put(row, kept.version)
    return _view(row, _known_keys(desk))


def _seal_anew(desk: Desk, key: MasterKey) -> int:
    """All secrets under `key`, in one transaction; somebody's change in between is taken in by another try."""
    seals, shelf = desk.secrets.seals, desk.store.secrets
    for last in range(_TRIES - 1, -1, -1):
        rows = _read_all(shelf)
        fresh = [Kept(seals.seal(kept.row, seals.open(kept.row), desk.secret_dice, key), kept.version)
                 for kept in rows]
        try:
            shelf.reseal(fresh)
            return len(fresh)
        except Conflict:
            if not last:
                raise
    raise AssertionError("a last try ends in one way or the other")


def _read_all(shelf: Secrets) -> list[Kept[SecretRow]]:
    rows = shelf.page(limit=PAGE_ROWS_MAX)
    found = list(rows.data)
    while rows.next_cursor is not None:
        rows = shelf.page(rows.next_cursor, PAGE_ROWS_MAX)
        found += rows.data
    return found


def _check_host(host: str) -> str:
    """`host` as deployments' addresses are compared: scheme://name[:port]; https where none is said."""
    found = (host if "://" in host else f"https://{host}").lower().rstrip("/")
    if host and not _HOST.fullmatch(found):
        raise Invalid("host", "write the host of the deployments that may use it, like https://api.example.com")
    return found if host else ""


def _check_users(desk: Desk, name: str, host: str) -> None:
    """Raises Conflict while a deployment elsewhere names the secret: any one does where it is for no host."""
    if users := _find_users(desk, name, host):
        raise Conflict(f"The secret {name!r} is named by {', '.join(users)}, which are not at {host}." if host else
                       f"The secret {name!r} is named by {', '.join(users)}. Give them another one first.")


def _find_users(desk: Desk, name: str, host: str = "") -> list[str]:
    """Deployments that name a secret; with `host` those that are elsewhere."""
    found, cursor = [], ""
    while True:
        rows = desk.store.deployments.page(cursor, PAGE_ROWS_MAX)
        found += [kept.row.id for kept in rows.data
                  if kept.row.secret == SEALED + name and (not host or url_host(kept.row.url) != host)]
        if rows.next_cursor is None:
            return found
        cursor = rows.next_cursor


def _known_keys(desk: Desk) -> set[str]:
    """The ids of the master keys that this host has; none while its file cannot be used."""
    try:
        return {one.id for one in desk.secrets.seals.keys.load()}
    except MasterKeyFault:
        return set()


def _view(row: SecretRow, known: set[str]) -> SecretView:
    return SecretView(row.id, SEALED + row.id, row.host, row.key_id, row.key_id in known, show_time(row.created_at_ns),
                      show_time(row.changed_at_ns))


SECRET = (
    define("secret.set", set_secret),
    define("secret.list", list_secrets),
    define("secret.show", show_secret),
    define("secret.remove", remove_secret),
    define("secret.rotate", rotate_master),
)
