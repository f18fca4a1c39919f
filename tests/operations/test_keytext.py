"""Keys: well formed, checked, digested, masked."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tokenworks.clock import FakeDice, SystemDice
from tokenworks.operations.keytext import digest_text, mask_text, mint_text, text_checks


def test_minted_keys_check() -> None:
    texts = {mint_text(SystemDice()) for _ in range(200)}
    assert len(texts) == 200
    assert all(re.fullmatch(r"tw_live_[0-9A-Za-z]{38}", text) and text_checks(text) for text in texts)


@given(st.integers(0, 45), st.characters())
def test_any_change_shows(place: int, mark: str) -> None:
    text = mint_text(FakeDice(3))
    changed = text[:place] + mark + text[place + 1 :]
    assert text_checks(changed) == (changed == text)


@given(st.text())
def test_foreign_text(text: str) -> None:
    assert not text_checks(text)


def test_digest_depends_on_both() -> None:
    digests = {digest_text(pepper, text) for pepper in (b"a", b"b") for text in ("x", "y")}
    assert len(digests) == 4
    assert all(len(digest) == 32 for digest in digests)


def test_mask_hides() -> None:
    text = mint_text(SystemDice())
    assert text[12:-4] not in mask_text(text)
