"""What has been counted of one stream so far: exactly where the engine says so, else an upper estimate of what came.

llama.cpp speaks of each choice apart, in mid-stream and at the end; everybody else speaks of all of them at the end.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.normalise import normalise, normalise_progress
from tokenworks.usage.report import Report
from tokenworks.usage.vector import Basis, Usage
from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.events import ProgressSeen, Timings, UsageSeen
from tokenworks.wire.fields import PACED

TOKENS_PER_KB = 512  # of visible text, when nothing was learned: above every usual tokenizer and language
CHUNKED: tuple[Dialect, ...] = ("chat", "completions")  # here usage is an option, elsewhere part of the protocol


class Tally:
    """The counts of one stream.

    `output_seen`: cumulative output tokens, exact where the engine reports progress, else an upper estimate.
    `visible_bytes`: UTF-8 bytes of output seen (text, reasoning, arguments of calls).
    `first_output`: something of the answer has been seen.
    `prompts`: how many prompts the request has (completions take a list); set it before the first byte if not one.
    """

    def __init__(self, dialect: Dialect, engine: Engine, tokens_per_kb: int, keep_text: bool) -> None:
        self.output_seen = 0
        self.visible_bytes = 0
        self.first_output = False
        self.prompts = 1
        self._dialect: Dialect = dialect
        self._engine: Engine = engine
        self._tokens_per_kb = tokens_per_kb
        self._texts: list[str] | None = [] if keep_text else None
        self._counted: dict[int, int] = {}  # choice: output tokens so far, as the engine says
        self._choices = 0
        self._unfinished: set[int] = set()
        self._timings: dict[int, Timings] = {}
        self._running = b""  # the last usage object of a stream that goes on
        self._finals: list[UsageSeen] = []
        self._report: Report | None = None

    @property
    def text_seen(self) -> str:
        """The output's text so far, over all choices; "" unless kept."""
        return "".join(self._texts or ())

    @property
    def report(self) -> Report | None:
        """The upstream's final figure; None without a usable one, or while a choice is still to say its own."""
        if self._report is None and self._finals and not (self._several and self._unfinished):
            raw = self._finals[-1].raw
            try:
                if self._several:
                    usage = self._combine([(said.choice, self._normal(said.raw)) for said in self._finals])
                else:
                    usage = self._normal(raw)
            except UsageError:
                return None
            self._report = Report(usage, raw, "reported")
        return self._report

    @property
    def progress_usage(self) -> Usage | None:
        """The last cumulative usage that the stream carried; None without a usable one."""
        self.catch_up()
        try:
            if self._timings:
                return self._combine([
                    (choice, normalise_progress(self._engine, self._dialect, msgspec.json.encode(timings)))
                    for choice, timings in self._timings.items()
                ])
            if not self._running:
                return None
            if self._engine in PACED and self._dialect in CHUNKED:
                usage = normalise_progress(self._engine, self._dialect, self._running)
            else:
                usage = self._normal(self._running)
        except UsageError:
            return None
        return _with_output(usage, sum(self._counted.values())) if len(self._counted) > 1 else usage

    @property
    def _several(self) -> bool:
        """llama.cpp speaks of each choice apart, also at the end."""
        return self._engine == "llamacpp" and self._choices > 1

    def _normal(self, raw: bytes) -> Usage:
        return normalise(self._engine, self._dialect, raw)

    def _combine(self, said: list[tuple[int, Usage]]) -> Usage:
        """Figures of single choices as one: outputs add up, a prompt counts once for all of its n choices."""
        if len(said) == 1 and self._choices <= 1:
            return said[0][1]
        answers = max(1, -(-(max(choice for choice, _ in said) + 1) // self.prompts))
        asked = {choice // answers: usage for choice, usage in reversed(said)}.values()
        completion = max(sum(usage.completion for _, usage in said), sum(self._counted.values()))
        return Usage(sum(usage.input for usage in asked), sum(usage.cache_read for usage in asked), output=completion)

    def usage_now(self, input_tokens: int) -> tuple[Usage, Basis]:
        """The best cumulative figure there is now: the report, else progress, else an estimate.

        `input_tokens` stands for the prompt when the upstream has said nothing of it.
        """
        if report := self.report:
            return report.usage, report.basis
        usage = self.progress_usage
        if usage is not None and self._counted:
            return usage, "progress"
        usage = usage or Usage(input=input_tokens)
        return _with_output(usage, max(usage.completion, self.output_seen)), "estimated"

    def begin_choice(self, choice: int) -> None:
        """A choice has shown itself."""
        self._choices += 1
        self._unfinished.add(choice)

    def count_text(self, text: str) -> None:
        """A piece of output."""
        self.count_bytes(len(text) if text.isascii() else len(text.encode("utf-8", "replace")))
        self.first_output = True
        if self._texts is not None:
            self._texts.append(text)

    def count_bytes(self, size: int) -> None:
        """More bytes of output; where the engine counts nothing, they are an upper estimate of it."""
        self.visible_bytes += size
        if not self._counted:
            self.output_seen = -(-self.visible_bytes * self._tokens_per_kb // 1024)

    def catch_up(self) -> None:
        """Count what was put off; a tally alone puts nothing off."""

    def count_progress(self, seen: ProgressSeen) -> None:
        """llama.cpp's figures so far."""
        counted = self._counted
        if seen.choice >= 0 or not counted:
            counted[seen.choice] = seen.timings.predicted_n
            self._timings[seen.choice] = seen.timings
        elif len(counted) == 1:  # the last chunk names no choice
            choice = next(iter(counted))
            counted[choice] = seen.timings.predicted_n
            self._timings[choice] = seen.timings
        self.output_seen = sum(counted.values()) if len(counted) > 1 else seen.timings.predicted_n

    def count_usage(self, seen: UsageSeen) -> None:
        """A usage object, in mid-stream or at the end."""
        paced = self._engine in PACED
        if seen.final and (seen.choice < 0 or not paced):
            self._finals.append(seen)
            self._report = None
            report = self.report
            self.output_seen = report.usage.completion if report else max(self.output_seen, seen.output)
            return
        self._running = seen.raw
        if seen.choice >= 0 and (paced or seen.output):  # MiniMax says 0 until the end
            counted = self._counted
            counted[seen.choice if paced else -1] = seen.output  # who was not asked speaks of all choices
            self.output_seen = seen.output if len(counted) == 1 else sum(counted.values())


def _with_output(usage: Usage, completion: int) -> Usage:
    """The same vector with another completion; reasoning stays as it was said, as far as it fits."""
    reasoning = min(usage.reasoning, completion)
    return msgspec.structs.replace(usage, output=completion - reasoning, reasoning=reasoning)
