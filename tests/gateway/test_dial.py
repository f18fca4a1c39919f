"""How upstreams are reached: names, addresses that are refused, proxies, the time a connection may take."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
from tests.gateway.certificates import Authority
from tests.gateway.test_upstream import ANSWERS, HEAD, ask, says
from tests.gateway.worker import Heard, bind, read_request, run, serving, until, working

from tokenworks.errors import Invalid
from tokenworks.gateway.call import Fault
from tokenworks.gateway.pool import Target


class Names:
    """A resolver whose answers change, and which counts the questions."""

    def __init__(self, **known: list[str]) -> None:
        self.known = {name.replace("_", "."): addresses for name, addresses in known.items()}
        self.asked: list[str] = []

    async def look_up(self, host: str) -> list[str]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError(f"no such name {host}")
        return self.known[host]


@pytest.mark.parametrize(("address", "private", "word"), [
    ("169.254.169.254", True, "metadata"),
    ("169.254.1.1", True, "link-local"),
    ("fd00:ec2::254", True, "metadata"),
    ("fe80::1", True, "link-local"),
    ("0.0.0.0", True, "unspecified"),
    ("::ffff:169.254.169.254", True, "link-local"),
    ("127.0.0.1", False, "allow_private"),
    ("10.1.2.3", False, "allow_private"),
    ("::1", False, "allow_private"),
])  # fmt: skip
@pytest.mark.parametrize("named", [True, False])
def test_refused_addresses(address: str, private: bool, word: str, named: bool) -> None:
    """The rule is applied to what a name resolves to when it is dialled, as to an address in the URL."""

    async def main() -> None:
        names = Names(evil_example=[address])
        host = "evil.example" if named else f"[{address}]" if ":" in address else address
        async with working(lookup=names.look_up) as worker:
            heard = await ask(worker, Target(f"http://{host}:9", allow_private=private))
            assert heard.failure is not None and heard.failure.fault is Fault.CONNECT
            assert word in heard.failure.detail and not heard.failure.sent

    run(main)


def test_loopback_in_other_spellings() -> None:
    """Numbers that only the system's resolver takes for an address are checked after it has."""

    async def main() -> None:
        async with working() as worker:
            for host in ("127.1", "2130706433", "0x7f000001", "localhost"):
                heard = await ask(worker, Target(f"http://{host}:9"))
                assert heard.failure is not None and "allow_private" in heard.failure.detail, host

    run(main)


def test_name_is_kept_and_renewed() -> None:
    """One question per name and time to live; the next one finds the new address."""

    async def main() -> None:
        names = Names(api_example=["127.0.0.1"])
        async with (
            working(lookup=names.look_up, dns_ttl_s=0.4) as worker,
            serving(says(ANSWERS["length"])) as upstream,  # every call dials: the upstream closes
        ):
            target = Target(f"http://api.example:{upstream.port}", allow_private=True)
            for _ in range(5):
                assert (await ask(worker, target)).ended
            assert names.asked == ["api.example"]
            names.known["api.example"] = ["169.254.169.254"]
            await asyncio.sleep(0.5)
            heard = await ask(worker, target)
            assert heard.failure is not None and "metadata" in heard.failure.detail

    run(main)


def test_unresolvable_keeps_last_addresses() -> None:
    async def main() -> None:
        names = Names(api_example=["127.0.0.1"])
        async with (
            working(lookup=names.look_up, dns_ttl_s=0.1) as worker,
            serving(says(ANSWERS["length"])) as upstream,
        ):
            target = Target(f"http://api.example:{upstream.port}", allow_private=True)
            assert (await ask(worker, target)).ended
            names.known.clear()
            await asyncio.sleep(0.2)
            assert (await ask(worker, target)).ended and len(names.asked) > 1
            unknown = await ask(worker, Target("http://nowhere.example", allow_private=True))
            assert unknown.failure is not None and "no such name" in unknown.failure.detail

    run(main)


def test_pooled_connection_follows_name() -> None:
    """A connection to an address that the name has no longer is not used again, busy as it may be."""

    async def main() -> None:
        names = Names(api_example=["127.0.0.1"])
        async with (
            working(lookup=names.look_up, dns_ttl_s=0.2) as worker,
            serving(says(ANSWERS["length"], close=False)) as upstream,
        ):
            target = Target(f"http://api.example:{upstream.port}", allow_private=True)
            assert (await ask(worker, target)).ended
            await asyncio.sleep(0.5)
            assert (await ask(worker, target)).ended and upstream.connections == 1
            names.known["api.example"] = ["127.0.0.2"]
            await until(lambda: not target.idle)

    run(main)


def test_next_address() -> None:
    """An address that refuses is passed over, one that may not be dialled too."""

    async def main() -> None:
        names = Names(api_example=["169.254.169.254", "127.0.0.9", "127.0.0.1"])
        async with working(lookup=names.look_up) as worker, serving(says(ANSWERS["length"])) as upstream:
            heard = await ask(worker, Target(f"http://api.example:{upstream.port}", allow_private=True))
            assert heard.ended

    run(main)


def test_refused_connection() -> None:
    async def main() -> None:
        sock = bind()
        async with working() as worker:
            heard = await ask(worker, Target(f"http://127.0.0.1:{sock.getsockname()[1]}", allow_private=True))
            assert heard.failure is not None and heard.failure.fault is Fault.CONNECT and not heard.failure.sent
        sock.close()

    run(main)


