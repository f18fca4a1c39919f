"""Documents, and a desk over an empty store in memory."""

from __future__ import annotations

from typing import Any

from tokenworks.clock import Clock, FakeClock, SystemDice
from tokenworks.operations.declare.shapes import Fault
from tokenworks.operations.desk import Desk
from tokenworks.operations.document import (
    Applied,
    ApplyDocuments,
    ExportDocuments,
    PlanDocuments,
    PlanView,
    apply_documents,
    export_documents,
    plan_documents,
)
from tokenworks.operations.secret import SecretBook
from tokenworks.store.memory.open import open_memory

Document = dict[str, Any]
PRICES = {"*": {"input": "4", "output": "16"}}


def doc(kind: str, name: str, **spec: Any) -> Document:
    return {"apiVersion": "tokenworks/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def shop() -> list[Document]:
    """One of each kind, users before what they use."""
    return [doc("Key", "ci", account="acme", models=["m1"]), doc("Account", "acme", parent="top", labels={"team": "x"}),
            doc("Deployment", "d1", model="m1", url="http://127.0.0.1:9/", engine="vllm", allow_private=True),
            doc("Account", "top"), doc("Model", "m1", context_tokens=4096),
            doc("RateCard", "standard", currency="CNY", models=PRICES)]


def open_desk(clock: Clock | None = None) -> Desk:
    return Desk(open_memory(), SecretBook({}), clock or FakeClock(), SystemDice(), SystemDice())


def plan(desk: Desk, documents: list[Any], prune: bool = False) -> PlanView:
    return plan_documents(desk, PlanDocuments(documents, prune))


def apply(desk: Desk, documents: list[Any], prune: bool = False) -> Applied:
    applied = apply_documents(desk, ApplyDocuments(documents, prune))
    assert applied.complete, applied.stopped
    return applied


def export(desk: Desk, kinds: str = "") -> list[Document]:
    return export_documents(desk, ExportDocuments(kinds)).data


def told(view: PlanView) -> list[tuple[str, str, str]]:
    return [(step.action, step.kind, step.name) for step in view.steps]


def said(faults: list[Fault]) -> list[tuple[int, str, str]]:
    return [(fault.document, ".".join(fault.place), fault.message) for fault in faults]
