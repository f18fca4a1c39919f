"""The tiny model's tokenizer: byte-level BPE of 1,280 tokens, trained on its text, with the regex called `qwen2`."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from .template import segments

VOCABULARY = 1_280
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]  # never shown
MARKS = ["<tool_call>", "</tool_call>"]  # single tokens that are shown
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")  # the public pre-tokenizer pattern of Qwen2, by which engines select it
SAMPLE = 12_000  # chats that it is trained on


def train_tokenizer(chats: list[dict[str, Any]]) -> Tokenizer:
    """Train on the first chats. Control and mark tokens come first, pads fill up to VOCABULARY."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, min_frequency=2, show_progress=False, special_tokens=CONTROL + MARKS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    made.train_from_iterator(_texts(chats[:SAMPLE]), trainer)
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    made.add_tokens([AddedToken(token, special=False, normalized=False) for token in MARKS])
    pads = [f"<|pad_{number}|>" for number in range(VOCABULARY - made.get_vocab_size())]
    made.add_special_tokens([AddedToken(pad, special=True, normalized=False) for pad in pads])
    return made


def _texts(chats: list[dict[str, Any]]) -> list[str]:
    joined = ["".join(text for text, _ in segments(chat)) for chat in chats]
    for token in CONTROL + MARKS:
        joined = [text.replace(token, "\n") for text in joined]
    return joined


def tokenizer_hash(tokenizer: Tokenizer) -> str:
    """SHA-256 over vocabulary and merges in one fixed form, whatever the library's file layout."""
    model = json.loads(tokenizer.to_str())["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    core = json.dumps([sorted(model["vocab"].items(), key=lambda item: item[1]), merges], ensure_ascii=False)
    return hashlib.sha256(core.encode()).hexdigest()
