"""Real control processes: started, asked, refused, cut off from their books, killed anywhere and started again."""

from __future__ import annotations

import asyncio
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path
from sqlite3 import connect
from urllib.parse import urlsplit

import pytest
from tests.control.process import ROOT, Wire, control, spawn_worker, wait_until
from tests.control.worker import CLOCK, Worker, until
from tests.control.world import check_books, drive, found, fund

from tokenworks.control import process as process_module
from tokenworks.control.process import ControlConfig, run_control
from tokenworks.credit.hold import Hold
from tokenworks.credit.messages import Order, Recall
from tokenworks.store.open import open_store
from tokenworks.store.ports import Store
from tokenworks.store.shapes import RequestQuery


def finished(store: Store) -> bool:
    """Every journal has been read to its end and no request is open."""
    ended = all(row.state == "ended" for row in store.writers.roster())
    return ended and not any(row.state == "held" for row in store.requests.page(RequestQuery(limit=500)).data)


def test_a_life(tmp_path: Path) -> None:
    with control(tmp_path, "aaaa", "") as process:
        token = (tmp_path / "admin.token").read_text().strip()
        assert stat.S_IMODE((tmp_path / "admin.token").stat().st_mode) == 0o600
        assert token not in (tmp_path / "admin.hash").read_text()
        facts = process.facts(token)
        assert facts["known"]
        assert not process.facts("tw_admin_" + "0" * 64)["known"]
        assert (facts["host"], facts["version"], facts["reached"]) == ("aaaa", "9", True)
        for name in ("public.sock", "private.sock"):
            assert stat.S_IMODE((tmp_path / "run" / name).stat().st_mode) == 0o600

        async def live() -> None:
            worker = Worker(tmp_path, "aaaa/0/1790000000000")
            worker.link.start()
            await until(lambda: worker.version)
            await until(lambda: process.facts()["heard"])
            worker.leave()

        drive(live)
        wait_until(lambda: not process.facts()["writers"])
        assert process.stop() == 0
        process.start()
        assert process.facts(token)["known"], "the token is drawn once"
        assert (tmp_path / "admin.token").read_text().strip() == token
        assert process.stop() == 0


def test_reload_reaches_the_workers(tmp_path: Path) -> None:
    """SIGHUP: this process reads its settings again, wrong ones change nothing, and its workers are told to."""
    with control(tmp_path, "aaaa", "") as process:

        async def live() -> None:
            worker = Worker(tmp_path, "aaaa/0/1790000000000")
            worker.link.start()
            await until(lambda: worker.version)
            for count in (1, 2):
                assert process.child is not None
                process.child.send_signal(signal.SIGHUP)
                await until(lambda count=count: worker.heard.count(Order("reload")) == count)
                (tmp_path / "level").write_text("debug")
            worker.leave()

        drive(live)
        assert process.stop() == 0
    assert "reload_failed" in process.log.read_text()


def test_a_second_control_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(process_module, "LOCK_WAIT_S", 0)
    with control(tmp_path, "aaaa", "") as process:
        config = ControlConfig(state_dir=str(tmp_path), host="aaaa")
        assert run_control(config, lambda hub: None, lambda url, credential: None) == 2  # type: ignore[arg-type, return-value]
        assert "Another control process runs" in capsys.readouterr().err
        assert process.facts()["reached"]


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    open_store(f"sqlite:///{path}").close()
    with connect(path) as books:
        books.execute("UPDATE alembic_version SET version_num = '9999'")
    argv = [sys.executable, "-m", "tests.control.child", str(tmp_path), "aaaa", f"sqlite:///{path}"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, timeout=30, check=False)
    assert done.returncode == 2
    assert b"Install the version that wrote it" in done.stderr


def test_control_is_killed_again_and_again_while_workers_sell(database_url: str, tmp_path: Path) -> None:
    """And one worker too. In the end every request that was opened is billed once, and everything returned."""
    store = open_store(database_url)
    found(store, 40_000)
    dice = random.Random(5)
    with control(tmp_path, "aaaa", database_url) as process:
        children = [spawn_worker(tmp_path, f"aaaa/{number}/1790000000000", "acc", 10) for number in range(2)]
        for round_ in range(3):
            wait_until(lambda: process.facts()["heard"])
            asyncio.run(asyncio.sleep(dice.random() * 0.4))
            process.kill()
            if round_ == 1:
                children[0].kill()
                children[0].wait()
                children[0] = spawn_after(process, tmp_path)
            else:
                process.start()
        for child in children:
            child.kill()
            child.communicate()
        wait_until(lambda: finished(store), 60)
        lot = store.ledger.lots("acc").data[0]
        assert lot.leased_minor == 0
        assert 0 < lot.posted_minor <= 40_000
        assert lot.posted_minor + lot.available_minor == 40_000
        assert process.stop() == 0
    check_books(store)
    store.close()


def spawn_after(process: object, state_dir: Path) -> subprocess.Popen[bytes]:
    """The same worker started anew, once control is there again."""
    process.start()  # type: ignore[attr-defined]
    return spawn_worker(state_dir, "aaaa/0/1790000000999", "acc", 10)


