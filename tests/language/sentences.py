"""Every sentence that people are told, read out of the source: what the catalogue of a language has to know.

What looks like words to people counts: three words or more in one literal. QUIET names what is for machines or models
alone, each with its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tokenworks.cli.nouns import COMMANDS, NOUNS, TOPUP, USAGE_SUM
from tokenworks.operations.catalogue import OPERATIONS
from tokenworks.operations.fields import FIELDS

ROOT = Path(__file__).resolve().parent.parent.parent
SRC = ROOT / "src" / "tokenworks"
WORDS_MIN = 3
QUIET: dict[str, str] = {  # file or folder, or file and beginning of the sentence: why nobody is told it
    "store/migrations/": "SQL",
    "store/memory/": "the fake of the tests",
    "store/schema.py": "SQL",
    "store/rows.py: INSERT": "SQL",
    "store/rows.py:  ON CONFLICT": "SQL",
    "store/bell.py": "SQL",
    "store/meta.py": "SQL",
    "store/migrate.py": "SQL",
    "store/database.py": "SQL, and what SQLite says",
    "journal/": "the log of a worker",
    "link/": "the log of a worker",
    "telemetry.py": "Prometheus and OpenTelemetry are read by machines, in English",
    "language/": "the catalogue itself",
    "gateway/models.py: You are a coding agent": "told to a model",
    "cli/sale.py: What is": "asked of a model",
    "cli/sale.py: Tell me": "asked of a model",
    "cli/sale.py: Count to": "asked of a model",
    "cli/sale.py: The capital": "asked of a model",
    "cli/connect/sdks.py": "programs",
    "cli/connect/tools.py: cline -P": "a command",
    "cli/connect/tools.py: llm -m": "a command",
    "cli/connect/tools.py: Vercel AI SDK": "a name",
    "cli/connect/agents.py": "settings of other tools",
    "cli/doctor.py: tokenworks ": "a command",
    "cli/welcome.py: {\"model\"": "JSON",
    "cli/welcome.py:   curl": "a command",
    "cli/welcome.py:     -H": "a command",
    "cli/welcome.py:   {} model": "a command",
    "cli/welcome.py:   {} deployment": "a command",
    "cli/welcome.py: request explain": "a command",
    "cli/main.py: \ncomplete": "a script",
    "errors.py: account wallet": "a command",
    "api/app.py: internal: see": "the audit trail's word for what is in the log",
    "api/app.py: text/plain": "a media type",
    "api/ask.py: missing required": "a pattern",
    "api/problem.py: Bearer realm": "a header",
    "api/openapi.py": "the OpenAPI document, which is read in English",
    "wire/prompt/chat_writer.py": "told to a model",
    "wire/prompt/messages_writer.py": "told to a model",
    "wire/prompt/responses_writer.py": "told to a model",
    "wire/prompt/rewrites.py": "told to a model",
    "wire/prompt/retools.py": "told to a model",
    "wire/refusals.py:  Please try again": "Codex reads when to try again out of it",
    "wire/prompt/blocks.py: The tool": "told to a model",
    "gateway/dial.py": "the log of a worker",
    "gateway/pool.py": "the log of a worker",
    "operations/fields.py": "collected from its rows",
    "operations/engines.py": "a page of the reference",
    "operations/sealing.py: tokenworks sealed secret": "what is authenticated beside a secret",
    "supply/fetch.py: accept-encoding": "a header",
    "supply/engine/host.py: pip install": "a command",
    "gateway/worker.py: raise LimitNOFILE": "the log of a worker",
}
ROWS_ONLY = ("wire/prompt/features.py",)  # its short names stand in a page of the reference, its sentences are told


def sentences() -> dict[str, str]:
    """Every sentence with {} for what is put in, and where it stands."""
    found: dict[str, str] = {}
    for path in sorted(SRC.rglob("*.py")):
        name = path.relative_to(SRC).as_posix()
        if name not in QUIET and not any(folder.endswith("/") and name.startswith(folder) for folder in QUIET):
            for text in _literals(name, ast.parse(path.read_text())):
                found.setdefault(text, name)
    found.update((text, "operations") for text in told_of_operations())
    return found


def told_of_operations() -> Iterator[str]:
    """Help of commands, and what each field means."""
    yield from (operation.about for operation in OPERATIONS.values())
    yield from FIELDS.values()
    yield from NOUNS.values()


def labels() -> set[str]:
    """Headings of tables and names of lines: what operations give, as a person sees it."""
    names = {name for command in (*COMMANDS, TOPUP, USAGE_SUM) for name in command.columns}
    for operation in OPERATIONS.values():
        names |= _fields(operation.gives, set())
    return {name.replace("_", " ") for name in names}


def _fields(kind: object, seen: set[object]) -> set[str]:
    """Names of the fields of a shape and those inside."""
    if kind in seen:
        return set()
    seen.add(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__name__ not in ("Money", "Usage"):
        inner = [field.type for field in msgspec.structs.fields(kind)]
        return set(kind.__struct_encode_fields__).union(*(_fields(part, seen) for part in inner), set())
    parts = [part for part in getattr(kind, "__args__", ()) if part is not None]
    origin = getattr(kind, "__origin__", None)
    names = set(origin.__struct_encode_fields__) if isinstance(origin, type) and issubclass(origin, msgspec.Struct) \
        else set()
    return names.union(*(_fields(part, seen) for part in parts), set())


def _literals(name: str, tree: ast.Module) -> Iterator[str]:
    skipped = _docstrings(tree) | {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
                                   for part in node.values}
    told = _told_docstrings(name, tree)
    for node in ast.walk(tree):
        if id(node) in told:
            yield from (" ".join(part.split()) for part in _template(node).split("\n\n") if part.strip())
        elif id(node) not in skipped and isinstance(node, ast.Constant | ast.JoinedStr):
            text = _template(node)
            if _is_told(text) and not _is_quiet(name, text) and (name not in ROWS_ONLY or text.endswith(".")):
                yield text.strip(" ") if not text.startswith("  ") else text


def _template(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values
                       if not isinstance(part, ast.Constant) or isinstance(part.value, str))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_told(text: str) -> bool:
    words = re.findall(r"[A-Za-z']{2,}", text.replace("{}", " "))
    return len(words) >= WORDS_MIN and " " in text.strip() and bool(re.match(r"""[\sA-Z{a-z`"'(-]""", text))


def _is_quiet(name: str, text: str) -> bool:
    return any(text.startswith(begin) for place in QUIET if ".py: " in place
               for where, _, begin in [place.partition(": ")] if where == name and begin)


def _docstrings(tree: ast.Module) -> set[int]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module
    return {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, kinds) and node.body
            and isinstance(node.body[0], ast.Expr)}


def _told_docstrings(name: str, tree: ast.Module) -> set[int]:
    """Docstrings that are messages: of errors and of commands."""
    if name == "errors.py":
        return {id(node.body[0].value) for node in tree.body if isinstance(node, ast.ClassDef)
                and isinstance(node.body[0], ast.Expr)}
    if not name.startswith("cli/"):
        return set()
    return {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
            and isinstance(node.body[0], ast.Expr) and any("command" in ast.dump(mark) or "default" in ast.dump(mark)
                                                           for mark in node.decorator_list)}

