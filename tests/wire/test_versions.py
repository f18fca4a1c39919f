"""Anthropic's dated versions: two are spoken, none is fine, any other is named."""

from __future__ import annotations

import pytest

from tokenworks.wire.versions import VERSIONS, refuse_version


@pytest.mark.parametrize("value", [None, *VERSIONS])
def test_spoken(value: bytes | None) -> None:
    assert refuse_version(value) == ""


@pytest.mark.parametrize("value", [b"", b"2023-01-01", b"latest", b"\xff" * 999])
def test_refused(value: bytes) -> None:
    message = refuse_version(value)
    assert message.startswith("anthropic-version: ") and "2023-06-01 or 2026-10-21" in message and len(message) < 140
