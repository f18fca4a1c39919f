"""Whether images and files that travel inside a request are what they say: base64, of their type, not too large."""

from __future__ import annotations

import binascii

from tokenworks.limits import IMAGE_CHARS_MAX
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.vocabulary import Document, Image
from tokenworks.wire.refusals import Malformed, Refusal

# Where the data of a part stands, under the part's own path.
IMAGE_PLACES: dict[Dialect, str] = {"chat": "image_url.url", "responses": "image_url", "messages": "source.data"}
IMAGE_TYPES: dict[Dialect, str] = {**IMAGE_PLACES, "messages": "source.media_type"}
IMAGE_ADDRESSES: dict[Dialect, str] = {**IMAGE_PLACES, "messages": "source.url"}
FILE_PLACES: dict[Dialect, str] = {"chat": "file.file_data", "responses": "file_data", "messages": "source.data"}
FILE_ADDRESSES: dict[Dialect, str] = {"responses": "file_url", "messages": "source.url"}
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
PDF = b"%PDF-"
HEAD_CHARS = 1368  # 1,024 bytes and a little: readers of PDF look for the mark so far in
_MEGA = 1024 * 1024
_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def check_image(image: Image, client: Dialect) -> Malformed | None:
    """Why an image cannot be sent on; None for a sound one. Those by address or id are not looked at."""
    if image.url:
        return _check_address(image.url, f"{image.path}.{IMAGE_ADDRESSES.get(client, 'url')}")
    if image.file:
        return None
    place = f"{image.path}.{IMAGE_PLACES.get(client, 'data')}"
    if len(image.data) > IMAGE_CHARS_MAX:
        size, most = len(image.data) / _MEGA, IMAGE_CHARS_MAX // _MEGA
        return _wrong(place, f" is an image of {size:.1f} MiB in base64; the most is {most} MiB. Send a smaller one.")
    data = _read_head(image.data, place, "image")
    if isinstance(data, Malformed):
        return data
    found, said = sniff_image(data), plain_type(image.media_type)
    if not found:
        return _wrong(place, " is no image that models read. Send a png, jpeg, gif or webp.")
    if found != said:
        where = f"{image.path}.{IMAGE_TYPES.get(client, 'media_type')}"
        return _wrong(where, f" says {said or 'no type'!r}, but the data is {found}. Say {found!r}.")
    return None


def check_document(document: Document, client: Dialect) -> Malformed | None:
    """Why a file cannot be sent on; None for a sound one."""
    if document.url:
        return _check_address(document.url, f"{document.path}.{FILE_ADDRESSES.get(client, 'url')}")
    if not document.data:
        return None
    place = f"{document.path}.{FILE_PLACES.get(client, 'data')}"
    data = _read_head(document.data, place, "file")
    if isinstance(data, Malformed):
        return data
    if document.media_type == "application/pdf" and PDF not in data:
        return _wrong(place, " is no PDF, although it says application/pdf. Send a PDF, or name the type that it is.")
    return None


def sniff_image(data: bytes) -> str:
    """The media type that an image's first bytes tell, "" for none that models read."""
    for mark, media_type in SIGNATURES:
        if data.startswith(mark):
            return media_type
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def plain_type(media_type: str) -> str:
    """A media type in the one spelling that everybody knows."""
    word = media_type.lower()
    return "image/jpeg" if word == "image/jpg" else word


def _read_head(data: str, place: str, word: str) -> bytes | Malformed:
    """The first bytes of something in base64, all of which is looked through; decoding it would cost twice as much."""
    raw = data.encode("utf-8", "replace")
    if not raw:
        return _wrong(place, f" is empty. Send the {word}'s bytes in base64.")
    bare = raw.rstrip(b"=")
    if len(raw) % 4 or len(raw) - len(bare) > 2 or bare.translate(None, _DIGITS):
        return _wrong(place, f" is not base64. Encode the {word}'s bytes in standard base64, padded and in one line.")
    return binascii.a2b_base64(raw[:HEAD_CHARS])


def _check_address(address: str, place: str) -> Malformed | None:
    if address[:8].lower().startswith(("http://", "https://")):
        return None
    return _wrong(place, " must be an address that begins with https://. Send one, or the data itself.")


def _wrong(path: str, message: str) -> Malformed:
    return Malformed(Refusal.FIELD_INVALID, path + message, path)
