"""References resolve to exactly what was configured, and to nothing else on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenworks.errors import Invalid
from tokenworks.operations.secret import SecretBook, SecretMissing


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    folder.mkdir()
    (folder / "key").write_text("sk-file\n")
    return folder


def test_resolves_both_kinds(vault: Path) -> None:
    book = SecretBook({"TOKENWORKS_SECRET_A": "sk-env"}, (str(vault),))
    assert book.resolve("env:TOKENWORKS_SECRET_A") == "sk-env"
    assert book.resolve(f"file:{vault}/key") == "sk-file"
    assert book.resolve("") == ""


@pytest.mark.parametrize("reference", [
    "sk-plain", "env:HOME", "env:TOKENWORKS_SECRET_", "env:tokenworks_secret_a", "env:TOKENWORKS_SECRET_A ",
    "file:relative", "file:/etc/passwd", "vault:x", "env:", "file:", "ENV:TOKENWORKS_SECRET_A",
])
def test_refused_forms(vault: Path, reference: str) -> None:
    book = SecretBook({"HOME": "x", "TOKENWORKS_SECRET_": "y"}, (str(vault),))
    with pytest.raises(Invalid, match="secret"):
        book.resolve(reference)


def test_escapes(vault: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (vault / "link").symlink_to(tmp_path / "outside")
    book = SecretBook({}, (str(vault),))
    for path in (f"{vault}/../outside", f"{vault}/link"):
        with pytest.raises(Invalid, match="outside"):
            book.resolve(f"file:{path}")


@pytest.mark.parametrize("content", [b"", b"two words", b"line\nbreak", b"\xff\xfe", b"x" * 20_000, b"nul\0"])
def test_unusable_content(vault: Path, content: bytes) -> None:
    (vault / "key").write_bytes(content)
    with pytest.raises(SecretMissing) as caught:
        SecretBook({}, (str(vault),)).resolve(f"file:{vault}/key")
    assert "two words" not in str(caught.value)


def test_missing() -> None:
    with pytest.raises(SecretMissing, match="TOKENWORKS_SECRET_B"):
        SecretBook({}, ()).resolve("env:TOKENWORKS_SECRET_B")
