"""What a running utility shows of itself, and what it must never show."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.sources import Source, serving_model, time_policy
from tests.e2e.test_tls import Gate
from tests.e2e.utility import Utility, wait_for
from tests.e2e.wire import SAY, Line, ask
from tests.gateway.upstream import Exchange, answer_whole, chat_stream, chat_whole

from tokenworks.cli.sale import open_shop

CHAT = "/v1/chat/completions"
UPSTREAM_KEY = "sk-upstream-9f8e7d6c5b4a"
PROMPT = "The lighthouse keeper hides a violet umbrella"
ANSWER = "Nobody asked the gardener about Tuesday"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    state = tmp_path_factory.mktemp("seen")
    state.chmod(0o700)
    env = {"TOKENWORKS_SECRET_SEEN": UPSTREAM_KEY, "TOKENWORKS_LOG__LEVEL": "debug", "TOKENWORKS_GATEWAY__DRAIN_S": "5"}
    utility = Utility(state, "--no-engine", env=env)
    utility.launch()
    utility.key = open_shop(utility.client, str(state)).key
    yield utility
    utility.stop()


@pytest.fixture(scope="module")
def source(seen: Utility) -> Iterator[Source]:
    source = Source("seen", answer_whole(chat_whole(ANSWER, 10, 5)))
    serving_model(seen, "seen", f"http://127.0.0.1:{source.port}", secret="env:TOKENWORKS_SECRET_SEEN")
    yield source
    source.stop()


def trouble(utility: Utility, source: Source, secret: str = "") -> None:
    """Requests of every fate, each with the prompt in it; the upstream says `secret` when it refuses."""
    body = {"model": "seen", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 50}

    async def refuses(exchange: Exchange) -> None:
        await exchange.whole({"error": {"message": f"may not ask {secret}"}}, 401)

    async def garbage(exchange: Exchange) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(ANSWER)}\r\n\r\n"
        await exchange.raw((head + ANSWER).encode())

    async def breaks(exchange: Exchange) -> None:
        await chat_stream(3)(exchange)
        exchange.abort()

    source.play(answer_whole(chat_whole(ANSWER, 10, 5)))
    assert ask(utility, CHAT, body).status == 200
    assert source.seen[-1].headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    for script in (refuses, garbage, answer_whole({"error": {"message": "no"}}, 400)):
        source.play(script)
        reply = ask(utility, CHAT, body)
        assert reply.status >= 400 and UPSTREAM_KEY not in reply.body.decode(), reply
    source.play(breaks)
    ask(utility, CHAT, {**body, "stream": True})
    ask(utility, CHAT, {**body, "max_tokens": PROMPT})
    ask(utility, CHAT, json.dumps(body).encode()[:-1])
    ask(utility, CHAT, body, utility.key + "x")
    with Line(utility) as line:
        line.get(f"/v1/models?api_key={utility.key}")
    source.play(answer_whole(chat_whole(ANSWER, 10, 5)))


def test_logs(seen: Utility, source: Source) -> None:
    """JSON line by line, at the lowest level too; no key, no prompt, no answer, no upstream's credential."""
    trouble(seen, source, UPSTREAM_KEY)
    seen.audit()
    time.sleep(0.3)
    logs = list((seen.state / "logs").glob("*.log"))
    token = (seen.state / "admin.token").read_text().strip()
    assert {log.name for log in logs} >= {"control.log", "gateway-0.log", "gateway-1.log"}
    hidden = (seen.key, token, UPSTREAM_KEY, PROMPT, ANSWER, PROMPT[:20])
    for log in logs:
        for line in log.read_text().splitlines():
            row = json.loads(line)
            assert {"event", "level", "timestamp"} <= row.keys(), row
            assert not [secret for secret in hidden if secret in line], line


def test_books_and_journals(seen: Utility, source: Source) -> None:
    """What is on the disk of requests: no prompt, no answer, no buyer's key. `demo.key` is the demo's own file."""
    trouble(seen, source)
    seen.audit()
    hidden = [word.encode() for word in (seen.key, PROMPT, ANSWER)]
    for path in seen.state.rglob("*"):
        if path.is_file() and path.name != "demo.key":
            data = path.read_bytes()
            assert not [word for word in hidden if word in data], path


def test_upstream_repeats_its_key(seen: Utility, source: Source) -> None:
    trouble(seen, source, UPSTREAM_KEY)
    rows = seen.client.call("GET", "/requests", {"model": "seen", "limit": 20})["data"]
    assert UPSTREAM_KEY not in json.dumps([seen.booked(row["id"]) for row in rows])


LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*"'
LINE = re.compile(rf"^[a-zA-Z_:][a-zA-Z0-9_:]*(\{{({LABEL},?)*\}})? (-?[0-9.e+-]+|\+Inf|NaN)$")


