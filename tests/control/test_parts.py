"""Small parts: the admin token, notes, quarantine, the turnstile, tasks that must not fail, what workers were told."""

from __future__ import annotations

import asyncio
import stat
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tokenworks.clock import FakeClock, FakeDice, SystemDice
from tokenworks.control.admin import prepare_token
from tokenworks.control.facts import FactsBook
from tokenworks.control.hub import Hub
from tokenworks.control.notes import Noted, NoteFile
from tokenworks.control.posting import PosterThread
from tokenworks.control.quarantine import QuarantineFolder
from tokenworks.control.reach import Hands, Reach
from tokenworks.control.spawner import Spawner
from tokenworks.control.told import Told
from tokenworks.control.turnstile import TURN_WAIT_S, Turnstile
from tokenworks.credit.messages import Answer, LeaseGrant
from tokenworks.credit.rows import LeaseRow
from tokenworks.errors import BooksUnreachable
from tokenworks.operations.secret import SecretBook
from tokenworks.store.memory.open import open_memory


def test_token_is_drawn_once(tmp_path: Path) -> None:
    digest = prepare_token(tmp_path, SystemDice())
    token = (tmp_path / "admin.token").read_text().strip()
    assert digest == sha256(token.encode()).digest()
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("admin.token", "admin.hash")} == {0o600}
    (tmp_path / "admin.token").unlink()  # the operator has taken it
    assert prepare_token(tmp_path, SystemDice()) == digest
    assert not (tmp_path / "admin.token").exists()
    (tmp_path / "admin.hash").unlink()
    assert prepare_token(tmp_path, SystemDice()) != digest


def test_token_after_a_death_in_between(tmp_path: Path) -> None:
    (tmp_path / "admin.token").write_text("old\n")
    (tmp_path / "admin.new").write_text("half")
    digest = prepare_token(tmp_path, FakeDice(3))
    assert sha256((tmp_path / "admin.token").read_text().strip().encode()).digest() == digest


def test_hub_checks_tokens() -> None:
    hub = Hub(host="h", version="1", store=open_memory(), secrets=SecretBook({}), facts=FactsBook(), clock=FakeClock(),
              dice=FakeDice(1), admin_digest=sha256(b"right").digest())
    assert hub.check_token("right")
    assert not any(map(hub.check_token, ("", "wrong", "right ", "\udcff")))
    assert hub.books_reached()
    assert hub.leakage() == []
    hub.store.writers.greet("h/0/1", 5)
    hub.store.writers.greet("x/0/1", 5)
    hub.facts.join("h/0/1", 77, 6)
    rows = hub.gateways()
    assert [(row.journal.writer, row.heard.pid if row.heard else 0) for row in rows] == [("h/0/1", 77), ("x/0/1", 0)]
    assert [row.journal.writer for row in hub.gateways("x")] == ["x/0/1"]
    assert hub.complete_until() == 5


def test_notes_survive_and_bad_ones_count_as_none(tmp_path: Path) -> None:
    book = NoteFile(tmp_path / "poster.json")
    assert book.load() == Noted()
    noted = Noted(3, {"h/0/1": 5}, {"a.twj": 7})
    book.save(noted)
    assert book.load() == noted
    (tmp_path / "poster.json").write_text("{")
    assert book.load() == Noted()
    with pytest.raises(OSError, match="No such file"):
        NoteFile(tmp_path / "none" / "poster.json").save(noted)


def test_quarantine_is_private(tmp_path: Path) -> None:
    folder = QuarantineFolder(tmp_path / "quarantine")
    folder.keep("a.twj-8", b"\0\1")
    folder.keep("a.twj-8", b"\0\1\2")
    assert (tmp_path / "quarantine" / "a.twj-8").read_bytes() == b"\0\1\2"
    assert stat.S_IMODE((tmp_path / "quarantine").stat().st_mode) == 0o700


def test_turnstile_holds_back_and_lets_go() -> None:
    turnstile, passed = Turnstile(), threading.Event()
    turnstile.wait()
    turnstile.enter()
    turnstile.enter()
    threading.Thread(target=lambda: (turnstile.wait(), passed.set())).start()
    turnstile.leave()
    assert passed.wait(TURN_WAIT_S * 50), "what is posted may be what is waited for: not for ever"
    turnstile.leave()
    turnstile.wait()


