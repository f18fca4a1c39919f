"""What stands in the way of an operator: settings, ports, other versions, full disks, clocks that jump."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.sources import Source, add_deployment, time_policy
from tests.e2e.utility import Utility, wait_for
from tests.e2e.wire import SAY, ask
from tests.gateway.upstream import answer_whole, chat_whole

from tokenworks.cli.sale import open_shop
from tokenworks.limits import DISK_FREE_BYTES_MIN

CHAT = "/v1/chat/completions"
BODY = {"model": "bad", "messages": SAY, "max_tokens": 4}
MOUNTED_MIB = 1024


def sell(utility: Utility, source: Source) -> None:
    """The shop is open, and the source is sold in it."""
    utility.key = open_shop(utility.client, str(utility.state)).key
    utility.client.call("PUT", "/models/bad", {"context_tokens": 4096})
    add_deployment(utility, "bad", "bad", f"http://127.0.0.1:{source.port}")
    time_policy(utility)


@pytest.fixture
def source() -> Iterator[Source]:
    source = Source("bad", answer_whole(chat_whole("hi", 1000, 100)))
    yield source
    source.stop()


@pytest.mark.parametrize(("text", "said"), [
    ("[gateway]\ndrian_s = 3\n", ":2: there is no setting gateway.drian_s. Did you mean gateway.drain_s?"),
    ("[listen]\nport = 70000\n", ":2: listen.port"),
    ('[gateway]\ntls_cert = "/nowhere.pem"\n', ":2: gateway.tls_cert and gateway.tls_key go together"),
    ('[gateway]\ntls_cert = "/nowhere.pem"\ntls_key = "/nowhere.key"\n', ":2: gateway.tls_cert: /nowhere.pem"),
    ('[database]\nurl = "mysql://x"\n', "database.url"),
])
def test_settings(tmp_path: Path, text: str, said: str) -> None:
    """File, line and the nearest right name; nothing is started."""
    config = tmp_path / "own.toml"
    config.write_text(text)
    done = subprocess.run([sys.executable, "-m", "tokenworks", "up", "--config", str(config), "--port", "0", "--state",
                           str(tmp_path / "s"), "--no-engine"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr, done
    assert str(config) in done.stderr and not (tmp_path / "s" / "books.db").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of a gigabyte of memory at most."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = shutil.which("mount") is not None and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MOUNTED_MIB}m,mode=0700", "tmpfs", str(place)], capture_output=True,
        check=False).returncode == 0
    if not mounted:
        pytest.skip("mounting a tmpfs needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_disk_full(small_disk: Path, source: Source) -> None:
    """Work is refused before the journal could fail; what runs ends, the books stay right, and room brings it back."""
    state = small_disk / "s"
    state.mkdir(mode=0o700)
    utility = Utility(state, "--no-engine", workers=1)
    utility.launch()
    try:
        sell(utility, source)
        assert ask(utility, CHAT, BODY).status == 200
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        ballast = small_disk / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - DISK_FREE_BYTES_MIN // 2)
        wait_for(lambda: ask(utility, CHAT, BODY).status == 503, 10, lambda: "work is still taken")
        refused, asked = ask(utility, CHAT, BODY), len(source.seen)
        assert "disk is full" in refused.json["error"]["message"] and refused.headers["retry-after"]
        assert "disk is full" in ask(utility, "/v1/messages", BODY).json["error"]["message"]
        ready = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{utility.url}/readyz"],
                               capture_output=True, text=True, check=False)
        assert ready.stdout == "503" and len(source.seen) == asked
        ballast.unlink()
        wait_for(lambda: ask(utility, CHAT, BODY).status == 200, 10, lambda: "work is not taken again")
        audit = utility.audit()
        assert audit["balanced"] and audit["suspended"] == 0, audit
    finally:
        utility.stop()


def test_clock_jumps_back(tmp_path: Path, source: Source) -> None:
    """The wall clock of all processes goes back by an hour and forward by two: requests, leases, books go on."""
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        pytest.skip("apt-get install faketime: to turn the clock back")
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    state = tmp_path / "s"
    state.mkdir(mode=0o700)
    env = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
           "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    utility = Utility(state, "--no-engine", workers=1, env=env)
    utility.launch()
    try:
        sell(utility, source)
        requests = []
        for jump in ("+0", "-3600", "+3600", "-10"):
            offset.write_text(jump + "\n")
            time.sleep(0.7)
            for _ in range(3):
                reply = ask(utility, CHAT, BODY)
                assert reply.status == 200, (jump, reply)
                requests.append(reply.request)
        assert len(set(requests)) == 12
        found = [utility.booked(request) for request in requests]
        assert {row["charged"]["amount"] for row in found} == {"0.028"}
        assert found[3]["request"]["opened_at"] < found[2]["request"]["opened_at"] < found[6]["request"]["opened_at"]
        audit = utility.audit()
        assert audit["balanced"] and audit["held"] == {} and audit["suspended"] == 0, audit
        wallet = utility.client.call("GET", "/accounts/demo/wallet")
        assert float(wallet["balance"]["amount"]) == pytest.approx(10 - 12 * 0.028)
        log = (state / "logs" / "control.log").read_text()
        assert '"level": "error"' not in log, log
    finally:
        utility.stop()
