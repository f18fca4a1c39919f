"""The facts that a gateway worker writes into its journal; the books are derived from these alone, exactly once.

A request is Opened, makes Progress, is Closed once (or both at once: Served), and may be Amended once. A lease is given
back by Released. Amounts are integers at the scale of `unit`. `parts` say which lot of which lease pays how much: they
sum to `charged_minor`.

Records travel as arrays (40 % fewer bytes than maps): a new field goes to the end of its class, with a default.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.usage.vector import Basis, Usage

Outcome = Literal["ok", "cut", "client_gone", "upstream_failed", "refused_upstream", "crashed", "drained"]


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One leg's share: `segment` numbers the sources of a request in the order they paid, from 0."""

    segment: int
    lot: str
    lease: str
    amount_minor: int


class Attempt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One try at one deployment. `cost_minor` is the operator's cost by the deployment's cost card, charged or not.

    `spoken`: the dialect in which it was asked, "" for the client's own.
    """

    number: int
    deployment: str
    outcome: Literal["served", "failed", "refused"]
    status: int = 0
    reason: str = ""
    usage: Usage = Usage()
    basis: Basis = "estimated"
    cost_minor: int = 0
    cost_unit: str = ""
    cost_card: str = ""
    started_at_ns: int = 0
    ttft_ms: int = -1
    duration_ms: int = 0
    spoken: str = ""


class HoldStep(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A step of a hold: cut, extended, released, posted, voided; `held_minor` is what it holds after the step."""

    at_ns: int
    step: str
    amount_minor: int
    held_minor: int


class Opened(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="o"):
    """A hold was cut; the request goes to its deployment next. `why` explains admission and route."""

    request: str
    account: str
    key: str
    at_ns: int
    dialect: str
    model: str
    deployment: str
    unit: str
    card: str  # name@version
    stream: bool
    held_minor: int
    crash: Literal["bill", "waive"] = "bill"
    why: dict[str, str | int] = {}


class Progressed(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="p"):
    """Cumulative usage so far and its amount: what a crash right after this record bills."""

    request: str
    at_ns: int
    usage: Usage
    basis: Basis
    rated_minor: int
    parts: tuple[Part, ...]


class Closed(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="c"):
    """The end. rated = charged + waived + overrun, exactly; the parts sum to charged."""

    request: str
    at_ns: int
    outcome: Outcome
    reason: str
    usage: Usage
    basis: Basis
    rated_minor: int
    charged_minor: int
    waived_minor: int
    overrun_minor: int
    list_minor: int
    parts: tuple[Part, ...]
    attempts: tuple[Attempt, ...] = ()
    hold: tuple[HoldStep, ...] = ()
    raw: bytes = b""  # the upstream's usage object, as it came
    notes: tuple[str, ...] = ()
    cut_loss: Usage = Usage()  # what the upstream made beyond what is billed
    ttft_ms: int = -1
    duration_ms: int = 0
    status: int = 200
    objects: tuple[str, ...] = ()  # ids that the upstream issued: good only for this account, at this deployment
    deployment: str = ""  # who served it; "" when nobody did
    final: bool = False  # no Amended follows: nobody will count what was estimated


class Served(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="s"):
    """Opened and Closed in one: a request that ended before anything else of it had to be on record.

    Nothing reaches a client before one of Opened and Served stands in the journal, so what is lost with a worker that
    dies in between is a request whose client got nothing and pays nothing.
    """

    opened: Opened
    closed: Closed

    @property
    def request(self) -> str:
        return self.opened.request


class Amended(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="a"):
    """A later count of a request closed as `estimated`: the full new figures; the books post the difference.

    It never charges beyond what the hold had: parts carry signed differences against the Closed record's parts.
    """

    request: str
    at_ns: int
    usage: Usage
    basis: Basis
    rated_minor: int
    charged_minor: int
    waived_minor: int
    overrun_minor: int
    parts: tuple[Part, ...]


class Released(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="r"):
    """Unheld credit goes back to the books; true as of this place in the journal."""

    lease: str
    lot: str
    amount_minor: int
    at_ns: int


class Refused(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="x"):
    """A request of a known account that was refused at the door; nothing was spent."""

    request: str
    account: str
    key: str
    at_ns: int
    dialect: str
    model: str
    refusal: str
    status: int
    why: dict[str, str | int] = {}


Record = Opened | Progressed | Closed | Served | Amended | Released | Refused
