"""What an operation is: one definition, projected to the REST API, its OpenAPI document and every other face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_type_hints

Stir = Literal["", "policy", "credit"]


class Operation(NamedTuple):
    """One verb of one noun. `run(desk, ask)` takes and gives msgspec structs; the docstring of `run` explains it.

    `stirs`: what must hear of it at once when it is done: gateways (policy) or requests waiting for credit (credit).
    `once`: what is given holds a secret that is shown once and never stored.
    """

    name: str
    run: Callable[..., Any]
    takes: Any
    gives: Any
    stirs: Stir = ""
    once: bool = False

    @property
    def summary(self) -> str:
        """First sentence of the docstring."""
        return " ".join((self.run.__doc__ or "").split()).partition(". ")[0].rstrip(".") + "."


def define(name: str, run: Callable[..., Any], stirs: Stir = "", once: bool = False) -> Operation:
    """An operation from its function: what it takes and gives is read from the annotations."""
    hints = get_type_hints(run)
    return Operation(name, run, hints["ask"], hints["return"], stirs, once)
