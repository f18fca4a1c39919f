"""The words of declaring: documents as they are read, what there is, the plan between the two, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

API_VERSION = "tokenworks/v1"
Action = Literal["create", "change", "replace", "remove"]
Ident = tuple[str, str, str]  # kind, whom it stands under ("" but for keys), name
Spec = Mapping[str, Any]  # every field of a kind, with its default where nothing was said


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a document (its number, from 0). `place` is the way to the field, [] for the whole document.

    `other` is a document that has to do with it, -1 for none.
    """

    document: int
    place: list[str]
    message: str
    other: int = -1


class Declared(msgspec.Struct, frozen=True):
    """One thing as a document wants it."""

    ident: Ident
    spec: Spec
    document: int


class Live(msgspec.Struct, frozen=True):
    """One thing as it is. `id` is what operations call it; `over`: it has ended, and nothing is left to remove."""

    spec: Spec
    version: int
    id: str
    over: bool = False


class FieldChange(msgspec.Struct, frozen=True):
    """A field before and after; null stands for what is not there."""

    field: str
    before: Any
    after: Any


class Step(msgspec.Struct, frozen=True):
    """One thing that is to be done. `version` is what the step was decided on, 0 for what is not there yet.

    replace: removed and made again, because what changes is fixed when it is made. remove: a model or deployment goes,
    an account is closed, a key is revoked.
    """

    action: Action
    kind: str
    name: str
    under: str
    changes: list[FieldChange]
    version: int
    remark: str = ""
    document: int = -1

    @property
    def ident(self) -> Ident:
        """What it is done to."""
        return self.kind, self.under, self.name


class Plan(msgspec.Struct, frozen=True):
    """Steps in the order in which they are done. With a fault there is no plan: nothing would be done."""

    steps: list[Step]
    unchanged: int
    faults: list[Fault]
