"""A small world in the books: one account with money, one gateway, and the records that it writes."""

from __future__ import annotations

from collections.abc import Sequence

from tokenworks.credit.messages import Ask, LeaseGrant
from tokenworks.credit.records import Amended, Attempt, Closed, HoldStep, Opened, Part, Record, Released
from tokenworks.credit.rows import Damage
from tokenworks.ledger.audit import audit_books
from tokenworks.ledger.lots import Lot
from tokenworks.store.ports import Store
from tokenworks.store.shapes import AccountRow, Batch, Funding, Posted
from tokenworks.tariff.card import Price, RateCard
from tokenworks.usage.vector import Usage

NOW = 1_790_000_000 * 10**9  # 2026-09-21 in UTC
SECOND = 10**9
WRITER = "host/0/1"
SEGMENT = "host.0.1-00000000.twj"
CENT = 10**7  # CNY at scale 9
USED = Usage(input=1000, output=500)
PRICE = 2 * CENT  # of USED by the card "retail"


def found_world(store: Store, amount_minor: int = 100 * CENT, lots: int = 1) -> list[Lot]:
    """An account `acc`, a card, and lots `lot0`, `lot1`, ... with the amount each."""
    store.accounts.add(AccountRow("acc", "Acme", "CNY", "retail", created_at_ns=NOW))
    store.cards.add(RateCard("retail", 1, "CNY", 0, {"*": Price(input="10", output="20")}))
    fundings = [Funding(f"lot{number}", "acc", "paid", amount_minor, NOW + number, reference=f"pay{number}")
                for number in range(lots)]
    return [store.books.fund(funding) for funding in fundings]


def ask_for(amount_minor: int, number: int = 1, kind: str = "cut") -> Ask:
    """An ask of `acc` for so much."""
    return Ask(number, "acc", amount_minor, kind)


def sold(request: str, grant: LeaseGrant, amount_minor: int = PRICE, at_ns: int = NOW) -> list[Record]:
    """A request from its opening to its close, paid by one lease."""
    return [opened(request, at_ns), closed(request, [Part(0, grant.lot, grant.lease, amount_minor)], at_ns + SECOND)]


def opened(request: str, at_ns: int = NOW) -> Opened:
    return Opened(request, "acc", "key", at_ns, "chat", "tiny", "own", "CNY", "retail@1", True, 3 * CENT,
                  why={"route": "only one", "score": 1})


def closed(request: str, parts: Sequence[Part], at_ns: int = NOW + SECOND, basis: str = "reported") -> Closed:
    total = sum(part.amount_minor for part in parts)
    return Closed(
        request, at_ns, "ok", "stop", USED, basis, total, total, 0, 0, total, tuple(parts),
        attempts=(Attempt(1, "other", "failed", 500, "server error", cost_minor=CENT // 2, cost_unit="CNY",
                          cost_card="cost@1"),
                  Attempt(2, "own", "served", 200, usage=USED, basis="reported")),
        hold=(HoldStep(at_ns - 2, "cut", 3 * CENT, 3 * CENT), HoldStep(at_ns, "settle", 3 * CENT, 0)),
        raw=b'{"prompt_tokens":1000}', notes=("marked",), cut_loss=Usage(output=3), ttft_ms=12, duration_ms=1000,
        objects=(f"resp_{request}",), deployment="own")


def amended(request: str, parts: Sequence[Part], amount_minor: int, usage: Usage = USED) -> Amended:
    return Amended(request, NOW + 2 * SECOND, usage, "counted", amount_minor, amount_minor, 0, 0, tuple(parts))


def released(grant: LeaseGrant, amount_minor: int) -> Released:
    return Released(grant.lease, grant.lot, amount_minor, NOW)


def post(store: Store, records: Sequence[Record | Damage], writer: str = WRITER, now_ns: int = NOW) -> Posted:
    """Posts records behind what the writer has posted already; positions grow by 100."""
    rows = {row.writer: row.position for row in store.writers.roster()}
    start = rows.get(writer, 0)
    items = [(start + 100 * (number + 1), record) for number, record in enumerate(records)]
    return store.books.post(Batch(writer, SEGMENT, start, start + 100 * len(items), items, now_ns, "poster",
                                  watermark_ns=now_ns))


def faults_of(store: Store) -> list[str]:
    """What the audit finds."""
    return audit_books(store.ledger.audit().books)
