"""The tiny model as it comes with the package: where its files lie, and that they are the ones that were built."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from tokenworks.errors import Broken

FOLDER = Path(__file__).resolve().parent.parent / "model"


class BundledFile(msgspec.Struct, frozen=True):
    """One file of the bundle."""

    sha256: str
    bytes: int


class Bundle(msgspec.Struct, frozen=True):
    """manifest.json as far as running needs it. `context_tokens` is what one request may use, input and output."""

    model: str
    context_tokens: int
    output_tokens_max: int
    files: dict[str, BundledFile]

    @property
    def weights(self) -> Path:
        """The GGUF file."""
        return FOLDER / next(name for name in self.files if name.endswith(".gguf"))

    @property
    def tokenizer(self) -> Path:
        """The tokenizer in the `tokenizers` package's form."""
        return FOLDER / "tokenizer.json"


def read_bundle() -> Bundle:
    """The bundle that came with the package; nothing is checked but the manifest's form."""
    return msgspec.json.decode((FOLDER / "manifest.json").read_bytes(), type=Bundle)


def check_bundle(bundle: Bundle, folder: Path = FOLDER) -> None:
    """Raise Broken when a file is not the one that the manifest names."""
    for name, built in bundle.files.items():
        path = folder / name
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "no file"
        if found != built.sha256:
            raise Broken(f"{path} is not the file that was built (SHA-256 {built.sha256}, found {found}). "
                         "Install the package anew.")
