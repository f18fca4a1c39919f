"""The operator's nouns as commands: a table that projects operations onto the command line.

Each line names an operation, its REST path, which fields are words without a name, and the columns a person sees.
Help, types and defaults come from the operation itself.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter

from tokenworks.cli.client import RestClient
from tokenworks.cli.exits import FAILED, USAGE, failed
from tokenworks.cli.layout import show_list, show_thing
from tokenworks.cli.output import print_json, say
from tokenworks.operations.catalogue import OPERATIONS
from tokenworks.operations.fields import describe_field
from tokenworks.operations.routes import ROUTES, Route

ROUTE_OF = {route.operation: route for route in ROUTES}
UNSEEN_CHARS_MAX = 64 * 1024  # of a text from standard input: more is a mistake, and refused by the server
Connect = Callable[[str, str], RestClient]  # (state directory, address), "" for what the settings say


class Command(NamedTuple):
    """One command. `words` are the fields given without a name; `columns` what the table of a list shows.

    `layout` names how rows are laid out instead; `remark` is said after the answer. `unseen` is a field that must not
    stand in a command line: it is read from standard input, or asked for without being shown. `holds` is the field of
    a check's answer that says whether it held: a program that does not read the answer has to know, too.
    """

    noun: str
    verb: str
    operation: str
    words: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    layout: str = ""
    remark: str = ""
    unseen: str = ""
    holds: str = ""


COMMANDS = (
    Command("account", "create", "account.create", ("name",)),
    Command("account", "list", "account.list", (), ("id", "name", "balance", "rate_card", "active", "created_at")),
    Command("account", "show", "account.show", ("account",)),
    Command("account", "change", "account.change", ("account",)),
    Command("account", "statement", "ledger.statement", ("account",)),
    Command("account", "wallet", "wallet.show", ("account",)),
    Command("account", "refund", "wallet.refund", ("account", "lot", "amount")),
    Command("key", "create", "key.create", ("account", "name"),
            remark="Keep the secret: it is shown this once and is stored nowhere."),
    Command("key", "list", "key.list", (), ("id", "account", "name", "masked", "models", "revoked", "expires_at",
                                            "created_at")),
    Command("key", "show", "key.show", ("key",)),
    Command("key", "revoke", "key.revoke", ("key",)),
    Command("model", "set", "model.set", ("model",)),
    Command("model", "list", "model.list", (), ("id", "vendor", "modality", "context_tokens", "output_tokens_max",
                                                "tokenizer")),
    Command("model", "show", "model.show", ("model",)),
    Command("model", "remove", "model.remove", ("model",)),
    Command("deployment", "add", "deployment.add", ("deployment",)),
    Command("deployment", "list", "deployment.list", (), ("id", "model", "engine", "url", "dialects", "state",
                                                          "why")),
    Command("deployment", "show", "deployment.show", ("deployment",)),
    Command("deployment", "change", "deployment.change", ("deployment",)),
    Command("deployment", "remove", "deployment.remove", ("deployment",)),
    Command("secret", "set", "secret.set", ("secret",), unseen="value"),
    Command("secret", "list", "secret.list", (), ("id", "host", "key", "readable", "created_at", "changed_at")),
    Command("secret", "show", "secret.show", ("secret",)),
    Command("secret", "remove", "secret.remove", ("secret",)),
    Command("secret", "rotate-master", "secret.rotate",
            remark="Back the new key up, and give it to every other host. Backups of before need the old one."),
    Command("rate-card", "set", "rate-card.set", ("card",), layout="prices"),
    Command("rate-card", "list", "rate-card.list", layout="prices"),
    Command("rate-card", "show", "rate-card.show", ("card",), layout="prices"),
    Command("request", "list", "request.list", (), ("id", "opened_at", "account", "model", "outcome", "reason",
                                                    "status", "usage", "charged", "duration_ms")),
    Command("ledger", "balances", "ledger.balances", (), ("account", "balance", "postings")),
    Command("ledger", "entries", "ledger.entries", layout="postings"),
    Command("ledger", "audit", "ledger.audit", holds="balanced"),
    Command("ledger", "epoch", "ledger.epoch"),
    Command("ledger", "suspense", "suspense.list", (), ("id", "writer", "segment", "position", "kind", "why", "at")),
    Command("ledger", "resolve", "suspense.resolve", ("suspense", "resolution")),
    Command("gateway", "list", "gateway.list", (), ("writer", "state", "running", "connections", "lag_bytes", "seen_at",
                                                    "complete_until")),
    Command("gateway", "forget", "gateway.forget", ("host",)),
)
AUDIT = (
    Command("audit", "list", "audit.list", (), ("number", "at", "actor", "login", "origin", "action", "kind", "id",
                                                "outcome", "reason", "detail")),
    Command("audit", "show", "audit.show", ("number",)),
    Command("audit", "verify", "audit.verify", holds="whole"),
)
TOPUP = Command("", "topup", "wallet.topup", ("account", "amount"))
USAGE_SUM = Command("", "usage", "usage.sum", (), ("account", "model", "key", "day", "requests", "usage", "charged",
                                                   "waived", "overrun"))
NOUNS = {
    "account": "Who pays: accounts, their wallets and statements.",
    "key": "API keys of accounts.",
    "model": "What is sold under a name.",
    "deployment": "Where the tokens of a model come from.",
    "secret": "Credentials of upstreams, sealed in the books under a master key that is not.",
    "rate-card": "What usage costs.",
    "request": "What was asked, what it cost, and why.",
    "ledger": "The books: balances, entries, checks.",
    "audit": "Who changed what, and what was refused.",
    "gateway": "The workers that sell. Without a command: run one worker alone, as `up` does.",
}
STATE = Annotated[str, Parameter(name="--state", show_default=False,
                                 help="State directory of a running `up` on this machine.")]
SERVER = Annotated[str, Parameter(name="--server", show_default=False, help="Instead: the URL of a gateway. The admin "
                                  "token comes from TOKENWORKS_ADMIN_TOKEN.")]
JSON = Annotated[bool, Parameter(name="--json", negative="", show_default=False, help="Print JSON.")]
_FILE = Annotated[str, Parameter(name="--file", show_default=False,
                                 help="A TOML or JSON file with these fields; options win over it.")]
_KEY = Annotated[str, Parameter(name="--idempotency-key", show_default=False,
                                help="The same words under the same key are done once, however often they are sent.")]
COMMON = {"state": (STATE, ""), "server": (SERVER, ""), "json": (JSON, False)}


def add_nouns(apps: Mapping[str, App], connect: Connect) -> None:
    """Registers every command of the table; `apps` has the app of each noun, and "" the top."""
    for command in (*COMMANDS, *AUDIT, TOPUP, USAGE_SUM):
        apps[command.noun].command(build_command(command, connect), name=command.verb)


def build_command(command: Command, connect: Connect) -> Callable[..., None]:
    """A function whose signature is what the operation takes, and which calls it by REST."""
    operation, route = OPERATIONS[command.operation], ROUTE_OF[command.operation]
    fields = {field.encode_name: field for field in msgspec.structs.fields(operation.takes)}
    writes = route.method in ("POST", "PUT", "PATCH")

    def run(*words: Any, **named: Any) -> None:
        state, server, as_json = named.pop("state", ""), named.pop("server", ""), named.pop("json", False)
        key = named.pop("idempotency_key", "")
        given = _read_file(named.pop("file", ""))
        given |= {name: value for name, value in zip(command.words, words, strict=False) if value is not None}
        given |= {name: _plain(name, value) for name, value in named.items() if value is not None}
        if command.unseen and command.unseen not in given:
            given[command.unseen] = read_unseen(command.unseen)
        _check_given(fields, command.words, given)
        result = call_route(connect(state, server), route, given, key)
        print_json(result) if as_json else show_result(command, result)
        if command.holds and not result[command.holds]:
            sys.exit(FAILED)

    parameters = [_parameter(command.operation, fields[name], inspect.Parameter.POSITIONAL_ONLY)
                  for name in command.words]
    parameters += [_parameter(command.operation, field, inspect.Parameter.KEYWORD_ONLY)
                   for name, field in fields.items() if name not in (*command.words, command.unseen)]
    extra = COMMON | ({"file": (_FILE, "")} if writes else {})
    extra |= {"idempotency_key": (_KEY, "")} if route.method == "POST" else {}  # others come to the same twice anyway
    parameters += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
                   for name, (kind, default) in extra.items()]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = operation.about
    return run


def call_route(client: RestClient, route: Route, given: Mapping[str, Any], key: str = "") -> Any:
    """Calls a line of the REST table: fields in braces go into the path, the rest into query or body."""
    left = dict(given)

    def fill(match: re.Match[str]) -> str:
        return quote_word(str(left.pop(match.group(1))))

    path = re.sub(r"{(\w+)(?::path)?}", fill, route.path)
    return client.call(route.method, path, left, key)


def show_result(command: Command, result: Any) -> None:
    """A table for a list, lines for one thing."""
    if isinstance(result, dict) and "data" in result:
        show_list(result, command.columns, command.layout)
    else:
        show_thing(result, command.layout)
    if command.remark:
        say(command.remark)


def read_unseen(what: str) -> str:
    """A text that nobody must see: asked for on a terminal, else all of standard input less its line's end."""
    if sys.stdin.isatty():
        return getpass(f"{what} (not shown): ")
    return sys.stdin.read(UNSEEN_CHARS_MAX).rstrip("\r\n")


