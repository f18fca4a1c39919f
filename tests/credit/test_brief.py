"""A Brief says all that the Served says that it stands for."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.credit.brief import Brief, Common, encode_common, expand
from tokenworks.credit.records import HoldStep, Part, Record
from tokenworks.usage.vector import Usage

COMMON = Common("acc", "key", "chat", "m", "dep", "CNY", "card@1", "bill", "lot", "lse", 64)
AT_NS = 1_790_000_000_000_000_000
BRIEF = Brief("req_1", encode_common(COMMON), AT_NS, AT_NS + 5, AT_NS + 7_000_005, 8, 900, 12, 700,
              Usage(10, output=3), b'{"prompt_tokens":10}')


def test_says_all() -> None:
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(BRIEF), type=Record | Brief)
    assert read == BRIEF
    opened, closed = expand(read).opened, expand(read).closed
    assert (opened.account, opened.key, opened.dialect, opened.model, opened.deployment) == (
        "acc", "key", "chat", "m", "dep")
    assert (opened.held_minor, opened.at_ns, opened.stream, opened.crash) == (900, AT_NS, False, "bill")
    assert opened.why == {"route": "only", "input_bound": 12, "output_held": 64, "asked": "whole"}
    assert closed.parts == (Part(0, "lot", "lse", 700),) and closed.raw == BRIEF.raw and closed.final
    assert closed.hold == (HoldStep(AT_NS + 5, "cut", 900, 900), HoldStep(AT_NS + 7_000_005, "posted", 700, 0))
    (attempt,) = closed.attempts
    assert (attempt.started_at_ns, attempt.ttft_ms, attempt.duration_ms) == (AT_NS + 5, 7, 7)
    assert (closed.duration_ms, closed.deployment, closed.outcome) == (8, "dep", "ok")


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_sums(rated: int, more: int) -> None:
    closed = expand(msgspec.structs.replace(BRIEF, rated_minor=rated, held_minor=rated + more)).closed
    assert closed.rated_minor == closed.charged_minor + closed.waived_minor + closed.overrun_minor
    assert sum(part.amount_minor for part in closed.parts) == closed.charged_minor == rated


def test_crash_policy() -> None:
    common = msgspec.structs.replace(COMMON, crash="waive")
    assert expand(msgspec.structs.replace(BRIEF, common=encode_common(common))).opened.crash == "waive"


def test_no_common() -> None:
    with pytest.raises(msgspec.DecodeError):
        expand(msgspec.structs.replace(BRIEF, common=msgspec.Raw(msgspec.msgpack.encode([1, 2]))))