def test_connect_timeout(tmp_path: Path) -> None:
    """A handshake that never ends is given up in time."""

    async def main() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(2)

        async with working(connect_s=0.3) as worker, serving(script) as upstream:
            target = Target(f"https://127.0.0.1:{upstream.port}", ca_file=Authority(tmp_path).file, allow_private=True)
            async with asyncio.timeout(1.5):
                heard = await ask(worker, target)
            assert heard.failure is not None and heard.failure.fault is Fault.CONNECT

    run(main)


class Proxy:
    """An HTTP proxy: absolute form for http, tunnels for https; it keeps the heads that it saw."""

    def __init__(self, refuse: bytes = b"") -> None:
        self.heads: list[bytes] = []
        self.refuse = refuse

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self.refuse:
            writer.write(self.refuse)
            await writer.drain()
        elif head.startswith(b"CONNECT "):
            port = int(head.split()[1].rpartition(b":")[2])
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)
            far_writer.close()
        else:
            while True:
                await reader.readexactly(2)
                writer.write(ANSWERS["length"])
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


def test_plain_proxy() -> None:
    """Requests to an http upstream go to the proxy in absolute form, on a connection that is kept."""

    async def main() -> None:
        proxy = Proxy()
        async with working() as worker, serving(proxy.serve) as upstream:
            via = f"http://user:p%40ss@127.0.0.1:{upstream.port}"
            target = Target("http://api.example/v1", proxy=via)
            for _ in range(2):
                assert (await ask(worker, target)).ended
            assert upstream.connections == 1
            for head in proxy.heads:
                assert head.startswith(b"POST http://api.example/v1/chat/completions HTTP/1.1\r\n")
                assert b"proxy-authorization: Basic " + base64.b64encode(b"user:p@ss") in head

    run(main)


def test_tunnel_proxy(tmp_path: Path) -> None:
    """Requests to an https upstream go through a tunnel; the proxy sees neither head nor body, and no key."""

    async def main() -> None:
        authority, proxy, seen = Authority(tmp_path), Proxy(), []

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                seen.append((await read_request(reader))[0])
                writer.write(ANSWERS["chunked"])

        async with (
            working() as worker, serving(script, authority.server()) as upstream,
            serving(proxy.serve) as middle,
        ):
            target = Target(f"https://localhost:{upstream.port}", ca_file=authority.file,
                            proxy=f"http://user:pass@127.0.0.1:{middle.port}", allow_private=True)
            for _ in range(3):
                heard = await ask(worker, target)
                assert heard.body == b"abcdef", heard.failure
            place = b"localhost:%d" % upstream.port
            assert proxy.heads == [b"CONNECT %b HTTP/1.1\r\nhost: %b\r\nproxy-authorization: Basic %b\r\n\r\n" % (
                place, place, base64.b64encode(b"user:pass"))]
            assert seen == [HEAD] * 3

    run(main)


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", b"SSH-2.0\r\n\r\n", b"x" * 20_000, b"x",
])  # fmt: skip
def test_tunnel_refused(tmp_path: Path, answer: bytes) -> None:
    async def main() -> None:
        authority, proxy = Authority(tmp_path), Proxy(answer)
        async with working() as worker, serving(proxy.serve) as middle:
            target = Target("https://api.example", ca_file=authority.file, proxy=f"http://127.0.0.1:{middle.port}")
            heard = await ask(worker, target)
            assert heard.failure is not None and heard.failure.fault is Fault.CONNECT and not heard.failure.sent
            assert "proxy" in heard.failure.detail

    run(main)


def test_proxy_does_not_reach_metadata() -> None:
    async def main() -> None:
        proxy = Proxy()
        async with working() as worker, serving(proxy.serve) as middle:
            via = f"http://127.0.0.1:{middle.port}"
            heard = await ask(worker, Target("http://169.254.169.254", proxy=via, allow_private=True))
            assert heard.failure is not None and "metadata" in heard.failure.detail and proxy.heads == []

    run(main)


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "https://x:99999", "//x", "http://[::1", "x"])
def test_bad_addresses(url: str) -> None:
    with pytest.raises(Invalid):
        Target(url)
    with pytest.raises(Invalid):
        Target("http://x", proxy=url or "https://x")


def test_target_parts() -> None:
    target = Target("https://api.example/base/v1/")
    assert (target.authority, target.path, target.port) == (b"api.example", b"/base/v1", 443)
    assert Target("http://[2001:db8::1]:8000").authority == b"[2001:db8::1]:8000"
    assert Target("https://bücher.example").authority == b"xn--bcher-kva.example"
    assert Target(unix="/run/x.sock").authority == b"localhost"


def test_retired_target() -> None:
    """A deployment whose settings have changed: its calls end, its connections with them."""

    async def main() -> None:
        async with (
            working() as worker,
            serving(says(ANSWERS["length"][:-3], 0.2, ANSWERS["length"][-3:], close=False)) as upstream,
        ):
            target = upstream.target()
            assert (await ask(worker, target)).ended
            heard = Heard()
            worker.pool.call(target, HEAD, [b"{}"], heard)
            await until(lambda: heard.reads)
            worker.pool.retire(target)
            await until(lambda: heard.ended)
            assert heard.body == b"abcdef" and target.idle == []
            await until(lambda: worker.pool.connections == 0)

    run(main)
