"""Every way in which a request fails, as the official SDKs see it: the exception, how often they try, and how long.

The SDKs try again by themselves: on 408, 409, 429 and from 500 on, at most twice, as `x-should-retry` and `retry-after`
tell them. What nobody can help by waiting has to be heard at once, and at the first try.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import anthropic
import httpx2
import openai
import pytest
from msgspec.structs import replace
from tests.gateway.books import KEY
from tests.gateway.shop import Shop, run, shop
from tests.gateway.test_attempts import BREAKS
from tests.gateway.upstream import answer_whole

from tokenworks.wire.dialects import Dialect

SAY: Any = [{"role": "user", "content": "hello"}]
AT_ONCE_MS = 900
ASKED: list[tuple[Dialect, Dialect]] = [  # by the client, of the upstream
    ("chat", "chat"), ("responses", "responses"), ("completions", "completions"), ("embeddings", "embeddings"),
    ("messages", "messages"), ("chat", "messages"), ("responses", "chat"), ("completions", "chat"),
    ("messages", "chat")]  # one try, without a wait
Prepare = Callable[[Shop], Awaitable[None]]


class Buyer:
    """Both SDKs with their own settings, counting the requests that they make."""

    def __init__(self, place: Shop, key: str = KEY) -> None:
        self.tries = 0
        self.headers: list[httpx2.Headers] = []
        url = f"http://127.0.0.1:{place.port}"
        http = httpx2.AsyncClient(event_hooks={"request": [self._count], "response": [self._keep]}, timeout=20)
        self.openai = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, http_client=http)
        self.claude = anthropic.AsyncAnthropic(base_url=url, api_key=key, http_client=http)

    async def _count(self, _: httpx2.Request) -> None:
        self.tries += 1

    async def _keep(self, response: httpx2.Response) -> None:
        self.headers.append(response.headers)

    async def ask(self, dialect: Dialect, model: str = "m", **more: Any) -> Any:
        if dialect == "chat":
            return await self.openai.chat.completions.create(model=model, messages=SAY, **more)
        if dialect == "responses":
            return await self.openai.responses.create(model=model, input="hello", **more)
        if dialect == "completions":
            return await self.openai.completions.create(model=model, prompt="hello", **more)
        if dialect == "embeddings":
            return await self.openai.embeddings.create(model=model, input="hello", **more)
        return await self.claude.messages.create(model=model, max_tokens=9, messages=SAY, **more)


class Case(NamedTuple):
    """`prepare` makes it happen. What the SDKs raise, with which status and word; tries, and between which times."""

    prepare: Prepare
    openai: tuple[type[Exception], int, str]
    anthropic: tuple[type[Exception], int, str]
    tries: int = 1
    least_ms: int = 0
    most_ms: int = AT_ONCE_MS
    ask: Mapping[str, Any] = MappingProxyType({})
    key: str = KEY
    words: str = ""


async def nothing(_: Shop) -> None:
    """As it is."""


def keyed(**change: Any) -> Prepare:
    async def prepare(place: Shop) -> None:
        (key,) = place.books.keys.values()
        place.books.change(keys=(replace(key, **change),))
        await asyncio.sleep(0.05)
    return prepare


def deployed(**change: Any) -> Prepare:
    async def prepare(place: Shop) -> None:
        (endpoint,) = place.books.endpoints.values()
        row = replace(endpoint.deployment, **change)
        place.books.change(endpoints=(replace(endpoint, deployment=row),))
        await asyncio.sleep(0.05)
    return prepare


def upstream(status: int, body: Any = b'{"error":{"message":"org-123 says no"}}') -> Prepare:
    async def prepare(place: Shop) -> None:
        place.upstream.script = answer_whole(body, status)
    return prepare


async def inactive(place: Shop) -> None:
    place.books.change(accounts=(replace(place.books.accounts["acc"], active=False),))
    await asyncio.sleep(0.05)


async def poor(place: Shop) -> None:
    place.books.open_account("poor", "tw_live_poor")
    place.books.change(accounts=(place.books.accounts["poor"],), keys=(place.books.keys["tw_live_poor"],))
    await asyncio.sleep(0.05)


async def crowded(place: Shop) -> None:
    place.shared.desk.till("acc").budget.limit = 1


async def draining(place: Shop) -> None:
    place.shared.draining = True


async def disk_full(place: Shop) -> None:
    place.shared.journal.refuse("full")


async def unreachable(place: Shop) -> None:
    await deployed(url="http://127.0.0.1:1")(place)


TOO_LONG = b'{"error":{"code":400,"type":"exceed_context_size_error","message":"too long","n_prompt_tokens":200000}}'
CASES: dict[str, Case] = {
    "unknown key": Case(nothing, (openai.AuthenticationError, 401, "invalid_api_key"),
                        (anthropic.AuthenticationError, 401, "authentication_error"), key="tw_live_wrong"),
    "revoked key": Case(keyed(revoked=True), (openai.AuthenticationError, 401, "invalid_api_key"),
                        (anthropic.AuthenticationError, 401, "authentication_error"), words="revoked"),
    "expired key": Case(keyed(expires_at_ns=1), (openai.AuthenticationError, 401, "invalid_api_key"),
                        (anthropic.AuthenticationError, 401, "authentication_error"), words="expired"),
    "closed account": Case(inactive, (openai.PermissionDeniedError, 403, "account_deactivated"),
                           (anthropic.PermissionDeniedError, 403, "permission_error")),
    "unknown model": Case(nothing, (openai.NotFoundError, 404, "model_not_found"),
                          (anthropic.NotFoundError, 404, "not_found_error"), ask={"model": "mm"}, words="'m'"),
    "model not allowed": Case(keyed(models=("z",)), (openai.PermissionDeniedError, 403, "model_not_found"),
                              (anthropic.PermissionDeniedError, 403, "permission_error")),
    "empty balance": Case(poor, (openai.RateLimitError, 429, "insufficient_quota"),
                          (anthropic.PaymentRequiredError, 402, "billing_error"), key="tw_live_poor"),
    "field refused": Case(nothing, (openai.BadRequestError, 400, "unsupported_parameter"),
                          (anthropic.BadRequestError, 400, "invalid_request_error"),
                          ask={"extra_body": {"service_tier": "priority"}}, words="service_tier"),
    "field twice": Case(nothing, (openai.BadRequestError, 400, "invalid_value"),
                        (anthropic.BadRequestError, 400, "invalid_request_error"),
                        ask={"extra_body": {"Model": "m"}}, words="'model'"),
    "upstream refuses": Case(upstream(400), (openai.BadRequestError, 400, "invalid_value"),
                             (anthropic.BadRequestError, 400, "invalid_request_error")),
    "prompt too long": Case(upstream(400, TOO_LONG), (openai.BadRequestError, 400, "context_length_exceeded"),
                            (anthropic.BadRequestError, 400, "invalid_request_error"), words="200000 tokens"),
    # what may be better in a moment is tried three times, after the wait that we name
    "too much in flight": Case(crowded, (openai.RateLimitError, 429, "rate_limit_exceeded"),
                               (anthropic.RateLimitError, 429, "rate_limit_error"), 3, 1900, 4000),
    "switched off": Case(deployed(enabled=False), (openai.InternalServerError, 503, "server_is_overloaded"),
                         (anthropic.OverloadedError, 529, "overloaded_error"), 3, 1900, 4000),
    "upstream busy": Case(upstream(429), (openai.InternalServerError, 503, "server_is_overloaded"),
                          (anthropic.OverloadedError, 529, "overloaded_error"), 3, 1900, 4000),
    "shutting down": Case(draining, (openai.InternalServerError, 503, "server_is_overloaded"),
                          (anthropic.OverloadedError, 529, "overloaded_error"), 3, 900, 3000),
    "upstream fails": Case(upstream(500), (openai.InternalServerError, 503, "upstream_failed"),
                           (anthropic.InternalServerError, 502, "api_error"), 3, 1900, 4000),
    "upstream credential": Case(upstream(401), (openai.InternalServerError, 503, "upstream_failed"),
                                (anthropic.InternalServerError, 502, "api_error"), 3, 1900, 4000),
    "upstream away": Case(unreachable, (openai.InternalServerError, 503, "upstream_failed"),
                          (anthropic.InternalServerError, 502, "api_error"), 3, 1900, 4000),
}


@pytest.mark.parametrize("name", CASES)
def test_whole(tmp_path: Path, name: str) -> None:
    """In every dialect, natively and told in the words of another; side by side, as most of it is waiting."""
    case = CASES[name]

    async def ask(dialect: Dialect, buyer: Buyer) -> None:
        begun = time.monotonic()
        with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as caught:
            await buyer.ask(dialect, **case.ask)
        judge(case, dialect, caught.value, buyer, round((time.monotonic() - begun) * 1000))

    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            places, asking = [], []
            for number, (client, spoken) in enumerate(ASKED):
                place = await stack.enter_async_context(shop(tmp_path / str(number), dialects=(spoken,)))
                await case.prepare(place)
                places.append(place)
                asking.append((client, Buyer(place, case.key)))
            await asyncio.gather(*(ask(*one) for one in asking))
            for place in places:
                place.shared.draining = False

    run(main)


def judge(case: Case, dialect: Dialect, error: Any, buyer: Buyer, took_ms: int) -> None:
    kind, status, code = case.anthropic if dialect == "messages" else case.openai
    assert type(error) is kind, error
    assert error.status_code == status and case.words in str(error)
    said = error.body["error"] if dialect == "messages" else error.body
    assert code in (said.get("code"), said["type"]) and said["message"] and "org-123" not in str(error)
    assert buyer.tries == case.tries and case.least_ms <= took_ms <= case.most_ms, (buyer.tries, took_ms)
    for headers in buyer.headers:
        assert headers["x-request-id"] == headers["request-id"] and headers["content-type"] == "application/json"
        assert ("x-should-retry" in headers) is (case.tries == 1)
    if dialect == "messages":
        assert error.body["type"] == "error" and error.body["request_id"] == buyer.headers[-1]["request-id"]


def test_endpoints_that_are_not_sold(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path) as place:
            buyer = Buyer(place)
            for asked in (buyer.openai.files.list(), buyer.openai.images.generate(prompt="x"),
                          buyer.openai.moderations.create(input="x"), buyer.openai.responses.retrieve("resp_1")):
                with pytest.raises(openai.InternalServerError) as caught:
                    await asked
                assert caught.value.status_code == 501
            assert buyer.tries == 4
            with pytest.raises(anthropic.HTTPNotImplementedError):
                await buyer.claude.messages.batches.list()
            with pytest.raises(anthropic.HTTPNotImplementedError):
                await buyer.claude.messages.count_tokens(model="m", messages=SAY)
            assert buyer.tries == 6

    run(main)


@pytest.mark.parametrize("name", list(BREAKS))
@pytest.mark.parametrize("dialect", ["chat", "completions", "responses", "messages"])
def test_in_mid_stream(tmp_path: Path, dialect: Dialect, name: str) -> None:
    """Part of an answer, and then the SDK raises (or hands on `response.failed`); it does not try again."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            place.upstream.script = BREAKS[name]
            buyer = Buyer(place)
            stream = await buyer.ask(dialect, stream=True)
            seen: list[Any] = []
            if dialect == "responses":
                seen = [event async for event in stream]
                assert seen[-1].type == "response.failed" and seen[-1].response.error.code
            else:
                with pytest.raises((openai.APIError, anthropic.APIStatusError)) as caught:
                    async for event in stream:
                        seen.append(event)
                assert "failed in the middle" in str(caught.value) and "org-123" not in str(caught.value)
            assert len(seen) >= 8 and buyer.tries == 1

    run(main)


