"""Policy on its way: what a worker holds after any sequence of messages is what the books say."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import msgspec
import pytest
from tests.control.worker import CLOCK, until
from tests.control.world import World, found, run_world

from tokenworks.control.endpoints import Resolver, read_engine
from tokenworks.control.policy import PolicyBook
from tokenworks.credit.policy import Account, Change, Endpoint, Key, Snapshot
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.gateway.policybook import PolicyBook as WorkerBook
from tokenworks.limits import KEYS_PER_CHANGE
from tokenworks.operations.secret import SecretBook
from tokenworks.operations.upstream import EMBEDDED
from tokenworks.store.ports import Store
from tokenworks.store.shapes import KeyRow, PolicyRows

MODEL = Model("tiny", 4096, 1024)


def key(number: int, **more: object) -> Key:
    return Key(number.to_bytes(32, "big"), f"key_{number}", "acc", **more)  # type: ignore[arg-type]


def deployment(name: str = "own", **more: object) -> Deployment:
    return Deployment(name, "tiny", "http://127.0.0.1:9", "tiny", "vllm", ("chat",), **more)  # type: ignore[arg-type]


def give(worker: WorkerBook, messages: list[Snapshot | Change]) -> None:
    for message in messages:
        if isinstance(message, Snapshot):
            worker.load(message)
        else:
            assert worker.apply(message)


def filled(count: int) -> PolicyBook:
    book = PolicyBook()
    book.epoch, book.pepper = 1, b"p" * 32
    rows = PolicyRows(0, 5, (Account("acc", "Acme", "CNY", "std"),), tuple(map(key, range(count))), (MODEL,),
                      (deployment(),))
    book.replace(rows, {"own": Endpoint(deployment(), "secret")})
    return book


@pytest.mark.parametrize("count", [0, 1, KEYS_PER_CHANGE, KEYS_PER_CHANGE + 1, 3 * KEYS_PER_CHANGE])
def test_a_snapshot_of_any_size_arrives_whole(count: int) -> None:
    worker = WorkerBook()
    messages = filled(count).greet(0, 0)
    assert len(messages) == max(1, -(-count // KEYS_PER_CHANGE)) + (count > KEYS_PER_CHANGE)
    give(worker, messages)
    assert (worker.version, worker.books_epoch, len(worker.keys)) == (5, 1, count)
    assert set(worker.accounts) == {"acc"}


def test_a_large_snapshot_does_not_interrupt() -> None:
    """A worker that holds a policy serves by it until the new one is whole."""
    worker = WorkerBook()
    give(worker, filled(3).greet(0, 0))
    messages = filled(2 * KEYS_PER_CHANGE).snapshot()
    for message in messages[:-1]:
        give(worker, [message])
        assert len(worker.keys) == 3
    give(worker, messages[-1:])
    assert len(worker.keys) == 2 * KEYS_PER_CHANGE


def test_changes_follow_each_other() -> None:
    book, worker = filled(2), WorkerBook()
    give(worker, book.greet(0, 0))
    many = tuple(map(key, range(10, 10 + 2 * KEYS_PER_CHANGE)))
    give(worker, book.apply(PolicyRows(5, 9, keys=(key(1, revoked=True), *many)), {}))
    assert worker.version == 9
    assert worker.keys[key(1).digest].revoked
    assert len(worker.keys) == 2 + len(many)
    give(worker, book.apply(PolicyRows(9, 10, dropped_deployments=("own",), dropped_models=("tiny",)), {}))
    assert (worker.models, book.endpoints(), book.deployments) == ({}, [], {})
    late = WorkerBook()
    give(late, book.greet(5, 1))
    assert (late.version, late.keys, late.accounts) == (worker.version, worker.keys, worker.accounts)


def test_who_holds_it_hears_a_sign_of_life_only() -> None:
    book = filled(2)
    assert book.greet(5, 1) == [Change(5, 5)]
    assert isinstance(book.greet(5, 2)[0], Snapshot), "the same version of other books is another policy"
    assert PolicyBook().greet(0, 0) == []


def test_refresh_tells_only_what_changed() -> None:
    book = filled(1)
    same = Endpoint(deployment(), "secret")
    assert book.refresh({"own": same, "gone": same}) == []
    assert book.refresh({"own": Endpoint(deployment(), "new")}) == [
        Change(5, 5, endpoints=(Endpoint(deployment(), "new"),))]
    assert book.refresh({"own": Endpoint(deployment(), "new")}) == []


def test_credentials_and_the_engine_beside_us(tmp_path: Path) -> None:
    place = tmp_path / "engine.json"
    resolver = Resolver(SecretBook({"TOKENWORKS_SECRET_A": "value"}), place)
    asked = [deployment("env", secret="env:TOKENWORKS_SECRET_A"), deployment("lacks", secret="env:TOKENWORKS_SECRET_B"),
             msgspec.structs.replace(deployment("beside"), url=EMBEDDED), deployment("open")]
    found_ = resolver.resolve(asked)
    assert (found_["env"].credential, found_["env"].deployment.enabled) == ("value", True)
    assert not found_["lacks"].deployment.enabled, "never a request without its credential"
    assert not found_["beside"].deployment.enabled
    assert (found_["open"].credential, found_["open"].deployment.enabled) == ("", True)
    place.write_text(json.dumps({"url": "http://127.0.0.1:7", "key": "k", "pid": os.getpid(), "more": 1}))
    beside = resolver.resolve(asked)["beside"]
    assert (beside.deployment.url, beside.credential, beside.deployment.enabled) == ("http://127.0.0.1:7", "k", True)
    place.write_text(json.dumps({"url": "http://127.0.0.1:7", "key": "k", "pid": 2**22 - 1}))
    assert read_engine(place) is None, "its process is gone"
    place.write_text("{")
    assert read_engine(place) is None


def test_a_revoked_key_reaches_every_worker_at_once(store: Store, tmp_path: Path) -> None:
    found(store, 0)
    store.keys.add(KeyRow("key_1", b"d" * 32, "acc"))

    async def scenario(world: World) -> None:
        workers = [await world.worker(number) for number in range(2)]
        kept = store.keys.get("key_1")
        began_ns = CLOCK.mono_ns()
        await asyncio.to_thread(store.keys.put, msgspec.structs.replace(kept.row, revoked=True), kept.version)
        for worker in workers:
            await until(lambda worker=worker: any(  # type: ignore[misc]
                isinstance(message, Change) and message.keys and message.keys[0].revoked for message in worker.heard))
        assert (CLOCK.mono_ns() - began_ns) // 1_000_000 < 500

    run_world(store, tmp_path, scenario)


def test_the_engine_comes_and_goes(books: Store, tmp_path: Path) -> None:
    found(books, 0)
    books.models.add(MODEL)
    books.deployments.add(msgspec.structs.replace(deployment(), url=EMBEDDED))
    place = tmp_path / "run" / "engine.json"

    async def scenario(world: World) -> None:
        worker = await world.worker()

        def enabled() -> list[bool]:
            return [endpoint.deployment.enabled for message in worker.heard
                    for endpoint in getattr(message, "endpoints", ())]

        await until(lambda: enabled() == [False])
        place.write_text(json.dumps({"url": "http://127.0.0.1:7", "key": "k", "pid": os.getpid()}))
        await until(lambda: enabled() == [False, True])
        place.unlink()
        await until(lambda: enabled() == [False, True, False])

    run_world(books, tmp_path, scenario)


def test_a_raised_epoch_reaches_every_worker(books: Store, tmp_path: Path) -> None:
    """Restored books: what a worker holds of before cuts no hold any more."""
    found(books, 1000)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        await worker.ask("acc", 100)
        assert worker.purse("acc").free_minor >= 100
        epoch = await asyncio.to_thread(books.meta.raise_epoch)
        books.bell.ring("policy")
        await until(lambda: worker.epoch == epoch)
        assert worker.purse("acc").free_minor == 0
        answer = await worker.ask("acc", 100)
        assert {grant.books_epoch for grant in answer.grants} == {epoch}
        worker.renew(tuple(worker.purse("acc").granted))
        await until(lambda: any(type(message).__name__ == "Renewed" for message in worker.heard))
        (renewed,) = [message for message in worker.heard if type(message).__name__ == "Renewed"]
        assert (renewed.books_epoch, renewed.leases) == (epoch, (answer.grants[0].lease,))  # type: ignore[union-attr]

    run_world(books, tmp_path, scenario)
