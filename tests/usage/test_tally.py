"""The counts of a stream on their own: choices add up, a prompt counts once, bad figures count as none."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.usage.meter import Show, StreamMeter
from tokenworks.usage.tally import Tally
from tokenworks.usage.vector import Usage
from tokenworks.wire.events import ProgressSeen, Timings, UsageSeen


def tally(engine: str = "llamacpp", rate: int = 512) -> Tally:
    return Tally("chat", engine, rate, False)  # type: ignore[arg-type]


@given(st.lists(st.text()), st.integers(1, 2000))
def test_estimate_covers(texts: list[str], rate: int) -> None:
    """The estimate is the least whole number of tokens that is not below bytes x rate."""
    counts = tally(rate=rate)
    for text in texts:
        counts.count_text(text)
    size = sum(len(text.encode()) for text in texts)
    assert counts.visible_bytes == size
    assert counts.output_seen * 1024 >= size * rate > (counts.output_seen - 1) * 1024 or size == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1))
def test_choices_add_up(steps: list[tuple[int, int]]) -> None:
    counts, truth = tally(), {}
    for choice, more in steps:
        if choice not in truth:
            counts.begin_choice(choice)
        truth[choice] = truth.get(choice, 0) + more
        counts.count_progress(ProgressSeen(Timings(2, 5, truth[choice]), choice))
        assert counts.output_seen == sum(truth.values())
    assert counts.progress_usage is not None and counts.progress_usage.prompt == 7


def test_bad_figures() -> None:
    counts = tally("openai")
    counts.count_usage(UsageSeen(b'{"prompt_tokens":-1,"completion_tokens":2}', 2))
    assert counts.report is None and counts.usage_now(9) == (Usage(9, output=2), "estimated")
    counts.count_usage(UsageSeen(b'{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6}', 2))
    assert counts.report is not None and counts.report.usage == Usage(4, output=2)
    assert counts.report.raw.startswith(b'{"prompt_tokens":4')


def test_bad_progress() -> None:
    counts = tally()
    counts.count_progress(ProgressSeen(Timings(0, -1, 3), 0))
    assert counts.progress_usage is None and counts.usage_now(9) == (Usage(9, output=3), "estimated")
    counts = tally("vllm")
    counts.count_usage(UsageSeen(b'{"prompt_tokens":"x"}', 2, 0, False))
    assert counts.progress_usage is None


def test_explicit_zero() -> None:
    counts = tally("openai")
    counts.count_text("something")
    counts.count_usage(UsageSeen(b'{"prompt_tokens":4,"completion_tokens":0,"total_tokens":4}', 0))
    assert counts.output_seen == 0 and counts.usage_now(9)[0] == Usage(4)


def test_prompts() -> None:
    """Two prompts with two answers each: four choices, of which the first of each pair pays for its prompt."""
    meter = StreamMeter("completions", "llamacpp", "exact", Show(False))
    meter.prompts = 2
    for choice, prompt in enumerate((3, 3, 5, 5)):
        chunk = {"choices": [{"index": choice, "text": "x", "finish_reason": "stop"}],
                 "usage": {"prompt_tokens": prompt, "completion_tokens": 1, "total_tokens": prompt + 1}}
        meter.feed(b"data: %b\n\n" % msgspec.json.encode(chunk))
    assert meter.report is not None and meter.report.usage == Usage(8, output=4)
