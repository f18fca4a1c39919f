"""What an operation is: one definition, projected to the REST API, its OpenAPI document, the CLI and other faces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, get_type_hints


class Operation(NamedTuple):
    """One verb of one noun. `run(desk, ask)` takes and gives msgspec structs; the docstring of `run` explains it.

    `once`: what is given holds a secret that is shown once and never stored. `reads`: it changes nothing.
    """

    name: str
    run: Callable[..., Any]
    takes: Any
    gives: Any
    once: bool = False
    reads: bool = False

    @property
    def summary(self) -> str:
        """First sentence of the docstring."""
        return self.about.partition(". ")[0].rstrip(".") + "."

    @property
    def about(self) -> str:
        """The whole docstring on one line."""
        return " ".join((self.run.__doc__ or "").split())


def define(name: str, run: Callable[..., Any], once: bool = False, reads: bool = False) -> Operation:
    """An operation from its function: what it takes and gives is read from the annotations."""
    hints = get_type_hints(run)
    return Operation(name, run, hints["ask"], hints["return"], once, reads)
