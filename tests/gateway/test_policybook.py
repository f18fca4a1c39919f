"""The policy that a worker holds: pieces, increments, gaps, prices in time, and 100,000 keys."""

from __future__ import annotations

import gc
import hashlib
import hmac
import tracemalloc
from time import perf_counter

import pytest

from tokenworks.clock import FakeClock, SystemClock, SystemDice, mint_id
from tokenworks.control.policy import _pieces
from tokenworks.credit.messages import ToWorker
from tokenworks.credit.policy import Account, Change, Endpoint, Key, Snapshot
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.gateway.ids import IdMint
from tokenworks.gateway.policybook import PolicyBook, _make_digest
from tokenworks.limits import FRAME_BYTES_MAX
from tokenworks.link.frames import FrameReader, pack_frame
from tokenworks.tariff.card import Price, RateCard
from tokenworks.usage.vector import Usage

ACCOUNT = Account("acc", "a", "CNY", "retail")
MODEL = Model("m", 1000, 100)


def endpoint(name: str = "dep", model: str = "m", url: str = "http://127.0.0.1:1", **extra: object) -> Endpoint:
    return Endpoint(Deployment(name, model, url, "up", "openai", ("chat",), **extra), "secret")  # type: ignore[arg-type]


def card(version: int, at_ns: int = 0, unit: str = "CNY", name: str = "retail", **models: str) -> RateCard:
    return RateCard(name, version, unit, at_ns, {key: Price(input=price) for key, price in models.items()})


def key_of(number: int) -> Key:
    return Key(hashlib.sha256(b"%d" % number).digest(), f"key_{number:026d}", f"acc_{number % 5000:026d}")


def loaded(*cards: RateCard, version: int = 1) -> PolicyBook:
    book = PolicyBook()
    book.load(Snapshot(version, 1, b"p", (ACCOUNT,), (key_of(1),), (MODEL,), (endpoint(),), cards))
    return book


def test_digest_is_hmac() -> None:
    for pepper in (b"", b"short", b"x" * 64, b"y" * 200):
        assert _make_digest(pepper)(b"text") == hmac.digest(pepper, b"text", "sha256")


def test_snapshot_in_pieces() -> None:
    """The old policy goes on until the last piece is here; then all of the new one holds at once."""
    book = loaded(card(1, m="1"))
    book.load(Snapshot(0, 2, b"q", (), (), (Model("n", 1, 1),)))
    assert book.version == 1 and "m" in book.models and key_of(1).digest in book.keys
    assert book.apply(Change(0, 0, keys=(key_of(2),)))
    assert book.apply(Change(1, 2, dropped_models=("x",))), "increments of the old one still count"
    assert book.version == 2 and key_of(2).digest not in book.keys
    assert book.apply(Change(0, 9, keys=(key_of(3),)))
    assert (book.version, book.books_epoch) == (9, 2)
    assert set(book.keys) == {key_of(2).digest, key_of(3).digest} and set(book.models) == {"n"} and not book.accounts


def test_gap_is_seen() -> None:
    book = loaded()
    assert not book.apply(Change(5, 6)) and book.version == 1
    assert not PolicyBook().apply(Change(0, 1))


def test_prices_in_time() -> None:
    book = loaded(card(1, 0, m="1000000"), card(2, 50, m="2000000"), card(3, 90, other="1"))
    found = [(book.price(ACCOUNT, "m", at_ns), at_ns) for at_ns in (0, 49, 50, 89)]
    assert [price.card for price, _ in found if price] == ["retail@1", "retail@1", "retail@2", "retail@2"]
    assert [price.until_ns for price, _ in found if price] == [50, 50, 90, 90]
    assert book.price(ACCOUNT, "m", 90) is None, "the version in force does not price it"
    price = found[0][0]
    assert price is not None and price.pricer.amount(Usage(input=3)) == 3 * 10**9


def test_price_needs_unit() -> None:
    """A card of another unit cannot rate for the account; a star prices any model; a new card takes over."""
    book = loaded(card(1, unit="USD", m="1"))
    assert book.price(ACCOUNT, "m", 5) is None
    assert book.apply(Change(1, 2, cards=(card(2, 3, **{"*": "7"}),)))
    price = book.price(ACCOUNT, "m", 5)
    assert price is not None and price.card == "retail@2"
    assert book.cost_price("", "m", 5) is None


