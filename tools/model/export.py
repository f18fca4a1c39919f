"""Writes a checkpoint where it is used: the package data with its manifest, and a Hugging Face directory beside it."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from tokenizers import Tokenizer

from . import text
from .files import NAME, load_model, write_gguf, write_huggingface
from .tokenizer import tokenizer_hash
from .train import PLAN, SEED

GGUF = f"{NAME}-q8_0.gguf"
PACKAGE = Path("src/tokenworks/supply/model")
CONTEXT, OUTPUT_MAX = 4_096, 1_024


def newest(folder: Path) -> Path:
    """The newest checkpoint of a training."""
    return sorted(folder.glob("step-*.pt"))[-1]


def sha256(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def export(checkpoint: Path, folder: Path) -> None:
    """Write GGUF, tokenizer and manifest into `folder`, and <training>/hf."""
    training = checkpoint.parent
    tokenizer = Tokenizer.from_file(str(training / "tokenizer.json"))
    model = load_model(checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    write_gguf(model, tokenizer, folder / GGUF)
    write_huggingface(model, tokenizer, training / "hf")
    plain = json.loads(tokenizer.to_str())
    (folder / "tokenizer.json").write_text(json.dumps(plain, ensure_ascii=False, separators=(",", ":")) + "\n")
    files = {name: {"sha256": sha256(folder / name), "bytes": (folder / name).stat().st_size}
             for name in (GGUF, "tokenizer.json")}
    steps = int(checkpoint.stem.removeprefix("step-"))
    manifest = {
        "model": NAME, "context_tokens": CONTEXT, "output_tokens_max": OUTPUT_MAX, "files": files,
        "text": {"chats": text.COUNT, "seed": text.SEED, "sha256": text.text_hash(list(text.write_chats()))},
        "tokenizer": {"vocabulary": tokenizer.get_vocab_size(), "sha256": tokenizer_hash(tokenizer)},
        "training": {"seed": SEED, "steps": steps, "steps_planned": sum(phase.steps for phase in PLAN)},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"{folder / GGUF}: {files[GGUF]['bytes']} bytes after {steps} steps")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("training", type=Path, help="directory of checkpoints, or one checkpoint")
    parser.add_argument("--into", type=Path, default=PACKAGE)
    given = parser.parse_args()
    export(given.training if given.training.is_file() else newest(given.training), given.into)


if __name__ == "__main__":
    main()
