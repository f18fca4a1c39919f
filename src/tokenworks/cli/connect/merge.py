"""Changes put into the text of a settings file, whatever its format, without touching what else stands there."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import tomlkit
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from tomlkit.exceptions import ParseError, TOMLKitError

from tokenworks.cli.connect.jsonc import BadJson, plain_value, put_value, read_jsonc
from tokenworks.cli.connect.setup import Change, Edit, Format, Pick, Step
from tokenworks.cli.exits import USAGE, Failed, failed

_LONG = 10_000  # columns: YAML is not folded anew


def merge_text(edit: Edit, text: str) -> str:
    """The file's text with the changes in it; an empty text is a new file. Raises Failed naming file and line."""
    try:
        return _MERGERS[edit.format](text, edit.changes)
    except BadJson as error:
        raise _unreadable(edit.path, error.line, str(error)) from None
    except ParseError as error:
        raise _unreadable(edit.path, error.line, _first(str(error))) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _unreadable(edit.path, line, error.problem or "not YAML") from None
    except (TOMLKitError, YAMLError, TypeError, AttributeError) as error:
        raise _unreadable(edit.path, 1, _first(str(error))) from None


def read_text(format_: Format, text: str) -> Any:
    """A settings file as plain values."""
    if format_ == "json":
        return plain_value(read_jsonc(text))
    return tomlkit.parse(text).unwrap() if format_ == "toml" else YAML(typ="safe").load(text)


def _json(text: str, changes: tuple[Change, ...]) -> str:
    text = text if text.strip() else "{\n}\n"
    for change in changes:
        text = put_value(text, change.path, change.value)
    return text


def _toml(text: str, changes: tuple[Change, ...]) -> str:
    document = tomlkit.parse(text)
    for path, value in changes:
        _put(document, path, value)
    return tomlkit.dumps(document)


def _yaml(text: str, changes: tuple[Change, ...]) -> str:
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, _LONG
    document = yaml.load(text) if text.strip() else None
    if document is None:
        document = [] if isinstance(changes[0].path[0], Pick) else {}
    before = json.dumps(document, default=str)
    for path, value in changes:
        _put(document, path, value)
    if json.dumps(document, default=str) == before:
        return text
    out = StringIO()
    yaml.dump(document, out)
    lead = text if not before.strip("{}[] ") else ""  # only comments: they belong to no value and would be lost
    return lead + ("\n" if lead and not lead.endswith("\n") else "") + out.getvalue()


def _put(node: Any, path: tuple[Step, ...], value: object) -> None:
    """Into mappings and lists that keep their own comments."""
    for step in path[:-1]:
        node = _enter(node, step)
    last = path[-1]
    if isinstance(last, Pick):
        _enter(node, last).update(value)
    elif node.get(last) != value:
        node[last] = value


def _enter(node: Any, step: Step) -> Any:
    if isinstance(step, str):
        if step not in node:
            node[step] = {}
        return node[step]
    found = next((one for one in node if one.get(step.member) == step.value), None)
    if found is None:
        node.append({step.member: step.value})
        found = node[-1]
    return found


def _unreadable(path: Path, line: int, what: str) -> Failed:
    return failed(f"{path}:{line}: the file cannot be read: {what}. Nothing was changed.", USAGE,
                  "Mend that line, or move the file away.", "unreadable_settings")


def _first(text: str) -> str:
    return (text.splitlines() or [""])[0].rstrip(".")


_MERGERS: dict[Format, Callable[[str, tuple[Change, ...]], str]] = {"json": _json, "toml": _toml, "yaml": _yaml}
