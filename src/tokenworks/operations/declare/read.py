"""From documents as they came to what they declare. All mistakes are found at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tokenworks.errors import Invalid
from tokenworks.operations.declare.check import Mistake, check_fields, fit_value, nearest, soften
from tokenworks.operations.declare.kinds import ELSEWHERE, KINDS, Kind, settle_spec
from tokenworks.operations.declare.shapes import API_VERSION, Declared, Fault, Ident
from tokenworks.operations.view import check_text, read_time, show_time

_HEAD = ("apiVersion", "kind", "metadata", "spec")
_TIMES = ("effective_from", "expires_at")


def read_documents(documents: Sequence[object]) -> tuple[list[Declared], list[Fault]]:
    """What the documents declare, and what is wrong with them. One with a fault declares nothing."""
    declared: list[Declared] = []
    faults: list[Fault] = []
    first: dict[Ident, int] = {}
    for number, document in enumerate(documents):
        mistakes = list(_check_document(document))
        if mistakes or not isinstance(document, dict):
            faults += [Fault(number, place, message) for place, message in mistakes]
            continue
        kind = KINDS[document["kind"]]
        try:
            found = Declared(*_read_one(kind, document), number)
        except Misfit as error:
            faults.append(Fault(number, *error.mistake))
            continue
        if found.ident in first:
            message = f"{kind.name} {name_ident(found.ident)} is declared twice. Keep one of the two."
            faults.append(Fault(number, ["metadata", "name"], message, first[found.ident]))
            continue
        first[found.ident] = number
        declared.append(found)
    return declared, faults


def named_by(documents: Sequence[object]) -> set[Ident]:
    """What the documents mean to declare, also where something is wrong with them: naming it is no mistake."""
    found = [(document.get("kind"), document.get("metadata")) for document in documents if isinstance(document, dict)]
    return {(str(kind), "", str(metadata.get("name"))) for kind, metadata in found if isinstance(metadata, dict)}


class Misfit(Exception):
    """A field whose fault shows only when it is read."""

    def __init__(self, place: list[str], message: str) -> None:
        super().__init__(message)
        self.mistake: Mistake = (place, message)


def name_ident(ident: Ident) -> str:
    """What a thing is called where people read: a key with its account before it."""
    return "/".join(filter(None, ident[1:]))


def _check_document(document: object) -> Iterator[Mistake]:
    if not isinstance(document, dict):
        yield [], "This is not a document: write apiVersion, kind, metadata and spec."
        return
    for name in document:
        if name not in _HEAD:
            yield [name], f"There is no field {name}. {nearest(name, _HEAD)}"
    version = document.get("apiVersion")
    if version != API_VERSION:
        yield ["apiVersion"] if "apiVersion" in document else [], f"apiVersion has to be {API_VERSION}."
    yield from _check_kind(document.get("kind"), document)
    yield from _check_metadata(document.get("metadata"), document)


def _check_kind(name: object, document: Mapping[str, Any]) -> Iterator[Mistake]:
    """The kind, and the spec by it."""
    if not isinstance(name, str) or name not in KINDS:
        place = ["kind"] if "kind" in document else []
        asked = str(name or "")
        remedy = next((told for word, told in ELSEWHERE.items() if word in asked.lower()), nearest(asked, KINDS))
        yield place, f"There is no kind {name}. {remedy}" if name else f"kind is required. {remedy}"
        return
    spec = document.get("spec", {})
    if not isinstance(spec, dict):
        yield ["spec"], "spec is not a table of fields."
        return
    fields = KINDS[name].fields()
    if name == "Account":  # called by its own name unless it says otherwise
        spec = {"name": "", **spec}
    for place, message in check_fields(fields, spec, ["spec"]):
        yield place if "spec" in document else [], message


def _check_metadata(metadata: object, document: Mapping[str, Any]) -> Iterator[Mistake]:
    if not isinstance(metadata, dict):
        yield ["metadata"] if "metadata" in document else [], "metadata: write the name of the thing, as {name: ...}."
        return
    for name in metadata:
        if name != "name":
            yield ["metadata", name], f"There is no field {name}: metadata holds the name alone."
    name = soften(str, metadata.get("name"))
    if not isinstance(name, str) or not name:
        yield ["metadata", "name"] if "name" in metadata else ["metadata"], "name is required, as a text."


def _read_one(kind: Kind, document: Mapping[str, Any]) -> tuple[Ident, dict[str, Any]]:
    """Identity and whole spec of a document without mistakes; raises Misfit."""
    name = str(soften(str, document["metadata"]["name"]))
    given = dict(document.get("spec", {}))
    if kind.name == "Account":
        given.setdefault("name", name)
    spec: dict[str, Any] = {}
    for field, info in kind.fields().items():
        if field not in given:
            spec[field] = info.default_factory() if info.default is msgspec.NODEFAULT else info.default
            continue
        try:
            spec[field] = _fit_field(field, info.type, given[field])
        except (msgspec.ValidationError, Invalid) as error:
            said = str(error).partition(" - at ")[0] if isinstance(error, msgspec.ValidationError) else error.fields[1]
            raise Misfit(["spec", field], f"{said}.".replace("..", ".")) from None
    try:
        check_text(name, "name")
    except Invalid as error:
        raise Misfit(["metadata", "name"], str(error.fields[1])) from None
    return (kind.name, str(spec[kind.under]) if kind.under else "", name), settle_spec(kind.name, spec)


def _fit_field(field: str, kind: Any, value: object) -> object:
    fitted = fit_value(kind, value)
    if field in _TIMES and fitted is not None:
        return show_time(read_time(str(fitted), field))
    if field == "earlier":
        return [{**card, "effective_from": show_time(read_time(card.get("effective_from"), field))}
                for card in fitted]
    return fitted
