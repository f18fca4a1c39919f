"""Each provider's figures against the vector that they mean, and the tables that choose the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.errors import UsageError
from tokenworks.usage.normalise import PROGRESS, READERS, merge_raw, normalise, normalise_progress
from tokenworks.usage.report import Report
from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import DIALECTS, ENGINES, Dialect, Engine

GOLDEN = Path(__file__).parent.parent / "golden" / "usage"
ROWS = [(engine, row) for engine in ENGINES for row in json.loads((GOLDEN / f"{engine}.json").read_text())]


@pytest.mark.parametrize(("engine", "row"), ROWS, ids=[f"{engine}: {row['title']}" for engine, row in ROWS])
def test_golden(engine: Engine, row: dict[str, Any]) -> None:
    read = normalise_progress if row.get("progress") else normalise
    raw, dialect = json.dumps(row["raw"]).encode(), cast(Dialect, row["dialect"])
    if "error" in row:
        with pytest.raises(UsageError) as caught:
            read(engine, dialect, raw)
        assert row["error"] in str(caught.value) and "billed by our own count" in str(caught.value)
        return
    usage = read(engine, dialect, raw)
    assert usage == Usage(*row["vector"], row.get("extras", {}))
    figures = row["raw"]
    if "prompt_tokens" in figures:
        assert usage.prompt == figures["prompt_tokens"]
    if "input_tokens" in figures and dialect == "responses":
        assert (usage.prompt, usage.completion) == (figures["input_tokens"], figures["output_tokens"])


def test_every_dialect_has_a_reader() -> None:
    assert set(READERS) == set(DIALECTS)
    assert {engine for engine, _ in PROGRESS} == {"vllm", "sglang", "trtllm", "gemini", "llamacpp"}
    assert {engine for engine, _ in ROWS} == set(ENGINES)


@pytest.mark.parametrize(("engine", "row"), ROWS, ids=[f"{engine}: {row['title']}" for engine, row in ROWS])
def test_where_a_shape_is_from(engine: Engine, row: dict[str, Any]) -> None:
    """What was not recorded here says where it was read; figures that nobody wrote are there to be refused."""
    assert row.get("source") or "error" in row or engine in ("openai", "anthropic", "vllm", "llamacpp")


@pytest.mark.parametrize("raw", [b"", b"{", b"nul", b"\xff", b'{"prompt_tokens":'])
def test_not_json(raw: bytes) -> None:
    for read in (normalise, normalise_progress):
        with pytest.raises(UsageError):
            read("vllm", "chat", raw)
    with pytest.raises(UsageError):
        merge_raw(raw, b"{}")
    with pytest.raises(UsageError):
        merge_raw(b"{}", raw)


COUNTS = st.integers(0, 10**9)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_same_request_in_three_dialects(fresh: int, read: int, written: int, output: int, reasoning: int) -> None:
    """What OpenAI includes and Anthropic excludes comes to the same vector."""
    prompt, completion = fresh + read + written, output + reasoning
    inputs = {"cached_tokens": read, "cache_write_tokens": written}
    chat = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": inputs, "completion_tokens_details": {"reasoning_tokens": reasoning}}
    response = {"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion,
                "input_tokens_details": inputs, "output_tokens_details": {"reasoning_tokens": reasoning}}
    message = {"input_tokens": fresh, "cache_read_input_tokens": read, "cache_creation_input_tokens": written,
               "output_tokens": completion, "output_tokens_details": {"thinking_tokens": reasoning}}
    expected = Usage(fresh, read, written, 0, output, reasoning)
    assert normalise("openai", "chat", json.dumps(chat).encode()) == expected
    assert normalise("openai", "responses", json.dumps(response).encode()) == expected
    assert normalise("anthropic", "messages", json.dumps(message).encode()) == expected
    assert (expected.prompt, expected.completion) == (prompt, completion)


@given(st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens", "input_tokens",
                                        "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]),
                       st.none() | st.integers(-5, 50) | st.text(max_size=2)), st.sampled_from(DIALECTS))
def test_any_figures(figures: dict[str, Any], dialect: Dialect) -> None:
    """A vector whose parts are what the figures say, or UsageError; nothing else."""
    try:
        usage = normalise("openai", dialect, json.dumps(figures).encode())
    except UsageError:
        return
    if dialect != "messages":
        assert usage.prompt == figures["input_tokens" if dialect == "responses" else "prompt_tokens"]


def test_merge() -> None:
    start = b'{"input_tokens":472,"cache_read_input_tokens":5,"output_tokens":2,"service_tier":"standard"}'
    delta = b'{"output_tokens":89,"cache_read_input_tokens":null}'
    assert normalise("anthropic", "messages", merge_raw(start, delta)) == Usage(472, 5, output=89)
    assert normalise("anthropic", "messages", merge_raw(start, b'{"input_tokens":0,"output_tokens":0}')) == Usage(0, 5)


def test_vectors_are_not_negative() -> None:
    for wrong in (lambda: Usage(-1), lambda: Usage(reasoning=-1), lambda: Usage(extras={"searches": -1})):
        with pytest.raises(ValueError, match="negative"):
            wrong()


def test_report() -> None:
    assert Report(Usage(1), b"{}", "reported").basis == "reported"
