"""Addresses that a deployment may have, and what each other one is told."""

from __future__ import annotations

import pytest

from tokenworks.errors import Invalid
from tokenworks.operations.upstream import check_url, is_beside, url_host


@pytest.mark.parametrize(("url", "kept"), [
    ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
    ("https://127.0.0.1/compatible-mode", "https://127.0.0.1/compatible-mode"),
    ("http://[::1]:9", "http://[::1]:9"),
    ("https://name.invalid", "https://name.invalid"),
    ("embedded:", "embedded:"),
])
def test_good(url: str, kept: str) -> None:
    assert check_url(url, allow_private=True) == kept


@pytest.mark.parametrize(("url", "word"), [
    ("ftp://h", "http"), ("h:80", "http"), ("", "http"), ("http://", "http"), ("file:///etc/passwd", "http"),
    ("http://u:p@h", "credential"), ("http://h?x=1", "no \\?"), ("http://h#f", "no \\?"), ("http://h?", "no \\?"),
    ("http://h:99999", "not a URL"), ("http://h:0", "port 0"), ("http://[::1", "not a URL"),
    ("http://h/v1", "/v1"), ("http://h/api/v1/", "/v1"), ("http://a b", "ASCII"), ("http://h\r\nX: y", "ASCII"),
    ("http://ｈ", "ASCII"), ("http://h\\@evil", "ASCII"),
    ("http://169.254.169.254", "link-local"), ("http://[fe80::1]", "link-local"), ("http://0.0.0.0:1", "unspecified"),
    ("http://[::ffff:169.254.169.254]/", "link-local"), ("http://2852039166", "link-local"),
    ("http://[fd00:ec2::254]", "metadata"), ("http://100.100.100.200", "metadata"), ("http://224.0.0.1", "multicast"),
])
def test_bad(url: str, word: str) -> None:
    with pytest.raises(Invalid, match=word):
        check_url(url, allow_private=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1", "http://10.1.2.3", "http://[::1]", "http://100.64.0.1"])
def test_private_needs_leave(url: str) -> None:
    assert check_url(url, allow_private=True)
    with pytest.raises(Invalid, match="allow_private"):
        check_url(url, allow_private=False)


def test_host() -> None:
    assert url_host("https://API.example:8443/x") == url_host("https://api.example:8443/y")
    assert url_host("https://api.example") != url_host("http://api.example")


@pytest.mark.parametrize(("url", "beside"), [
    ("embedded:", True), ("http://localhost:8000", True), ("http://127.3.0.1/x", True), ("https://[::1]:1", True),
    ("http://10.0.0.7:8000", False), ("http://llm.internal", False), ("https://api.openai.com", False),
])
def test_beside(url: str, beside: bool) -> None:
    assert is_beside(url) is beside
