"""What a worker counts per request: every key is made once, so that a request costs a few dictionary steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from operator import attrgetter, itemgetter

from tokenworks.credit.brief import Brief, expand
from tokenworks.credit.records import Closed, Opened, Refused
from tokenworks.telemetry import Histogram, Meters, series
from tokenworks.usage.vector import CLASSES, Basis, Usage

TOGETHER = 64  # ended requests that are counted at a time
LIVE_MAX = 256  # rows of `request tail` per report: above that they are a sample, and keeping more would cost

_END, _TRY, _CLASSES = attrgetter("outcome", "status"), attrgetter("deployment", "outcome"), attrgetter(*CLASSES)
_ATTEMPTS, _BASIS, _USAGE = attrgetter("attempts"), attrgetter("basis"), attrgetter("usage")
_DURATION, _TTFT, _LASTED = attrgetter("duration_ms"), attrgetter("ttft_ms"), attrgetter("lasted_ms")


class ModelKeys:
    """The series of one model and dialect."""

    __slots__ = ("by_end", "dialect", "duration", "ended", "model", "per_token", "streamed", "tokens", "tries",
                 "ttft", "usual")  # fmt: skip

    def __init__(self, meters: Meters, model: str, dialect: str) -> None:
        self.model, self.dialect = model, dialect
        self.ended: list[Closed] = []  # not counted yet: whole answers, and streams
        self.streamed: list[Closed] = []
        self.usual: list[Brief] = []
        self.tries: list[str] = []  # of these, the deployments
        self.by_end: dict[tuple[str, int], str] = {}
        self.tokens: dict[Basis, tuple[str, ...]] = {}
        labels = {"gen_ai_request_model": model}
        self.duration = _histogram(meters, "gen_ai_server_request_duration_seconds", labels)
        self.ttft = _histogram(meters, "gen_ai_server_time_to_first_token_seconds", labels)
        self.per_token = _histogram(meters, "gen_ai_server_time_per_output_token_seconds", labels)


class Tally:
    """Counters and histograms of one worker, and the rows for `request tail`."""

    def __init__(self) -> None:
        self.meters = Meters()
        self.live: list[tuple[Opened, Closed | None] | Refused | Brief] = []
        self._models: dict[tuple[str, str], ModelKeys] = {}
        self._refusals: dict[str, str] = {}
        self._attempts: dict[tuple[str, str], str] = {}
        self._cuts = series("tokenworks_streams_cut_total")

    def keys(self, model: str, dialect: str) -> ModelKeys:
        """The series of a model that is on sale; its name comes from the policy, never from a client."""
        keys = self._models.get((model, dialect))
        if keys is None:
            keys = self._models[(model, dialect)] = ModelKeys(self.meters, model, dialect)
        return keys

    def note_refusal(self, refusal: str) -> None:
        """A request refused at the door."""
        key = self._refusals.get(refusal)
        if key is None:
            key = self._refusals[refusal] = series("tokenworks_refusals_total", refusal=refusal)
        self.meters.add(key)

    def note_question(self, model: str, dialect: str) -> None:
        """A figure was given of a request's input. Nothing is billed."""
        self.meters.add(series("tokenworks_input_counts_total", model=model, dialect=dialect))

    def note_end(self, keys: ModelKeys, opened: Opened, closed: Closed) -> None:
        """A request has ended. It is counted with others, by C: that costs a fifth of counting it now."""
        if len(self.live) < LIVE_MAX:
            self.live.append((opened, closed))
        ended = keys.streamed if opened.stream else keys.ended
        ended.append(closed)
        if len(ended) >= TOGETHER:
            self._count(keys)

    def note_usual(self, keys: ModelKeys, brief: Brief, deployment: str) -> None:
        """The same of a whole answer that was served at once and reported: less is to be counted."""
        usual = keys.usual
        usual.append(brief)
        keys.tries.append(deployment)
        if len(usual) >= TOGETHER:
            self._count_usual(keys)

    def figures(self) -> dict[str, int]:
        """All counters up to now."""
        for keys in self._models.values():
            self._count_usual(keys)
            self._count(keys)
        return self.meters.figures()

    def _count_usual(self, keys: ModelKeys) -> None:
        """Counts what `note_usual` noted: outcome ok, status 200, reported, one attempt, all of it at once."""
        usual, keys.usual = keys.usual, []
        if usual:
            self.live += usual[: max(0, LIVE_MAX - len(self.live))]
            self._count_ends(keys, "ok", 200, len(usual))
            tries, keys.tries = keys.tries, []
            for deployment, count in Counter(tries).items():
                self._count_tries(deployment, "served", count)
            self._count_tokens(keys, "reported", map(_USAGE, usual))
            for value, count in Counter(map(_LASTED, usual)).items():
                keys.duration.observe(value, count)
                keys.ttft.observe(value, count)

    def _count(self, keys: ModelKeys) -> None:
        """Counts the other ended requests of a model."""
        ended, streamed = keys.ended + keys.streamed, keys.streamed
        keys.ended, keys.streamed = [], []
        for (outcome, status), count in Counter(map(_END, ended)).items():
            self._count_ends(keys, outcome, status, count)
        for (deployment, outcome), count in Counter(map(_TRY, chain.from_iterable(map(_ATTEMPTS, ended)))).items():
            self._count_tries(deployment, outcome, count)
        for basis in set(map(_BASIS, ended)):
            self._count_tokens(keys, basis, map(_USAGE, filter(lambda one: one.basis == basis, ended)))
        for value, count in Counter(map(_DURATION, ended)).items():
            keys.duration.observe(value, count)
        for value, count in Counter(map(_TTFT, ended)).items():
            if value >= 0:
                keys.ttft.observe(value, count)
        for closed in streamed:
            rest = closed.usage.completion - 1
            if closed.ttft_ms >= 0 and rest > 0:
                keys.per_token.observe((closed.duration_ms - closed.ttft_ms) * 1000 // rest)

    def _count_ends(self, keys: ModelKeys, outcome: str, status: int, count: int) -> None:
        key = keys.by_end.get((outcome, status))
        if key is None:
            key = keys.by_end[outcome, status] = series(
                "tokenworks_requests_total", model=keys.model, dialect=keys.dialect, outcome=outcome,
                status=str(status))
        self.meters.add(key, count)
        if outcome == "cut":
            self.meters.add(self._cuts, count)

    def _count_tries(self, deployment: str, outcome: str, count: int) -> None:
        key = self._attempts.get((deployment, outcome))
        if key is None:
            key = self._attempts[deployment, outcome] = series(
                "tokenworks_attempts_total", deployment=deployment, outcome=outcome)
        self.meters.add(key, count)

    def _count_tokens(self, keys: ModelKeys, basis: Basis, usages: Iterable[Usage]) -> None:
        names = keys.tokens.get(basis)
        if names is None:
            names = keys.tokens[basis] = tuple(
                series("tokenworks_tokens_total", model=keys.model, **{"class": name}, basis=basis) for name in CLASSES)
        for name, count in zip(names, map(sum, zip(*map(_CLASSES, usages), strict=True)), strict=True):
            if count:
                self.meters.add(name, count)

    def note_live(self, row: tuple[Opened, Closed | None] | Refused) -> None:
        """A row for `request tail`, while there is room."""
        if len(self.live) < LIVE_MAX:
            self.live.append(row)

    def take_live(self) -> tuple[dict[str, str | int], ...]:
        """The rows since the last report, in their order in time; `figures` is asked first."""
        rows = tuple(sorted(map(_live_row, self.live), key=itemgetter("at_ns")))
        self.live.clear()
        return rows


def _histogram(meters: Meters, name: str, labels: dict[str, str]) -> Histogram:
    return meters.histogram(series(name, **labels))


def _live_row(item: tuple[Opened, Closed | None] | Refused | Brief) -> dict[str, str | int]:
    """One row of `request tail`: an opened, a closed or a refused request."""
    if isinstance(item, Refused):
        return {"event": "refused", "request": item.request, "at_ns": item.at_ns, "account": item.account,
                "key": item.key, "dialect": item.dialect, "model": item.model, "reason": item.refusal,
                "status": item.status}
    if isinstance(item, Brief):
        served = expand(item)
        item = served.opened, served.closed
    opened, closed = item
    row: dict[str, str | int] = {
        "event": "opened", "request": opened.request, "at_ns": opened.at_ns, "account": opened.account,
        "key": opened.key, "dialect": opened.dialect, "model": opened.model, "deployment": opened.deployment,
        "stream": int(opened.stream), "held_minor": opened.held_minor, "unit": opened.unit}
    if closed is None:
        return row
    usage = closed.usage
    return {**row, "event": "closed", "at_ns": closed.at_ns, "deployment": closed.deployment or opened.deployment,
            "outcome": closed.outcome, "reason": closed.reason, "status": closed.status, "basis": closed.basis,
            "input": usage.input, "cache_read": usage.cache_read,
            "cache_write": usage.cache_write_5m + usage.cache_write_1h, "output": usage.output,
            "reasoning": usage.reasoning, "charged_minor": closed.charged_minor, "ttft_ms": closed.ttft_ms,
            "duration_ms": closed.duration_ms}
