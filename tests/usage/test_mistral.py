"""Mistral: seconds of audio, and usage without being asked (golden figures: test_normalise.py)."""

from __future__ import annotations

from tests.usage.streams import meter_stream, shown_to, usage_of

from tokenworks.usage.mistral import read_mistral
from tokenworks.usage.vector import Usage


def test_seconds_of_audio() -> None:
    raw = b'{"prompt_tokens":3,"completion_tokens":1,"prompt_audio_seconds":30}'
    assert read_mistral(raw) == Usage(3, output=1, extras={"audio_seconds": 30})


def test_trap_the_usage_comes_unasked_and_with_its_choice() -> None:
    """`stream_options` would be refused (tests/wire/test_fields.py); who did not ask is shown no usage all the same."""
    expected = Usage(150, output=42, extras={"audio_seconds": 30})
    assert usage_of("mistral/chat_stream") == expected
    meter, got = meter_stream("mistral/chat_stream", shown=True)
    assert meter.report is not None and meter.report.usage == expected
    assert [usage["completion_tokens"] for usage in shown_to(got)] == [42]
