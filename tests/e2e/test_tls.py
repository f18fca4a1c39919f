"""TLS in front of a running utility, new certificates and settings while streams run, and its end; TLS behind it."""

from __future__ import annotations

import asyncio
import signal
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.sources import Loop, Source, add_deployment, selling, serving_model, time_policy
from tests.e2e.utility import Utility, wait_for
from tests.e2e.wire import SAY, Line, ask
from tests.gateway.certificates import Authority
from tests.gateway.upstream import Exchange, answer_whole, chat_chunk, chat_stream, chat_usage, chat_whole

from tokenworks.cli.exits import Failed
from tokenworks.cli.sale import open_shop

CHAT = "/v1/chat/completions"
STREAM = {"model": "tls", "messages": SAY, "max_tokens": 1000, "stream": True}
DRAIN_S = 2


class Front:
    """A utility that speaks TLS. Its files are replaced in place, as a renewal does it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cert, self.key = directory / "front.crt", directory / "front.key"
        self.authority = self.renew("first")
        config = directory / "front.toml"
        config.write_text(f'[gateway]\ntls_cert = "{self.cert}"\ntls_key = "{self.key}"\ndrain_s = {DRAIN_S}\n')
        state = directory / "state"
        state.mkdir(mode=0o700)
        self.utility = Utility(state, "--no-engine", "--config", str(config))

    def renew(self, name: str) -> Authority:
        """A certificate of a new authority stands in the files."""
        where = self.directory / name
        where.mkdir()
        authority = Authority(where, name)
        for made, used in zip(authority.issue(), (self.cert, self.key), strict=True):
            used.write_bytes(Path(made).read_bytes())
        return authority

    def start(self) -> None:
        self.utility.launch()
        self.utility.key = open_shop(self.utility.client, str(self.utility.state)).key


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    front = Front(tmp_path_factory.mktemp("tls"))
    front.start()
    yield front
    front.utility.stop()


@pytest.fixture(scope="module")
def source(front: Front) -> Iterator[Source]:
    with selling(front.utility, "tls", answer_whole(chat_whole("hi", 10, 2))) as source:
        yield source


class Gate:
    """A stream that goes on when the test says so."""

    def __init__(self, source: Source) -> None:
        self.event = asyncio.Event()
        self._loop = source.loop.loop

    def open(self) -> None:
        self._loop.call_soon_threadsafe(self.event.set)

    async def play(self, exchange: Exchange) -> None:
        await exchange.start()
        await exchange.event(chat_chunk("before "))
        waiting = asyncio.ensure_future(self.event.wait())
        gone = asyncio.ensure_future(exchange.gone.wait())
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        for task in (waiting, gone):
            task.cancel()
        if not exchange.gone.is_set():
            await exchange.event(chat_chunk("after", "stop"))
            await exchange.event(chat_usage(10, 2))
            await exchange.event("[DONE]")
            await exchange.end()


def begin(front: Front, source: Source, gate: Gate) -> Line:
    """A stream of which the first words have arrived."""
    source.play(gate.play)
    line = Line(front.utility, trust=front.authority.client()).post(CHAT, STREAM)
    assert line.head()[0] == 200 and b"before" in line.chunk()
    return line


def rest_of(line: Line) -> bytes:
    parts = []
    while part := line.chunk():
        parts.append(part)
    return b"".join(parts)


def test_https(front: Front, source: Source) -> None:
    assert front.utility.url.startswith("https://")
    trust = front.authority.client()
    trust.set_alpn_protocols(["h2", "http/1.1"])
    with Line(front.utility, trust=trust) as line:
        assert line.sock.selected_alpn_protocol() == "http/1.1"  # type: ignore[attr-defined]
        assert line.get("/healthz").status == 200
        assert line.ask(CHAT, {**STREAM, "stream": False}).status == 200
        assert line.get("/api/v1/accounts").status == 401, "the admin's paths come the same way"
    with Line(front.utility) as plain:
        plain.send(plain.head_of("/healthz", None, "GET"))
        assert not plain.sock.recv(1000).startswith(b"HTTP/1.1 200")


def test_new_certificate(front: Front, source: Source) -> None:
    """SIGHUP to `up`: who connects from then on sees the new certificate, who has a stream keeps it."""
    gate = Gate(source)
    with begin(front, source, gate) as line:
        new = front.renew("second")
        assert front.utility.process is not None
        front.utility.process.send_signal(signal.SIGHUP)

        def seen() -> bool:
            try:
                with Line(front.utility, trust=new.client()):
                    return True
            except ssl.SSLCertVerificationError:
                return False

        for _ in range(6):  # both workers
            wait_for(seen, 5, lambda: "the new certificate is not shown")
        gate.open()
        assert b"after" in rest_of(line)
        source.play(answer_whole(chat_whole("hi", 10, 2)))
        assert line.ask(CHAT, {**STREAM, "stream": False}).status == 200
    front.authority = new


def test_bad_certificate(front: Front, source: Source) -> None:
    """A renewal that went wrong leaves the old certificate in force, and the log says so."""
    good = front.cert.read_bytes()
    front.cert.write_text("no certificate\n")
    assert front.utility.process is not None
    front.utility.process.send_signal(signal.SIGHUP)
    logs = front.utility.state / "logs"

    def told() -> bool:
        return all("front.crt" in (logs / f"gateway-{number}.log").read_text() for number in range(2))

    wait_for(told, 5, lambda: (logs / "gateway-0.log").read_text())
    front.cert.write_bytes(good)
    for _ in range(4):
        with Line(front.utility, trust=front.authority.client()) as line:
            assert line.get("/healthz").status == 200


def test_end_while_a_stream_runs(front: Front, source: Source) -> None:
    """SIGTERM: not ready at once, new connections refused, the stream goes on to its end, then all is over."""
    gate = Gate(source)
    line, probe = begin(front, source, gate), Line(front.utility, trust=front.authority.client())
    assert probe.get("/readyz").status == 200
    process = front.utility.process
    assert process is not None
    began_s = time.monotonic()
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert process.poll() is None
    gate.open()
    assert b"after" in rest_of(line) and line.closed() and probe.closed()
    for each in (line, probe):
        each.sock.close()
    assert process.wait(10) == 0 and time.monotonic() - began_s < DRAIN_S
    front.start()
    time_policy(front.utility)


def test_end_is_bounded(front: Front, source: Source) -> None:
    """A stream that does not end is ended after `drain_s`, cleanly, and what it delivered is billed."""
    with begin(front, source, Gate(source)) as line:
        process = front.utility.process
        assert process is not None
        began_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = rest_of(line)
        took_s = time.monotonic() - began_s
        assert DRAIN_S - 1 < took_s < DRAIN_S + 4
        assert b"gateway_draining" in rest and rest.endswith(b"data: [DONE]\n\n")
        assert process.wait(15) == 0
    front.start()
    newest = front.utility.client.call("GET", "/requests", {"model": "tls", "limit": 1})["data"][0]
    found = front.utility.booked(newest["id"])
    assert found["request"]["state"] == "posted" and float(found["charged"]["amount"]) > 0
    assert front.utility.audit()["balanced"]


# --- behind it ---


def test_own_authority(utility: Utility, tmp_path: Path) -> None:
    """`ca_file` of a deployment is what its certificate is checked against; without it nothing is said to it."""
    authority = Authority(tmp_path)
    source = Source("own-ca", answer_whole(chat_whole("hi", 10, 2)), authority.server())
    try:
        url = f"https://localhost:{source.port}"
        serving_model(utility, "own-ca", url, ca_file=authority.file)
        reply = ask(utility, CHAT, {"model": "own-ca", "messages": SAY, "max_tokens": 4})
        assert reply.status == 200, utility.booked(reply.request)["attempts"]
        serving_model(utility, "public-ca", url)
        refused = ask(utility, CHAT, {"model": "public-ca", "messages": SAY})
        assert refused.status in (502, 503) and str(source.port) not in refused.body.decode()
        found = utility.booked(refused.request)
        assert "certificate" in found["attempts"][0]["reason"].lower(), found["attempts"]
        assert len(source.seen) == 1
    finally:
        source.stop()


def test_wrong_name(utility: Utility, tmp_path: Path) -> None:
    """A certificate of another host does not do, whoever signed it."""
    authority = Authority(tmp_path)
    source = Source("other", answer_whole(chat_whole("hi", 10, 2)), authority.server("other.example"))
    try:
        serving_model(utility, "wrong-name", f"https://localhost:{source.port}", ca_file=authority.file)
        assert ask(utility, CHAT, {"model": "wrong-name", "messages": SAY}).status in (502, 503)
        assert source.seen == []
    finally:
        source.stop()


class Proxy:
    """An HTTP proxy that remembers what it was asked for."""

    def __init__(self) -> None:
        self.loop, self.lines = Loop(), list[str]()
        server = self.loop.run(self._listen())
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.lines.append(head.decode().splitlines()[0])
        method, target = self.lines[-1].split()[:2]
        where = target if method == "CONNECT" else target.partition("://")[2].partition("/")[0]
        port = int(where.rpartition(":")[2])
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            inner_writer.write(head)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer), return_exceptions=True)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy(utility: Utility, tmp_path: Path, scheme: str) -> None:
    """A deployment's proxy is the only way to it: absolute form for http, a tunnel for https."""
    authority, proxy = Authority(tmp_path), Proxy()
    source = Source("proxied", chat_stream(3), authority.server() if scheme == "https" else None)
    try:
        fields = {"ca_file": authority.file} if scheme == "https" else {}
        serving_model(utility, f"proxied-{scheme}", f"{scheme}://localhost:{source.port}", proxy=proxy.url, **fields)
        reply = ask(utility, CHAT, {"model": f"proxied-{scheme}", "messages": SAY, "stream": True})
        assert reply.status == 200 and reply.events[-1] == "[DONE]"
        want = {"http": f"POST http://localhost:{source.port}/v1/chat/completions HTTP/1.1",
                "https": f"CONNECT localhost:{source.port} HTTP/1.1"}
        assert proxy.lines == [want[scheme]]
        assert utility.booked(reply.request)["basis"] == "reported"
    finally:
        source.stop()
        proxy.loop.stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.1.2.3"])
def test_private_addresses(utility: Utility, host: str) -> None:
    """Without `allow_private` nothing on this machine or in its network is accepted, by whatever name, now or later."""
    utility.client.call("PUT", "/models/inside", {"context_tokens": 4096})
    with pytest.raises(Failed, match="allow_private"):
        add_deployment(utility, "inside", "inside", f"http://{host}:80", allow_private=False)
    name = f"inside-{host.strip('[]').replace(':', '-')}"
    add_deployment(utility, name, "inside", f"http://{host}:80", allow_private=True)
    with pytest.raises(Failed, match="allow_private"):
        utility.client.call("PATCH", f"/deployments/{name}", {"allow_private": False})
    utility.client.call("DELETE", f"/deployments/{name}")


def test_metadata_addresses(utility: Utility) -> None:
    """Link-local addresses are never dialled, allowed or not."""
    utility.client.call("PUT", "/models/inside", {"context_tokens": 4096})
    for host in ("169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "0.0.0.0", "[::]"):
        with pytest.raises(Failed, match="never dialled"):
            add_deployment(utility, "inside", "inside", f"http://{host}:80", allow_private=True)
