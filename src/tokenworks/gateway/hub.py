"""What the connections of clients share, as they see it."""

from __future__ import annotations

from typing import Protocol

from tokenworks.gateway.bounds import Bounds
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.turn import Service, Turn
from tokenworks.gateway.wheel import Swept, Wheel
from tokenworks.wire.refusals import Refusal


class Member(Swept, Protocol):
    """A client's connection, as the server sees it."""

    def drain(self) -> None:
        """Closes unless a request is being read or served."""

    def abort(self) -> None:
        """Ends it now."""


class Hub(Protocol):
    """The server. The waits are in ticks of the wheel."""

    service: Service
    budget: Budget
    wheel: Wheel
    bounds: Bounds
    date_line: bytes
    draining: bool
    head_ticks: int
    body_ticks: int
    idle_ticks: int
    linger_ticks: int
    stall_ticks: int
    body_rate_per_tick: float

    def refuse(self, turn: Turn, refusal: Refusal, message: str) -> None:
        """Answers in the family that the target belongs to."""

    def joined(self, client: Member) -> bool:
        """Whether there is room for one more connection."""

    def left(self, client: Member) -> None:
        """The connection is gone."""
