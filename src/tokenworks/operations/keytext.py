"""The text of an API key: `tw_live_`, 32 random base-62 characters, 6 that check them.

The check lets a scanner, or a gateway, tell a mistyped or foreign key without asking anybody; it is no secret.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib

from tokenworks.clock import Dice

PREFIX = "tw_live_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARS, _CHECK_CHARS = 32, 6


def mint_text(dice: Dice) -> str:
    """A new key, 190 random bits."""
    value = int.from_bytes(dice.draw(32), "big")
    body = PREFIX + _encode(value, _RANDOM_CHARS)
    return body + _check(body)


def text_checks(text: str) -> bool:
    """True when `text` has a key's form and its last six characters check the rest."""
    body = text[:-_CHECK_CHARS]
    well_formed = len(text) == len(PREFIX) + _RANDOM_CHARS + _CHECK_CHARS and text.startswith(PREFIX)
    return well_formed and text[-_CHECK_CHARS:] == _check(body)


def digest_text(pepper: bytes, text: str) -> bytes:
    """What is stored and looked up instead of the key: HMAC-SHA256 under the books' pepper."""
    return hmac.digest(pepper, text.encode(), hashlib.sha256)


def mask_text(text: str) -> str:
    """What may be shown: the prefix, the first four and the last four characters."""
    return f"{text[: len(PREFIX) + 4]}…{text[-4:]}"


def _check(body: str) -> str:
    return _encode(zlib.crc32(body.encode()), _CHECK_CHARS)


def _encode(value: int, length: int) -> str:
    marks = []
    for _ in range(length):
        value, rest = divmod(value, len(_ALPHABET))
        marks.append(_ALPHABET[rest])
    return "".join(reversed(marks))