def test_a_failed_task_ends_the_process() -> None:
    async def scenario() -> None:
        failed: list[int] = []
        spawner = Spawner(lambda: failed.append(1))

        async def fail() -> None:
            raise RuntimeError("a bug")

        async def sleep() -> None:
            await asyncio.sleep(60)

        spawner.spawn(sleep())
        spawner.spawn(fail())
        await asyncio.sleep(0.01)
        assert failed == [1]
        spawner.cancel()
        await asyncio.sleep(0.01)
        assert failed == [1]

    asyncio.run(scenario())


def test_a_poster_that_dies_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    class Dying:
        def step(self) -> bool:
            raise RuntimeError("a bug")

    async def scenario() -> None:
        failed = asyncio.Event()
        thread = PosterThread(Dying(), asyncio.get_running_loop(), failed.set)  # type: ignore[arg-type]
        hook, threading.excepthook = threading.excepthook, lambda args: None
        thread.start()
        await asyncio.wait_for(failed.wait(), 5)
        thread.stop()
        threading.excepthook = hook

    asyncio.run(scenario())


def test_the_poster_steps_again_after_trouble_and_once_more_at_the_end() -> None:
    class Troubled:
        steps = saved = 0

        def look_soon(self) -> None:
            pass

        def step(self) -> bool:
            self.steps += 1
            if self.steps == 1:
                raise BooksUnreachable("away")
            return self.steps < 4

        def save(self) -> None:
            self.saved += 1

    async def scenario() -> None:
        poster = Troubled()
        thread = PosterThread(poster, asyncio.get_running_loop(), lambda: None)  # type: ignore[arg-type]
        thread.start()
        await asyncio.wait_for(thread.round(), 5)
        assert poster.steps >= 2
        before = poster.steps
        await asyncio.to_thread(thread.stop)
        assert poster.steps > before
        assert poster.saved == 1

    asyncio.run(scenario())


def test_reach_follows_the_last_call() -> None:
    def away() -> None:
        raise BooksUnreachable("gone")

    async def scenario() -> None:
        reach = Reach()
        hands = Hands(reach, 1, "test")
        assert await hands.call(lambda value: value + 1, 1) == 2
        with pytest.raises(BooksUnreachable):
            await hands.call(away)
        assert not reach.reached
        assert "gone" in reach.why
        with pytest.raises(KeyError):
            await hands.call({}.__getitem__, 1)  # an answer of another kind says nothing of the books
        assert not reach.reached
        await hands.call(int)
        assert reach.reached
        hands.close()

    asyncio.run(scenario())


class FakePeer:
    writer = "h/0/1"
    up = True

    def send(self, message: Any) -> bool:
        return self.up


def test_told_knows_what_is_missing() -> None:
    def lease(granted_minor: int) -> LeaseRow:
        return LeaseRow("lse", "lot", "acc", "h/0/1", 1, "valid", granted_minor)

    def answer(amount_minor: int) -> Answer:
        return Answer(1, "acc", (LeaseGrant("lse", "lot", "acc", amount_minor, 0, 60, 1),))

    peer, other = FakePeer(), FakePeer()
    told = Told({"h/0/1": peer})  # type: ignore[dict-item]
    told.send(peer, answer(5))  # type: ignore[arg-type]
    assert told.missing("h/0/1", [lease(9)]) == [], "it does not tell what it has heard"
    told.doubt("h/0/1")
    assert not told.doubtful
    told.greet("h/0/1", {"lse": 3})
    assert told.doubtful == {"h/0/1"}
    told.send(peer, answer(5))  # type: ignore[arg-type]
    told.send(other, answer(70))  # type: ignore[arg-type]  # over a link that is no more
    peer.up = False
    told.send(peer, answer(90))  # type: ignore[arg-type]
    assert told.missing("h/0/1", [lease(9)]) == [(lease(9), 1)]
    assert told.missing("h/0/1", [lease(8)]) == []
    told.drop("h/0/1")
    assert not told.doubtful
    assert told.missing("h/0/1", [lease(9)]) == []
