"""Tokens from bytes, for usage that nobody reported: integers only, rounded up."""

from __future__ import annotations

from tokenworks.usage.vector import Usage


def count_tokens(size_bytes: int, tokens_per_kib: int) -> int:
    """Tokens of `size_bytes` bytes at a rate of tokens per KiB, rounded up."""
    return -(-size_bytes * tokens_per_kib // 1024)


def estimate_usage(prompt_bytes: int, output_bytes: int, tokens_per_kib: int) -> Usage:
    """The vector of a request of which only sizes are known; its basis is `estimated`."""
    return Usage(
        input=count_tokens(prompt_bytes, tokens_per_kib), output=count_tokens(output_bytes, tokens_per_kib)
    )