@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_later_is_better(tmp_path: Path, dialect: Dialect) -> None:
    """Busy at first, then not: the SDK's own second try is served, and one request is billed."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            await upstream(503)(place)
            buyer = Buyer(place)
            asked = asyncio.create_task(buyer.ask(dialect))
            while not buyer.headers:
                await asyncio.sleep(0.01)
            await upstream(200, CHAT)(place)
            assert "hi there" in str(await asked) and buyer.tries == 2
            closed = await place.closed(2)
            assert [one.charged_minor > 0 for one in closed] == [False, True]

    run(main)


CHAT = (b'{"id":"c","object":"chat.completion","created":1,"model":"up","choices":[{"index":0,"message":'
        b'{"role":"assistant","content":"hi there"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}')
QUOTAS = {
    "anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-unified-status": "allowed",
    "x-ratelimit-remaining-tokens": "7", "x-codex-primary-used-percent": "80", "anthropic-organization-id": "org-1",
    "openai-organization": "org-1", "set-cookie": "a=b", "cf-ray": "x", "server": "y", "ratelimit": "z",
    "request-id": "req_theirs", "x-request-id": "theirs", "x-should-retry": "true", "retry-after": "77"}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_no_header_of_theirs(tmp_path: Path, dialect: Dialect, status: int) -> None:
    """An upstream's limits, cookies and names are the operator's affair."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            async def play(exchange: Any) -> None:
                await exchange.whole(CHAT if status == 200 else b"{}", status, **QUOTAS)

            place.upstream.script = play
            buyer = Buyer(place)
            if status == 200:
                await buyer.ask(dialect)
            else:
                with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)):
                    await buyer.ask(dialect)
            for headers in buyer.headers:
                assert headers["request-id"] == headers["x-request-id"] != "theirs"
                assert not [name for name in QUOTAS if name in headers and headers[name] == QUOTAS[name]]
                assert set(headers) <= {"content-type", "content-length", "date", "request-id", "x-request-id",
                                        "x-should-retry", "connection", "retry-after", "retry-after-ms"}
                assert headers.get("retry-after") in (None, "1"), "our own hint"

    run(main)
