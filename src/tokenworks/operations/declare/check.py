"""Is a value of the type that a field takes? Every place that is not right, with the nearest right name.

msgspec stops at the first mistake and does not say under which name of a table it was; whoever mends a file wants all
of them, each with its line.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, get_args, get_origin

import msgspec

NEAR_MAX = 100  # names that one is compared with: thousands of wrong ones among thousands would take minutes
SHOWN_MAX = 40  # names that are listed
Mistake = tuple[list[str], str]  # the way to the field, and what is wrong with it
Fields = dict[str, msgspec.structs.FieldInfo]


@cache
def fields_of(shape: Any) -> Fields:
    """The fields of a struct by name: read once, because reading them evaluates their annotations."""
    return {field.encode_name: field for field in msgspec.structs.fields(shape)}


def check_fields(fields: Fields, given: Mapping[str, Any], place: list[str]) -> Iterator[Mistake]:
    """Unknown, missing and wrong fields of one table."""
    for name in given:
        if name not in fields:
            yield [*place, name], f"There is no field {name}. {nearest(name, fields)}"
    for name, field in fields.items():
        if name in given:
            yield from check_value(field.type, given[name], [*place, name])
        elif field.required:
            yield place, f"{name} is required."


def check_value(kind: Any, value: Any, place: list[str]) -> Iterator[Mistake]:
    """What is wrong with one value, down to its innermost fields."""
    kind = _bare(kind, value)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from _check_table(value, place) or check_fields(fields_of(kind), value, place)
    elif get_origin(kind) is dict:
        yield from _check_table(value, place) or (
            found for name, part in value.items() for found in check_value(get_args(kind)[1], part, [*place, name]))
    elif get_origin(kind) is list and isinstance(value, list):
        for number, part in enumerate(value):
            yield from check_value(get_args(kind)[0], part, [*place, str(number)])
    else:
        yield from _check_plain(kind, value, place)


def fit_value(kind: Any, value: Any) -> Any:
    """A checked value as plain data with every default in it; what is not there (None) is left out of tables."""
    return _thin(msgspec.to_builtins(msgspec.convert(soften(kind, value), kind)))


def soften(kind: Any, value: Any) -> Any:
    """Numbers where a text is wanted as text: a price of 4 is "4", a name of 123 is "123"."""
    kind = _bare(kind, value)
    if kind is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        known = fields_of(kind)
        return {name: soften(known[name].type, part) if name in known else part for name, part in value.items()}
    if get_origin(kind) is dict and isinstance(value, dict):
        return {name: soften(get_args(kind)[1], part) for name, part in value.items()}
    if get_origin(kind) is list and isinstance(value, list):
        return [soften(get_args(kind)[0], part) for part in value]
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """The name that was meant, or those there are."""
    right = list(known)
    alike = right if len(right) <= NEAR_MAX else [one for one in right if _is_alike(one, name)][:NEAR_MAX]
    near = difflib.get_close_matches(name, alike, 1) or [one for one in right if one.lower() == name.lower()]
    shown = right if len(right) <= SHOWN_MAX else [*right[:SHOWN_MAX], "…"]
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(shown)}."


def _is_alike(one: str, name: str) -> bool:
    """Cheap, and right for a slip: the same beginning, about the same length, and the same end or nearly all before."""
    return one[:1].lower() == name[:1].lower() and abs(len(one) - len(name)) <= 2 and (
        one[-2:] == name[-2:] or one[:-3] == name[:len(one) - 3])


def _check_table(value: Any, place: list[str]) -> list[Mistake]:
    return [] if isinstance(value, dict) else [(place, f"{_shown(value)} is not a table of fields.")]


def _check_plain(kind: Any, value: Any, place: list[str]) -> Iterator[Mistake]:
    if kind is str and isinstance(value, float):
        yield place, f"{value} is a binary fraction. Write it in quotes, so that it is exact."
        return
    try:
        msgspec.convert(soften(kind, value), kind)
    except msgspec.ValidationError as error:
        choices = [choice for choice in get_args(kind) if isinstance(choice, str)]
        message = f"it is none of those that there are. {nearest(str(value), choices)}" if choices else \
            f"{str(error).partition(' - at ')[0]}."
        yield place, message if place[-1] == "secret" else f"{_shown(value)}: {message}"


def _bare(kind: Any, value: Any) -> Any:
    """A type without its "or nothing"; of a value that is there."""
    if get_origin(kind) is Annotated and get_origin(get_args(kind)[0]) in (dict, list):
        return get_args(kind)[0]
    parts = [part for part in get_args(kind) if part is not type(None)]
    if type(None) in get_args(kind) and value is not None and len(parts) == 1:
        return _bare(parts[0], value)
    return kind


def _thin(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _thin(part) for name, part in value.items() if part is not None}
    return [_thin(part) for part in value] if isinstance(value, list) else value


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"