def test_deployments_come_and_go() -> None:
    book, gone = loaded(), []
    book.outlets.retire = gone.append
    first = book.outlets.by_id["dep"]
    assert book.apply(Change(1, 2, endpoints=(endpoint(hangup="drain"), endpoint("aaa"))))
    assert [offer.deployment.id for offer in book.offers["m"]] == ["aaa", "dep"]
    assert book.outlets.by_id["dep"] is first and first.offer.deployment.hangup == "drain" and gone == []
    target = first.target
    assert book.apply(Change(2, 3, endpoints=(endpoint(url="http://127.0.0.1:2"),)))
    assert gone == [target] and first.target is not target
    assert book.apply(Change(3, 4, dropped_deployments=("aaa",)))
    assert [offer.deployment.id for offer in book.offers["m"]] == ["dep"] and len(gone) == 2
    assert book.apply(Change(4, 5, dropped_models=("m",))) and book.offers == {}


def test_bad_deployment_left_out() -> None:
    """What cannot stand in a request head is sold by nobody, and the rest of the policy holds."""
    book = loaded()
    bad = Endpoint(endpoint("bad").deployment, "two\r\nlines")
    assert book.apply(Change(1, 2, endpoints=(bad,)))
    assert [offer.deployment.id for offer in book.offers["m"]] == ["dep"]


def test_health_rests() -> None:
    """Three failures in a row, and it is left alone; then one trial decides. The rest doubles."""
    outlets = loaded().outlets
    outlet = outlets.by_id["dep"]
    for _ in range(3):
        outlets.begin(outlet)
        outlets.failed(outlet, 1000)
    assert outlets.health(1000) == {"dep": "down"}
    later = outlet.rest_until_ns
    assert outlets.health(later) == {"dep": "failing"}
    outlets.begin(outlet)
    assert outlets.health(later) == {"dep": "down"}, "one trial at a time"
    outlets.failed(outlet, later)
    assert outlet.rest_until_ns - later == 2 * (later - 1000)
    outlets.begin(outlet)
    outlets.left(outlet)
    assert outlets.health(outlet.rest_until_ns) == {"dep": "failing"}, "a trial without an end says nothing"
    outlets.begin(outlet)
    outlets.served(outlet)
    assert outlets.health(0) == {} and outlets.inflight == {"dep": 0}


def test_hundred_thousand_keys() -> None:
    """As they come over the link, in under 2 s and under 100 MB, no piece long enough to hold up the loop."""
    keys = tuple(key_of(number) for number in range(100_000))
    accounts = tuple(Account(f"acc_{number:026d}", "a", "CNY", "retail") for number in range(5000))
    pieces = _pieces(keys)
    frames = [bytes(pack_frame(Snapshot(0, 1, b"p", accounts)))]
    frames += [bytes(pack_frame(Change(0, 0, keys=piece))) for piece in pieces[:-1]]
    frames.append(bytes(pack_frame(Change(0, 5, keys=pieces[-1]))))
    del keys, accounts, pieces
    gc.collect()
    assert max(map(len, frames)) < FRAME_BYTES_MAX
    book, reader, longest = PolicyBook(), FrameReader[ToWorker](ToWorker), 0.0
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    _feed(book, reader, frames)
    used_mb = (tracemalloc.get_traced_memory()[0] - before) / 1e6
    tracemalloc.stop()
    begun = perf_counter()
    for frame in frames:
        at = perf_counter()
        _feed(book, reader, [frame])
        longest = max(longest, perf_counter() - at)
    took_s = perf_counter() - begun
    print(f"{took_s * 1000:.0f} ms, longest piece {longest * 1000:.1f} ms, {used_mb:.0f} MB")
    assert len(book.keys) == 100_000 and len(book.accounts) == 5000 and book.version == 5
    assert took_s < 2 and used_mb < 100 and longest < 0.5


def _feed(book: PolicyBook, reader: FrameReader[ToWorker], frames: list[bytes]) -> None:
    for frame in frames:
        for message in reader.feed(frame):
            if isinstance(message, Snapshot):
                book.load(message)
            elif isinstance(message, Change):
                assert book.apply(message)


def test_ids() -> None:
    """The same shape as clock.mint_id, in the order of time, none twice."""
    clock = FakeClock(1_790_000_000_123_456_789)
    mint = IdMint("req", clock, SystemDice())
    first = mint.mint()
    assert first[:14] == mint_id("req", clock, SystemDice())[:14] and len(first) == 30
    made = []
    for _ in range(3000):
        clock.advance(1_000_000)
        made.append(mint.mint())
    assert made == sorted(made) and len(set(made)) == 3000
    assert len({IdMint("req", SystemClock(), SystemDice()).mint() for _ in range(100)}) == 100


@pytest.mark.parametrize("name", ["abc", ""])
def test_unknown_price(name: str) -> None:
    assert loaded().price(ACCOUNT, name, 1) is None