def test_metrics(seen: Utility, source: Source) -> None:
    trouble(seen, source)
    time.sleep(1.2)  # workers report twice a second
    text = seen.client.text("/metrics")
    helps, types, values = dict[str, str](), dict[str, str](), dict[str, float]()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, _, about = line[7:].partition(" ")
            assert name not in helps and about
            helps[name] = about
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            assert name not in types and kind in ("counter", "gauge", "histogram")
            types[name] = kind
        else:
            assert LINE.match(line), line
            series, _, value = line.rpartition(" ")
            assert series not in values, series
            values[series] = float(value)
    assert helps.keys() == types.keys()
    for series in values:
        name = series.partition("{")[0]
        base = re.sub(r"_(bucket|sum|count)$", "", name) if re.sub(r"_(bucket|sum|count)$", "", name) in types else name
        assert base in types, series
        assert types[base] != "counter" or name.endswith("_total"), series
    assert {"gen_ai_server_time_to_first_token_seconds", "gen_ai_server_time_per_output_token_seconds",
            "gen_ai_server_request_duration_seconds"} <= {name for name, kind in types.items() if kind == "histogram"}
    assert "demo" not in text and "acc_" not in text and "account" not in re.sub(r"# .*", "", text)
    check_histograms(types, values)
    assert sum(value for series, value in values.items() if series.startswith("tokenworks_tokens_total")) > 0
    assert sum(value for series, value in values.items() if series.startswith("tokenworks_holds")) == 0


def check_histograms(types: dict[str, str], values: dict[str, float]) -> None:
    """Buckets grow, the last is +Inf and equals the count, the sum is there."""
    for name in (name for name, kind in types.items() if kind == "histogram"):
        rows: dict[str, list[tuple[float, float]]] = {}
        for series, value in values.items():
            if series.startswith(f"{name}_bucket{{"):
                (bound,) = re.findall(r'le="([^"]+)"', series)
                rest = re.sub(r',?le="[^"]+"', "", series.partition("{")[2].removesuffix("}")).strip(",")
                rows.setdefault(rest, []).append((float(bound), value))
        for rest, buckets in rows.items():
            labels = f"{{{rest}}}" if rest else ""
            assert buckets == sorted(buckets), "in order, as parsers want them"
            counts = [count for _, count in buckets]
            assert counts == sorted(counts) and buckets[-1][0] == float("inf")
            assert counts[-1] == values[f"{name}_count{labels}"] and f"{name}_sum{labels}" in values


def test_health(seen: Utility) -> None:
    with Line(seen) as line:
        assert line.get("/healthz").status == 200
        wait_for(lambda: line.get("/readyz").status == 200, 10, lambda: "never ready")
        page = line.get("/")
        assert page.status == 200 and page.headers["content-type"].startswith("text/html")


def test_told_while_draining(draining: list[int]) -> None:
    """From SIGTERM on everybody who comes is told at once that this gateway is not ready."""
    assert draining == [503]


def test_not_ready_while_draining(draining: list[int]) -> None:
    """Nobody is told that it is ready, and the stream that runs ends as it should."""
    assert draining in ([503], [0])


@pytest.fixture(scope="module")
def draining(seen: Utility, source: Source) -> list[int]:
    """What a readiness probe hears from a utility that was told to end while a stream runs: 0 is nothing."""
    gate = Gate(source)
    source.play(gate.play)
    with Line(seen) as line:
        line.post(CHAT, {"model": "seen", "messages": SAY, "max_tokens": 50, "stream": True})
        assert line.head()[0] == 200 and line.chunk()
        assert seen.process is not None
        seen.process.send_signal(signal.SIGTERM)
        time.sleep(0.4)
        heard: list[int] = []

        def probe() -> None:
            try:
                with Line(seen) as other:
                    other.sock.settimeout(1)
                    heard.append(other.get("/readyz").status)
            except OSError:
                heard.append(0)

        probing = threading.Thread(target=probe)
        probing.start()
        probing.join(5)
        gate.open()
        assert b"after" in b"".join(iter(line.chunk, b""))
    wait_for(lambda: seen.process is not None and seen.process.poll() is not None, 10, lambda: "it does not end")
    seen.launch()
    time_policy(seen)
    return heard


@pytest.mark.skipif(shutil.which("chromium") is None, reason="apt-get install chromium: to look at the status page")
def test_status_page_renders(seen: Utility, tmp_path: Path) -> None:
    """A browser shows it without asking anybody else for anything, on a phone too."""
    for width in (1200, 390):
        shot = tmp_path / f"{width}.png"
        subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900",
                        f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}", f"{seen.url}/"],
                       capture_output=True, timeout=60, check=True)
        assert shot.stat().st_size > 5000
