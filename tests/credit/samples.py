"""Records of one request, short to write down."""

from __future__ import annotations

from tokenworks.credit.messages import LeaseGrant
from tokenworks.credit.purse import Purse
from tokenworks.credit.records import Amended, Attempt, Closed, Opened, Part, Progressed, Released
from tokenworks.credit.rows import Damage
from tokenworks.usage.vector import Basis, Usage

WRITER = "h1/0/1"
S = 10**9


def grant(lease: str = "L1", amount: int = 100, rank: int = 0, epoch: int = 1, lot: str = "") -> LeaseGrant:
    return LeaseGrant(lease, lot or lease.lower(), "acc", amount, rank, 60, epoch)


def purse(*grants: LeaseGrant, epoch: int = 1) -> Purse:
    found = Purse("acc", epoch)
    for one in grants:
        found.grant(one, 0)
    return found


def opened(request: str = "r1", held: int = 50, account: str = "acc", crash: str = "bill", unit: str = "CNY") -> Opened:
    return Opened(request, account, "key", 100, "chat", "m", "dep", unit, "list@1", True, held,
                  "waive" if crash == "waive" else "bill")


def part(amount: int, lease: str = "L1", segment: int = 0, lot: str = "") -> Part:
    return Part(segment, lot or lease.lower(), lease, amount)


def progressed(amount: int, *parts: Part, request: str = "r1") -> Progressed:
    return Progressed(request, 150, Usage(output=amount), "progress", amount, parts or (part(amount),))


def closed(amount: int, *parts: Part, request: str = "r1", basis: Basis = "reported", waived: int = 0,
           overrun: int = 0) -> Closed:
    """A closing that rates one minor unit per token; the parts default to one of the whole charge."""
    rated = amount + waived + overrun
    return Closed(request, 200, "ok", "", Usage(output=rated), basis, rated, amount, waived, overrun, rated,
                  parts or ((part(amount),) if amount else ()), (Attempt(1, "dep", "served", 200),))


def amended(amount: int, *parts: Part, request: str = "r1", waived: int = 0, overrun: int = 0) -> Amended:
    rated = amount + waived + overrun
    return Amended(request, 300, Usage(output=rated), "counted", rated, amount, waived, overrun, parts)


def released(amount: int, lease: str = "L1", lot: str = "") -> Released:
    return Released(lease, lot or lease.lower(), amount, 250)


def place(*records: object, start: int = 0) -> list[tuple[int, object]]:
    """Records with their positions, a hundred bytes each."""
    return [(start + 100 * (number + 1), record) for number, record in enumerate(records)]


GAP = Damage("gap", b"\x00\x01", "2 damaged bytes")
