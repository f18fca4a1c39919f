"""Writes the reference pages that are made from the code: python -m tools.docs [--check].

A page made from a table cannot say what the code does not do; a test fails when one is stale.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tools.print_states import print_page
from tools.print_translation import print_page as print_translation

from tokenworks.api.openapi import build_document
from tokenworks.api.problem import KINDS
from tokenworks.app import list_starters
from tokenworks.cli import exits
from tokenworks.cli.main import build_cli
from tokenworks.config import FLAGS, PREFIX, SETTINGS
from tokenworks.operations.engines import ENGINES
from tokenworks.telemetry import METRICS
from tokenworks.wire.headers import BETAS_DROPPED
from tokenworks.wire.refusals import REFUSALS
from tokenworks.wire.rules import (
    CLIENT_TOOLS,
    GUARDED,
    HELD,
    HELD_DIALECT,
    LEFT_OUT,
    OPEN,
    OWN_ONLY,
    PRICED_TOOLS,
    RENAMED,
    REPLACED,
    SPECIAL,
    UNSALTED,
    Rule,
)

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "docs" / "reference"
NOTE = "<!-- Made by `make docs` from {}. Do not edit. -->"


def write_cli() -> Iterator[str]:
    """Every command, from the commands themselves."""
    yield from head("Command line", "the commands",
                    "`tw` is the same command. Data goes to standard output, remarks and mistakes to standard error; "
                    "`--json` prints JSON, also of a mistake. Exit codes: [exit-codes.md](exit-codes.md).")
    text = str(build_cli(list_starters()).generate_docs(output_format="markdown", recursive=True))
    text = re.sub(r"^(tokenworks [\w -]*?) -m [\w.]+", r"\1", text, flags=re.M)  # how this script itself was started
    lines = text.replace("```console", "```text").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("## "))
    yield from (line.rstrip() for line in lines[start:])


SHAPES = ("Money", "NewKey", "Removed", "Step", "FieldChange", "Fault", "Applied", "Documents", "Explanation", "Line",
          "Usage", "Price")


def write_api() -> Iterator[str]:
    """Every path, from the OpenAPI document."""
    document = build_document("")
    yield from head("REST API", "the OpenAPI document",
                    "`GET /api/v1/openapi.json` serves the whole document (OpenAPI 3.1), with the shapes of all "
                    "answers. Send the admin token as `Authorization: Bearer`. Amounts are decimal strings with a "
                    "currency, times RFC 3339 in UTC. A list takes `limit` and `cursor` and gives `next_cursor`. A "
                    "POST takes `Idempotency-Key`: the same key with the same request is done once, and answered alike "
                    "for 24 hours. Two more paths: `GET /api/v1/requests/live?back=N` streams requests as they open "
                    "and end, one JSON object a line; `GET /api/v1/leakage` gives engine counters against the meter.")
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield from _operation(path, method, one, document)
    yield from ("", "## Shapes", "")
    for name, schema in document["components"]["schemas"].items():
        if not name.endswith("View") and name not in SHAPES:
            continue
        parts = ", ".join(f"{code(field)} {_type(part, document)}" for field, part in schema["properties"].items())
        yield from (f"**{name}**: {' '.join(schema.get('description', '').split())} {parts}.", "")
    yield from ("## Problems", "", "A refusal is `application/problem+json` (RFC 9457) with these `code`s.", "")
    yield from table(("code", "status", "title", "hint"),
                     [(code(name), kind.status, kind.title, kind.hint) for name, kind in KINDS.items()])


def _operation(path: str, method: str, one: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    yield from ("", f"## {method.upper()} {path}", "", one["description"], "")
    fields = [(part["name"], part["in"], part["required"], part) for part in one["parameters"]
              if part["in"] != "header"]
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields += [(name, "body", name in body.get("required", []), {"schema": part, **part})
               for name, part in body.get("properties", {}).items()]
    if fields:
        yield from table(("field", "in", "type", "meaning"), [
            (code(name), place, _type(part["schema"], document) + ("" if needed else ", optional"),
             part.get("description", "")) for name, place, needed, part in fields])
    status, answer = next(iter(one["responses"].items()))
    media, content = next(iter(answer["content"].items()))
    way = "" if media == "application/json" else f", as `{media}`"
    yield f"\nAnswers {status} with {_type(content['schema'], document)}{way}."


def _type(schema: dict[str, Any], document: dict[str, Any]) -> str:
    if "$ref" in schema:
        return code(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " or ".join(map(code, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(part, document) for part in schema["anyOf"]
                                         if part.get("type") != "null"))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items') or {}, document)}"
    if schema.get("type") == "object":
        return f"object of {_type(schema.get('additionalProperties') or {}, document)}"
    return str(schema.get("type", "any"))


def write_configuration() -> Iterator[str]:
    """Every setting, from the settings."""
    yield from head("Configuration", "`config.SETTINGS`",
                    "A value comes from the default, then `tokenworks.toml` in the state directory (or `--config "
                    f"FILE`, `{PREFIX}CONFIG`), then the environment, then flags; `tokenworks config view` shows each "
                    "with where it came from. What is unknown or out of range is refused with its file and line and "
                    "the nearest right name, before anything starts. What is bought and sold (accounts, prices, "
                    "deployments) is in the books, not here.")
    yield from table(("setting", "default", "environment", "flag", "meaning"), [
        (code(name), code(_shown(spec.default)), code(PREFIX + name.replace(".", "__").upper()),
         code(FLAGS[name]) if name in FLAGS else "", spec.metadata["about"]) for name, spec in SETTINGS.items()])
    yield from ("", "Outside the settings: `TOKENWORKS_SECRET_*` are what `env:` references of deployments may name, "
                "`TOKENWORKS_ADMIN_TOKEN` opens `--server`, `NO_COLOR` is respected. `TOKENWORKS_LANG` (`en`, `zh`) "
                "wins over the locale ([languages](../how-to/choose-a-language.md)). `TOKENWORKS_BASE_URL` and "
                "`TOKENWORKS_API_KEY` are where `chat`, `call` and `connect` buy, and with which key.", "",
                "Written as a file:", "", "```toml")
    section = ""
    for name, spec in SETTINGS.items():
        if name == "state.dir":
            continue  # cannot stand in the file that lies in it
        group, _, key = name.partition(".")
        if group != section:
            yield from ([""] if section else []) + [f"[{group}]"]
            section = group
        yield f"{key} = {_toml(spec.default)}"
    yield "```"


def _shown(value: object) -> str:
    return "" if value in ("", ()) else _toml(value)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else "[]" if value == () else f'"{value}"'


def write_metrics() -> Iterator[str]:
    """Every metric, from the table of metrics."""
    yield from head("Metrics", "`telemetry.METRICS`",
                    "`GET /metrics` gives all workers of a host together, in the Prometheus text format. Names of the "
                    "GenAI semantic conventions are used where they exist. No series carries an account. Callers on "
                    "the same machine need no token; others send the admin token.")
    yield from table(("metric", "kind", "meaning"), [(code(one.name), one.kind, one.help) for one in METRICS])


def write_refusals() -> Iterator[str]:
    """Every refusal, from the table of refusals."""
    yield from head("Refusals", "`wire.refusals.REFUSALS`",
                    "What a buyer's request gets when it is not served, in the envelope of the interface it came by. "
                    "The first that applies, in this order, is the answer. `x-should-retry: false` tells SDKs and "
                    "agents that trying again cannot help; where nothing is said they decide by the status.")
    rows = []
    for refusal, row in REFUSALS.items():
        retry = {False: "no", True: "yes", None: "by status"}[row.retry]
        wait = f"{row.wait_ms} ms" if row.wait_ms else ""
        rows.append((code(refusal.value), f"{row.openai[0]} {code(row.openai[2])}",
                     f"{row.anthropic[0]} {code(row.anthropic[1])}", retry, wait, row.message))
    yield from table(("reason", "OpenAI: status, code", "Anthropic: status, type", "retry", "retry-after", "message"),
                     rows)


def write_fields() -> Iterator[str]:
    """Every field, from the field table."""
    yield from head("Request fields", "`wire.rules`",
                    "*passed* goes to the upstream as it came; *priced* passes only where the rate card prices it; "
                    "*owned* is replaced by ours (always: the model's name, the output cap, the usage flags); *denied* "
                    "is refused with the field and the remedy. A value in the column *harmless* always passes. Unknown "
                    "fields pass to bought upstreams; own deployments (`--own`) take only the lists below. A field "
                    "that decides anything and stands twice, or in another letter case, is refused.")
    for dialect, rules in sorted(GUARDED.items(), key=lambda part: part[0] != "messages"):
        shared = {name: rule for name, rule in rules.items() if rules is GUARDED["messages"] or
                  GUARDED["messages"].get(name) is not rule}
        yield from ("", f"## Held back: {'every interface' if dialect == 'messages' else dialect}", "") \
            if shared else ()
        yield from table(_RULE_HEAD, _rules(shared)) if shared else ()
    for engine, rules in HELD.items():
        if rules:
            yield from ("", f"## Held back from {engine}", "", *table(_RULE_HEAD, _rules(rules)))
    for (engine, dialect), rules in HELD_DIALECT.items():
        yield from ("", f"## Held back from {engine}, {dialect}", "", *table(_RULE_HEAD, _rules(rules)))
    yield from ("", "## Words that are left out or written otherwise", "",
                "For servers that refuse a word that they do not know, or know another one for it.", "")
    yield from table(("engine", "left out", "written as"), [
        (engine, names(LEFT_OUT.get(engine, ())), ", ".join(f"{code(word)} as {code(other)}" for word, other
                                                            in RENAMED.get(engine, {}).items()))
        for engine in sorted({*LEFT_OUT, *RENAMED})])
    yield from ("", "## Own deployments besides", "", *table(_RULE_HEAD, _rules(OWN_ONLY)), "",
                "What stands in for an owned field that the client sent: "
                + ", ".join(f"{code(name)} becomes {code(value.decode())}" for name, value in REPLACED.items()) + ".")
    yield from ("", "## What own deployments take", "")
    yield from table(("interface", "fields"),
                     [(dialect, names(fields)) for dialect, fields in OPEN.items()])
    yield from ("", "And by engine:", "")
    yield from table(("engine", "interface", "fields"),
                     [(engine, dialect, names(fields)) for (engine, dialect), fields in sorted(SPECIAL.items())])
    yield from ("", "## Tools", "", "Functions that the client runs pass everywhere. Beside them, by the beginning of "
                "their type:", "")
    yield from table(("interface", "run by the client: passed", "run by the upstream: priced"), [
        (dialect, names(kinds), ", ".join(f"{code(kind)} at {engine}, per {extra}" for (engine, spoken), priced in
                                          PRICED_TOOLS.items() if spoken == dialect for kind, extra in priced.items()))
        for dialect, kinds in CLIENT_TOOLS.items()])


_RULE_HEAD = ("field", "verdict", "harmless", "what the client is told")


def _rules(rules: dict[str, Rule]) -> list[tuple[str, ...]]:
    return [(code(name), rule.verdict, ", ".join(code(_plain(value)) for value in rule.only if value is not None),
             f"{name} {rule.remedy}" if rule.remedy else "") for name, rule in rules.items()]


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace("'", '"')


def write_engines() -> Iterator[str]:
    """Every engine, from what is known of them."""
    yield from head("Engines", "`operations.engines.ENGINES`",
                    "`--engine` of a deployment says whose request fields and usage figures apply. A deployment that "
                    "names no `--dialects` or `--progress` has those of its engine. *exact*: the stream carries the "
                    "figures so far; *visible*: what is seen is what is made; *blind*: what is made is not seen, so "
                    "the whole answer is held for beforehand ([metering](../explanation/metering.md)). The address "
                    "stands without `/v1`; one with a version of its own, like `/api/paas/v4` or `/v1beta/openai`, "
                    "stands in place of it.")
    yield from table(("engine", "what it is", "dialects", "progress", "address, for example"), [
        (code(name), facts.title, ", ".join(facts.dialects), facts.progress, code(facts.address))
        for name, facts in ENGINES.items()])
    yield from ("", "## What to mind", "", "What its usage or its interface is known for, and what is done about it.",
                "")
    yield from table(("engine", ""), [(code(name), facts.mind) for name, facts in ENGINES.items()])
    yield from ("", "## Prompt caches of accounts", "", "A salt keeps accounts' prompt caches apart. Where an engine "
                "takes none, it is not asked unless `--share-prefix-cache` says that accounts may share the cache, or "
                "that it was started without one: "
                + "; ".join(f"{code(name)} in {', '.join(spoken)}" for name, spoken in UNSALTED.items()) + ".")


def write_headers() -> Iterator[str]:
    """The allow-lists of headers."""
    yield from head("Headers", "`wire.headers`", "Headers go through allow-lists both ways.")
    yield from ("", "## What a buyer may send", "")
    yield from table(("header", "meaning"), [
        ("`authorization: Bearer KEY`", "The API key. It wins over the two below."),
        ("`x-api-key: KEY`, `api-key: KEY`", "The API key, as the Anthropic and Azure SDKs send it."),
        ("`content-type`", "`application/json`."),
        ("`anthropic-version`", "Goes on to `/v1/messages` of any upstream."),
        ("`anthropic-beta`", "Goes on to bought Anthropic upstreams, less the betas that would be billed at another "
                             "price: " + ", ".join(code(beta.decode() + "…") for beta in BETAS_DROPPED) + "."),
        ("`accept-language`", "`zh`: refusals are told in Chinese, else in English; codes are the same."),
        ("`expect: 100-continue`", "Answered before the body is read, or refused before it is sent."),
        ("anything else", "Ignored; it never reaches an upstream.")])
    yield from ("", "## What a buyer gets", "")
    yield from table(("header", "meaning"), [
        ("`x-request-id`, `request-id`", "Our id of the request: what `tokenworks request explain` takes."),
        ("`content-type`", "Of the interface; never what an upstream made up."),
        ("`x-should-retry`", "`false` where trying again cannot help."),
        ("`retry-after`, `retry-after-ms`", "When to try again; see [refusals.md](refusals.md)."),
        ("`cache-control: no-cache`, `x-accel-buffering: no`", "On streams: nobody on the way keeps them back."),
        ("anything of the upstream's", "Never passed: cookies, rate limits, organisation, server.")])


def write_limits() -> Iterator[str]:
    """Every bound with its reason, from the comments beside them."""
    yield from head("Limits", "`limits.py`", "A limit on everything, each with its reason. They are constants.")
    source = (ROOT / "src/tokenworks/limits.py").read_text()
    values: dict[str, Any] = {}
    exec(compile(source, "limits.py", "exec"), values)  # its own constants, to show what an expression comes to
    names_at = {node.lineno: node.targets[0].id for node in ast.parse(source).body
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    rows: list[tuple[object, ...]] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = token.string.lstrip("# ").strip()
        if text.startswith("---"):
            yield from table(("limit", "value", "why"), rows) if rows else ()
            rows = []
            yield from ("", f"## {text.strip('- ').capitalize()}", "")
        elif token.start[0] in names_at:
            name = names_at.pop(token.start[0])
            rows.append((code(name), f"{values[name]:,}", text))
    yield from table(("limit", "value", "why"), rows)
    if names_at:
        yield from ("", "Without a reason of their own: "
                    + ", ".join(f"{code(name)} {values[name]:,}" for name in names_at.values()) + ".")


def write_exits() -> Iterator[str]:
    """The exit codes, from their table."""
    yield from head("Exit codes", "`cli.exits`", "Stable. With `--json` a mistake is a JSON object on standard output "
                    "with `code`, `message` and `hint`; otherwise a sentence on standard error.")
    meanings = {"OK": "Done. Also when the reader of the output left, or Ctrl-C ended it.",
                "FAILED": "A check did not hold: `doctor` found an error, `audit verify` or `ledger audit` a gap, "
                          "`demo` a promise broken, `diff` a difference; or `apply` was not agreed to.",
                "USAGE": "The words, a value or the settings are not right.",
                "NOT_FOUND": "What was named does not exist.", "AUTH": "The admin token is missing or wrong.",
                "CONFLICT": "Not as things stand: it exists already, it is in use, the port is taken, another instance "
                            "runs on the state.",
                "LIMIT": "Credit or a limit stands against it.",
                "UNAVAILABLE": "Nobody answers, or what is needed cannot run here."}
    yield from table(("code", "name", "meaning"),
                     [(getattr(exits, name), name.lower(), meaning) for name, meaning in meanings.items()])


def head(title: str, origin: str, about: str) -> tuple[str, ...]:
    """How a page begins."""
    return f"# {title}", "", NOTE.format(origin), "", about, ""


def table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """A Markdown table."""
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |"


def code(text: object) -> str:
    """Text as code; nothing as nothing."""
    return f"`{text}`" if text != "" else ""


def names(fields: Any) -> str:
    """Names as code, in order."""
    return ", ".join(map(code, sorted(fields)))


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "cli.md": write_cli, "api.md": write_api, "configuration.md": write_configuration, "metrics.md": write_metrics,
    "refusals.md": write_refusals, "fields.md": write_fields, "headers.md": write_headers, "limits.md": write_limits,
    "exit-codes.md": write_exits, "engines.md": write_engines,
}


def write_pages() -> dict[Path, str]:
    """Every page with its text."""
    pages = {PLACE / name: "\n".join(write()).rstrip() + "\n" for name, write in PAGES.items()}
    return {**pages, PLACE / "states.md": print_page(), PLACE / "translation.md": print_translation()}


def main(words: list[str]) -> int:
    """Writes what is stale; with --check only names it."""
    stale = [path for path, text in write_pages().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(path.relative_to(ROOT))
        if "--check" not in words:
            path.write_text(write_pages()[path])
    return 1 if stale and "--check" in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