def _check_given(fields: Mapping[str, msgspec.structs.FieldInfo], words: tuple[str, ...],
                 given: Mapping[str, Any]) -> None:
    """Raises Failed, naming the option, when something is missing: the server can only name the field."""
    missing = [name for name, field in fields.items() if field.required and name not in given]
    if missing:
        ways = [name.upper() if name in words else f"--{name.replace('_', '-')}" for name in missing]
        raise failed(f"Missing: {', '.join(ways)}.", USAGE, "Give it here or in a --file.", "usage")


def _parameter(operation: str, field: msgspec.structs.FieldInfo, kind: Any) -> inspect.Parameter:
    named = kind is inspect.Parameter.KEYWORD_ONLY
    default = inspect.Parameter.empty if field.required and not named else None
    name, about = field.encode_name, describe_field(operation, field.encode_name)
    about += " [needed]" if field.required and named else ""
    meaning = Parameter(name=f"--{name.replace('_', '-')}", help=about, show_default=False, negative_iterable="") \
        if named else Parameter(help=about, show_default=False)
    return inspect.Parameter(name, kind, default=default, annotation=Annotated[_simple(field.type), meaning])


def _simple(kind: Any) -> Any:
    """The type as the command line asks for it: what it cannot take in words is JSON, or comes by --file."""
    if get_origin(kind) is Annotated:
        return _simple(get_args(kind)[0])
    if type(None) in get_args(kind):
        return _simple(next(part for part in get_args(kind) if part is not type(None)))
    origin = get_origin(kind)
    if origin is dict:
        return dict[str, str] | None if get_args(kind)[1] is str else str | None
    return (kind if kind in (str, int, bool) or origin in (list, Literal) else str) | None


def _plain(name: str, value: Any) -> Any:
    """A text that holds JSON for a field that is no text."""
    if name == "models" and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise failed(f"--{name} is not JSON.", USAGE, 'Write {"*": {"input": "4", "output": "16"}}, or use --file.',
                         "usage") from None
    return value


def _read_file(path: str) -> dict[str, Any]:
    if not path:
        return {}
    try:
        text = Path(path).read_text()
        found = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except OSError as error:
        raise failed(f"{path} cannot be read: {error.strerror}.", USAGE, code="usage") from None
    except ValueError as error:
        raise failed(f"{path}: {error}.", USAGE, "Write a TOML or JSON table of fields.", "usage") from None
    if not isinstance(found, dict):
        raise failed(f"{path} holds no table of fields.", USAGE, code="usage")
    return found


def quote_word(text: str) -> str:
    """A word as a part of a path: what a path cannot hold is escaped, whatever bytes the shell gave."""
    return quote(text, safe="._:@-/", errors="surrogateescape")
