"""What a worker keeps of a key that was let in, until the policy changes."""

from __future__ import annotations

from tokenworks.admission.admit import Caller
from tokenworks.gateway.forms import Form
from tokenworks.gateway.plain import Lane


class Seat:
    """A key that has been let in, its lanes by dialect and model, and the forms of its latest bodies.

    `generation`: the policy book's, as long as the seat holds; 0 when it is good for one request.
    """

    __slots__ = ("caller", "forms", "generation", "lanes")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.lanes: dict[tuple[str, str], Lane] = {}
        self.forms: tuple[Form, ...] = ()
        self.generation = 0
