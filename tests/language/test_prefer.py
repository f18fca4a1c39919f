"""Which language somebody wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.language.prefer import LANGUAGES, read_accept


@pytest.mark.parametrize(("header", "language"), [
    ("", "en"), ("zh", "zh"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-US,en;q=0.9,zh;q=0.8", "en"),
    ("fr, zh;q=0.3", "zh"), ("fr", "en"), ("*", "en"), ("ZH-hans", "zh"), ("en;q=0.2, zh;q=0.7", "zh"),
    ("zh;q=0", "en"), ("zh;q=1.000", "zh"), ("zh;q=2", "en"), ("zh;q=x", "en"), ("zh ; q=0.5 , en;q=0.4", "zh"),
    (";,;,", "en")])
def test_headers(header: str, language: str) -> None:
    assert read_accept(header) == language


@given(st.text(max_size=200))
def test_anything_is_one_of_ours(header: str) -> None:
    assert read_accept(header) in LANGUAGES
