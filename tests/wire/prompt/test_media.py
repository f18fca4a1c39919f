"""Images and files that are not what they say, named by the client's own field."""

from __future__ import annotations

from typing import Any

import pytest
from tests.wire.prompt.strategies import IMAGES, PDF, encoded

from tokenworks.limits import IMAGE_CHARS_MAX
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.media import check_document, check_image, plain_type, sniff_image
from tokenworks.wire.prompt.vocabulary import Document, Image

SPOKEN: tuple[Dialect, ...] = ("chat", "responses", "messages")


@pytest.mark.parametrize("kind", sorted(IMAGES))
@pytest.mark.parametrize("client", SPOKEN)
def test_sound_images(kind: str, client: Dialect) -> None:
    assert sniff_image(IMAGES[kind]) == kind
    assert check_image(Image(kind, encoded(IMAGES[kind]), path="p"), client) is None


def test_what_is_not_looked_at() -> None:
    assert check_image(Image(url="HTTPS://a/b", path="p"), "chat") is None
    assert check_image(Image(file="f", path="p"), "messages") is None
    assert check_document(Document(text="t", path="p"), "messages") is None
    assert check_document(Document(url="http://a/b", path="p"), "responses") is None
    assert check_document(Document("text/csv", encoded(b"a,b"), path="p"), "responses") is None
    assert check_document(Document("application/pdf", encoded(b"\n" * 900 + PDF), path="p"), "responses") is None


def test_spellings() -> None:
    assert check_image(Image("image/JPG", encoded(IMAGES["image/jpeg"]), path="p"), "chat") is None
    assert plain_type("image/jpg") == "image/jpeg" and plain_type("IMAGE/PNG") == "image/png"


PNG = encoded(IMAGES["image/png"])


@pytest.mark.parametrize(("image", "client", "path", "remedy"), [
    (Image("image/jpeg", PNG), "messages", "p.source.media_type", "Say 'image/png'."),
    (Image("image/jpeg", PNG), "responses", "p.image_url", "the data is image/png"),
    (Image("", PNG), "chat", "p.image_url.url", "says 'no type'"),
    (Image("image/bmp", encoded(b"BM" + bytes(30))), "messages", "p.source.data", "Send a png, jpeg, gif or webp."),
    (Image("image/webp", encoded(b"RIFF\x00\x00\x00\x00WAVE")), "messages", "p.source.data", "no image"),
    (Image("image/png", ""), "messages", "p.source.data", "is empty"),
    (Image("image/png", PNG[:-1]), "messages", "p.source.data", "padded and in one line"),
    (Image("image/png", f"{PNG[:40]}\n{PNG[40:]}   "), "messages", "p.source.data", "not base64"),
    (Image("image/png", "-_8A"), "chat", "p.image_url.url", "standard base64"),
    (Image("image/png", "AA=A"), "chat", "p.image_url.url", "not base64"),
    (Image("image/png", "=AAAAAA="), "chat", "p.image_url.url", "not base64"),
    (Image("image/png", "AAAé"), "chat", "p.image_url.url", "not base64"),
    (Image("image/png", "A" * (IMAGE_CHARS_MAX + 4)), "responses", "p.image_url", "the most is 10 MiB"),
    (Image(url="ftp://a/b"), "messages", "p.source.url", "begins with https://"),
    (Image(url="file:///etc/passwd"), "chat", "p.image_url.url", "or the data itself"),
])  # fmt: skip
def test_images_that_are_not(image: Image, client: Dialect, path: str, remedy: str) -> None:
    told = Image(image.media_type, image.data, image.url, path="p")
    fault = check_image(told, client)
    assert fault is not None and fault.param == path
    assert remedy in fault.message and fault.message.startswith(path)


@pytest.mark.parametrize(("said", "client", "path", "remedy"), [
    ({"media_type": "application/pdf", "data": PNG}, "messages", "p.source.data", "no PDF"),
    ({"media_type": "application/pdf", "data": PNG}, "chat", "p.file.file_data", "name the type that it is"),
    ({"media_type": "text/csv", "data": "a"}, "responses", "p.file_data", "the file's bytes"),
    ({"url": "//a/b"}, "responses", "p.file_url", "https://"),
    ({"url": "x"}, "messages", "p.source.url", "https://"),
])  # fmt: skip
def test_files_that_are_not(said: Any, client: Dialect, path: str, remedy: str) -> None:
    fault = check_document(Document(**said, path="p"), client)
    assert fault is not None and fault.param == path
    assert remedy in fault.message
