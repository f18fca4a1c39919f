"""TLS towards clients and towards upstreams, with certificates of an authority made for the test."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from tests.gateway.certificates import Authority
from tests.gateway.test_upstream import ANSWERS, ask, says
from tests.gateway.worker import Answers, connected, post, run, serving, until, working

from tokenworks.gateway.call import Fault
from tokenworks.gateway.pool import Target
from tokenworks.gateway.tls import client_context, server_context


def test_serves_tls(tmp_path: Path) -> None:
    async def main() -> None:
        authority, service = Authority(tmp_path), Answers()
        async with working(service) as worker:
            port = await worker.listen(server_context(*authority.issue()))
            trust = authority.client()
            trust.set_alpn_protocols(["h2", "http/1.1"])
            async with connected(port, trust) as client:
                assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
                for size in (10, 500_000):
                    client.send(post(b"x" * size))
                    assert len((await client.answer()).body) == size
            await until(lambda: not worker.server.connections)

    run(main)


def test_turn_knows_tls(tmp_path: Path) -> None:
    async def main() -> None:
        authority, service = Authority(tmp_path), Answers(lambda turn, body: None)
        async with working(service) as worker:
            async with connected(await worker.listen(server_context(*authority.issue())), authority.client()) as one:
                one.send(post())
                await until(lambda: service.bodies)
                assert service.turns[0].secure and service.turns[0].peer == "127.0.0.1"
            await until(lambda: service.flows[0].told == ["body", "gone"])
            async with connected(await worker.listen()) as two:
                two.send(post())
                await until(lambda: len(service.bodies) == 2)
                assert not service.turns[1].secure

    run(main)


def test_swap_certificate(tmp_path: Path) -> None:
    """After a reload new connections see the new certificate; a stream that runs is not dropped."""

    async def main() -> None:
        old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
        service = Answers(lambda turn, body: turn.start(200, []) or turn.write(b"one"))
        async with working(service) as worker:
            port = await worker.listen(server_context(*old.issue()))
            async with connected(port, old.client()) as client:
                client.send(post())
                await until(lambda: service.bodies)
                await worker.server.swap_tls(server_context(*new.issue()))
                service.turns[0].end(b"two")
                assert (await client.answer()).body == b"onetwo"
                service.answer = lambda turn, body: turn.respond(200, [], body)
                client.send(post(b"again"))
                assert (await client.answer()).body == b"again"
                for _ in range(5):
                    async with connected(port, new.client()) as fresh:
                        fresh.send(post(b"new"))
                        assert (await fresh.answer()).body == b"new"
                with pytest.raises(ssl.SSLCertVerificationError):
                    async with connected(port, old.client()):
                        pass

    run(main)


def test_tls_on_and_off(tmp_path: Path) -> None:
    """A socket that was plain is encrypted from the swap on, and back; connections that are open go on as they are."""

    async def main() -> None:
        authority = Authority(tmp_path)
        async with working() as worker:
            port = await worker.listen()
            async with connected(port) as plain:
                plain.send(post(b"one"))
                assert (await plain.answer()).body == b"one"
                await worker.server.swap_tls(server_context(*authority.issue()))
                async with connected(port, authority.client()) as secure:
                    secure.send(post(b"two"))
                    assert (await secure.answer()).body == b"two"
                    await worker.server.swap_tls(None)
                    for client in (plain, secure):
                        client.send(post(b"three"))
                        assert (await client.answer()).body == b"three"
                async with connected(port) as again:
                    again.send(post(b"four"))
                    assert (await again.answer()).body == b"four"

    run(main)


def test_swap_in_drain(tmp_path: Path) -> None:
    """A reload that meets the drain opens no door again."""

    async def main() -> None:
        authority = Authority(tmp_path)
        async with working() as worker:
            await worker.listen()
            swapping = asyncio.create_task(worker.server.swap_tls(server_context(*authority.issue())))
            await worker.server.drain(0)
            await swapping
            assert worker.server._listening == []

    run(main)


def test_plain_bytes_on_tls(tmp_path: Path) -> None:
    async def main() -> None:
        authority = Authority(tmp_path)
        async with working() as worker:
            port = await worker.listen(server_context(*authority.issue()))
            async with connected(port) as client:
                client.send(post())
                assert b"HTTP/1.1 200" not in await client.rest()
            async with connected(port, authority.client()) as client:
                client.send(post(b"fine"))
                assert (await client.answer()).body == b"fine"

    run(main)


def test_tls_disconnect_in_stream(tmp_path: Path) -> None:
    async def main() -> None:
        authority, service = Authority(tmp_path), Answers(lambda turn, body: turn.start(200, []) or turn.write(b"one"))
        async with working(service) as worker:
            port = await worker.listen(server_context(*authority.issue()))
            async with connected(port, authority.client()) as client:
                client.send(post())
                await until(lambda: service.bodies)
                client.writer.close()
                await until(lambda: service.flows[0].told == ["body", "gone"])

    run(main)


def test_tls_stalled_reader(tmp_path: Path) -> None:
    async def main() -> None:
        authority, service = Authority(tmp_path), Answers(lambda turn, body: turn.start(200, []))
        async with working(service, client_buffer_bytes=100_000, stall_s=0.3) as worker:
            port = await worker.listen(server_context(*authority.issue()))
            async with connected(port, authority.client()) as client:
                client.send(post())
                await until(lambda: service.bodies)
                client.writer.transport.pause_reading()
                turn, flow = service.turns[0], service.flows[0]
                while "blocked" not in flow.told:
                    turn.write(b"x" * 100_000)
                    await asyncio.sleep(0)
                await until(lambda: "stalled" in flow.told)

    run(main)


def test_calls_over_tls(tmp_path: Path) -> None:
    async def main() -> None:
        authority = Authority(tmp_path)
        seen: list[str | None] = []

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
            await says(*ANSWERS.values(), close=False)(reader, writer)

        context = authority.server()
        context.set_alpn_protocols(["http/1.1"])
        async with working() as worker, serving(script, context) as upstream:
            target = Target(f"https://localhost:{upstream.port}", ca_file=authority.file, allow_private=True)
            heard = await ask(worker, target)
            assert heard.body == b"abcdef" and seen == ["http/1.1"]

    run(main)


def test_pooled_over_tls(tmp_path: Path) -> None:
    async def main() -> None:
        authority = Authority(tmp_path)
        async with working() as worker, serving(says(ANSWERS["chunked"], close=False), authority.server()) as upstream:
            target = Target(f"https://127.0.0.1:{upstream.port}", ca_file=authority.file, allow_private=True)
            for _ in range(10):
                assert (await ask(worker, target)).body == b"abcdef"
            assert upstream.connections == 1

    run(main)


@pytest.mark.parametrize("wrong", ["authority", "name", "system"])
def test_untrusted_upstream(tmp_path: Path, wrong: str) -> None:
    """Another authority, another name, or an authority that only the system would know: nothing is sent."""

    async def main() -> None:
        authority, other = Authority(tmp_path, "one"), Authority(tmp_path, "two")
        name = "elsewhere.example" if wrong == "name" else "localhost"
        async with working() as worker, serving(says(ANSWERS["length"]), authority.server(name)) as upstream:
            ca_file = {"authority": other.file, "name": authority.file, "system": ""}[wrong]
            heard = await ask(worker, Target(f"https://localhost:{upstream.port}", ca_file=ca_file, allow_private=True))
            assert heard.failure is not None and heard.failure.fault is Fault.CONNECT and not heard.failure.sent
            assert "certificate" in heard.failure.detail

    run(main)


def test_missing_authority_file() -> None:
    async def main() -> None:
        async with working() as worker:
            heard = await ask(worker, Target("https://127.0.0.1:9", ca_file="/absent.pem", allow_private=True))
            assert heard.failure is not None and heard.failure.fault is Fault.CONNECT

    run(main)


def test_reload_authorities(tmp_path: Path) -> None:
    """The file's new content counts after a reload, and no connection of the old trust is used again."""

    async def main() -> None:
        one, two = Authority(tmp_path, "one"), Authority(tmp_path, "two")
        trusted = tmp_path / "trusted.pem"
        trusted.write_text(Path(one.file).read_text())
        async with working() as worker, serving(says(ANSWERS["length"], close=False), one.server()) as upstream:
            target = Target(f"https://localhost:{upstream.port}", ca_file=str(trusted), allow_private=True)
            assert (await ask(worker, target)).ended
            trusted.write_text(Path(two.file).read_text())
            assert (await ask(worker, target)).ended
            worker.pool.reload()
            heard = await ask(worker, target)
            assert heard.failure is not None and heard.failure.fault is Fault.CONNECT

    run(main)


def test_contexts(tmp_path: Path) -> None:
    cert_file, key_file = Authority(tmp_path, "a").issue()
    _, other_key = Authority(tmp_path, "b").issue()
    assert server_context(cert_file, key_file).minimum_version == ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        server_context(cert_file, other_key)
    context = client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
