"""What is sealed opens for nobody else: not under another key, name or host, and not when a bit of it differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworks.clock import SystemDice
from tokenworks.operations.masterkey import KeyFile, MasterKeyFault, make_key
from tokenworks.operations.sealing import SealBroken, Sealer
from tokenworks.store.shapes import SecretRow

DICE = SystemDice()
EMPTY = SecretRow("openai", "https://api.openai.com", "", b"", b"", 5, 6)


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return Sealer(KeyFile(tmp_path))


def sealed(sealer: Sealer, text: str = "sk-very-secret") -> SecretRow:
    return sealer.seal(EMPTY, text, DICE, sealer.sealing_key(DICE, True))


def test_there_and_back(sealer: Sealer) -> None:
    row = sealed(sealer)
    assert sealer.open(row) == "sk-very-secret" and b"secret" not in row.sealed
    assert (row.id, row.host, row.created_at_ns, row.changed_at_ns) == ("openai", EMPTY.host, 5, 6)
    again = sealed(sealer)
    assert row.nonce != again.nonce and row.sealed != again.sealed and len(row.nonce) == 12


@pytest.mark.parametrize("change", [
    {"id": "other"}, {"host": "https://evil.example"}, {"host": ""}, {"nonce": b"x" * 12}, {"sealed": b""}])
def test_moved(sealer: Sealer, change: dict[str, Any]) -> None:
    row = msgspec.structs.replace(sealed(sealer), **change)
    with pytest.raises(SealBroken, match="not as it was sealed") as caught:
        sealer.open(row)
    assert f"tokenworks secret set {row.id}" in str(caught.value) and "very" not in str(caught.value)


@settings(max_examples=30, deadline=None)
@given(place=st.integers(0, 1000), bit=st.integers(0, 7))
def test_any_bit(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int) -> None:
    sealer = Sealer(KeyFile(tmp_path_factory.mktemp("keys")))
    row = sealed(sealer)
    text = bytearray(row.sealed)
    text[place % len(text)] ^= 1 << bit
    with pytest.raises(SealBroken):
        sealer.open(msgspec.structs.replace(row, sealed=bytes(text)))


def test_another_key(sealer: Sealer) -> None:
    row = sealed(sealer)
    sealer.keys.keep([make_key(DICE)])
    with pytest.raises(SealBroken, match=f"under the master key {row.key_id}") as caught:
        sealer.open(row)
    assert str(sealer.keys.path) in str(caught.value) and "tokenworks secret set openai" in str(caught.value)


def test_no_key_any_more(sealer: Sealer) -> None:
    """A key that is not there is not made anew while something is sealed under it."""
    row = sealed(sealer)
    sealer.keys.path.unlink()
    with pytest.raises(SealBroken):
        sealer.open(row)
    with pytest.raises(MasterKeyFault, match="put it back"):
        sealer.sealing_key(DICE, False)
    assert not sealer.keys.path.exists()


def test_the_first_key_seals_and_all_open(sealer: Sealer) -> None:
    row = sealed(sealer)
    new = make_key(DICE)
    sealer.keys.keep([new, *sealer.keys.load()])
    assert sealer.sealing_key(DICE, False) == new and sealer.open(row) == "sk-very-secret"