@pytest.fixture
def postgres_url(server: str, postgres_template: str) -> object:
    from tests.store import postgres

    with postgres.fresh_database(server, postgres_template) as url:
        yield url


def test_books_out_of_reach_and_back(postgres_url: str, tmp_path: Path) -> None:
    """PostgreSQL is cut off in mid-flight: workers are told, go on within their leases, and nothing is lost."""
    parts = urlsplit(postgres_url)
    wire = Wire(parts.port or 5432)
    cut_url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{wire.port}").geturl()
    store = open_store(postgres_url)
    found(store, 10_000)
    try:
        with control(tmp_path, "aaaa", cut_url) as process:

            async def scenario() -> None:
                worker = Worker(tmp_path, "aaaa/0/1790000000000")
                worker.link.start()
                await until(lambda: worker.version)
                assert await worker.sell("acc", 100)
                await worker.ask("acc", 500)
                wire.cut()
                answer = await worker.ask("acc", 5000)
                assert not answer.books_reached
                assert not answer.grants
                for _ in range(5):
                    assert await worker.sell("acc", 100), "it goes on within its lease"
                assert worker.link.connected
                wire.mend()
                await until(lambda: store.ledger.lots("acc").data[0].posted_minor == 600, 20)
                await retry(worker, 5000)
                worker.leave()

            drive(scenario, 60)
            wait_until(lambda: finished(store))
            assert process.stop() == 0
        assert store.ledger.lots("acc").data[0].available_minor == 10_000 - 600
        check_books(store)
    finally:
        store.close()
        wire.close()


async def retry(worker: Worker, need: int) -> None:
    """Asks until the books answer again."""
    async with asyncio.timeout(20):
        while not (await worker.ask("acc", need)).books_reached:
            await asyncio.sleep(0.1)


def test_books_that_come_up_later(postgres_url: str, tmp_path: Path) -> None:
    """Control starts before its database: it tells its workers so, keeps trying, and opens its door then."""
    parts = urlsplit(postgres_url)
    wire = Wire(parts.port or 5432)
    wire.cut()
    cut_url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{wire.port}").geturl()
    store = open_store(postgres_url)
    found(store, 1000)
    try:
        with control(tmp_path, "aaaa", cut_url, wait=False) as process:

            async def scenario() -> None:
                worker = Worker(tmp_path, "aaaa/0/1790000000000")
                worker.link.start()
                await until(lambda: worker.link.connected, 20)
                assert not (await worker.ask("acc", 10)).books_reached
                assert not process.answers()
                wire.mend()
                await until(lambda: worker.version, 20)
                await retry(worker, 10)
                worker.leave()

            drive(scenario, 60)
            wait_until(process.answers)
            assert process.stop() == 0
    finally:
        store.close()
        wire.close()


def test_two_hosts_share_a_wallet(postgres_url: str, tmp_path: Path) -> None:
    """Credit that a worker of one host does not need reaches a worker of the other, by the bell, within its time; a
    top-up made at one host reaches the stream that waits at the other; a host that is gone is forgotten."""
    store = open_store(postgres_url)
    found(store, 1000)
    here, there = tmp_path / "a", tmp_path / "b"
    with control(here, "aaaa", postgres_url) as one, control(there, "bbbb", postgres_url) as two:

        async def scenario() -> None:
            first, second = Worker(here, "aaaa/0/1790000000000"), Worker(there, "bbbb/0/1790000000000")
            for worker in (first, second):
                worker.link.start()
                await until(lambda worker=worker: worker.version)  # type: ignore[misc]
            await first.ask("acc", 1000)
            assert isinstance(await first.cut("acc", 300), Hold)
            began_ns = CLOCK.mono_ns()
            assert (await second.ask("acc", 600)).grants
            assert (CLOCK.mono_ns() - began_ns) // 1_000_000 < 900
            assert any(isinstance(message, Recall) for message in first.heard)
            assert isinstance(await second.cut("acc", 600), Hold)
            third = Worker(here, "aaaa/1/1790000000000")
            third.link.start()
            await until(lambda: third.version)
            await second.ask("acc", 200, "extend")
            assert second.purse("acc").free_minor < 200
            first.leave()  # what it held comes back with the end of its journal
            await until(lambda: second.purse("acc").free_minor >= 200, 1)
            await second.ask("acc", 700, "extend")
            assert second.purse("acc").free_minor < 700
            await asyncio.to_thread(fund, store, 900, "acc", 1)
            await until(lambda: second.purse("acc").free_minor >= 700, 1)
            await third.ask("acc", 10)

        drive(scenario)
        one.kill()
        gone = "aaaa/1/1790000000000"
        store.writers.mark(gone, "lose", CLOCK.now_ns())
        assert {lease.state for lease in store.ledger.leases("acc", gone)} == {"in_doubt"}
        store.writers.mark(gone, "forget", CLOCK.now_ns())
        assert two.facts()["writers"] == ["bbbb/0/1790000000000"]
    check_books(store)
    store.close()
