"""apply, diff, export: what is sold and to whom, declared in files. The plan is shown before anything is done."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import yaml
from cyclopts import App, Parameter

from tokenworks.cli.exits import CONFLICT, FAILED, OK, USAGE, failed
from tokenworks.cli.nouns import JSON, SERVER, STATE, Connect
from tokenworks.cli.output import print_json, print_rows, say, show_value
from tokenworks.cli.sources import Sourced, read_sources
from tokenworks.language.speech import tell
from tokenworks.operations.fields import describe_field

Files = Annotated[list[str], Parameter(name=("--filename", "-f"), negative="", allow_leading_hyphen=True,
                                       help="File of documents (YAML or JSON), "
                                       "folder of such files, or - for standard input; may be given again.")]
Prune = Annotated[bool, Parameter(negative="", show_default=False, help=describe_field("document.plan", "prune"))]
Kinds = Annotated[str, Parameter(help="Kinds to export, like Model or rate-card; none named: all.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Assent:
    """Whether it is to be done."""

    dry_run: Annotated[bool, Parameter(negative="", show_default=False, help="Show the plan, and do nothing.")] = False
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative="", show_default=False, help="Ask nothing.")] = False


_ASKED = Assent()
_MARKS = {"create": "+", "change": "~", "replace": "±", "remove": "-"}
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def add_documents(app: App, connect: Connect) -> None:
    """Registers the three."""

    @app.command
    def apply(*, filename: Files, prune: Prune = False, assent: Assent = _ASKED, state: STATE = "", server: SERVER = "",
              json: JSON = False) -> None:
        """Make it so: create and change what documents declare, once the plan was shown and agreed to. Moves no money.

        All documents are checked before anything is done. Applying the same again does nothing.
        """
        client, sources = connect(state, server).patient(), _read(filename)
        given = {"documents": [one.value for one in sources], "prune": prune}
        plan = client.call("POST", "/documents/plan", given)
        _check_faults(plan, sources, json)
        if not json:
            _print_plan(plan)
        if assent.dry_run or not plan["steps"]:
            if json:
                print_json({"plan": plan, "applied": None})
            return
        if not assent.yes:
            _ask(filename)
        applied = client.call("POST", "/documents/apply", {**given, "digest": plan["digest"]})
        print_json({"plan": plan, "applied": applied}) if json else _print_applied(applied)
        sys.exit(OK if applied["complete"] else CONFLICT)

    @app.command
    def diff(*, filename: Files, prune: Prune = False, state: STATE = "", server: SERVER = "",
             json: JSON = False) -> None:
        """Show what `apply` would do. Ends with 1 when there is a difference, with 0 when there is none."""
        sources = _read(filename)
        plan = connect(state, server).patient().call("POST", "/documents/plan", {
            "documents": [one.value for one in sources], "prune": prune})
        _check_faults(plan, sources, json)
        print_json(plan) if json else _print_plan(plan)
        sys.exit(FAILED if plan["steps"] else OK)

    @app.command
    def export(*kinds: Kinds, state: STATE = "", server: SERVER = "", json: JSON = False) -> None:
        """Write everything that can be declared as documents: YAML, or a JSON list. No secrets, no money."""
        found = connect(state, server).call("GET", "/documents", {"kinds": ",".join(kinds)} if kinds else {})["data"]
        print_json(found) if json else print("".join(write_yaml(found)), end="", flush=True)


def write_yaml(documents: Sequence[Any]) -> Iterator[str]:
    """Documents as one YAML text."""
    for document in documents:
        yield str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, explicit_start=True,
                            default_flow_style=False, width=120))


def _read(names: Sequence[str]) -> list[Sourced]:
    sources = read_sources(names)
    if not sources:
        raise failed(f"There is no document in {', '.join(names)}.", USAGE,
                     "A document has apiVersion, kind, metadata, spec; `tokenworks export` writes some.", "documents")
    return sources


def _ask(names: Sequence[str]) -> None:
    """Raises Failed unless a person agrees."""
    if "-" in names or not sys.stdin.isatty():
        raise failed("Nobody can be asked here whether to go on.", USAGE, "Look at the plan, then add --yes.", "usage")
    print(tell("Do this? [y/N]"), end=" ", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise failed("Nothing was done.", FAILED, code="declined")


def _check_faults(plan: dict[str, Any], sources: Sequence[Sourced], as_json: bool) -> None:
    """Says everything that is wrong, each with its file and line, and ends."""
    if not plan["faults"]:
        return
    told = [_place(fault, sources) for fault in plan["faults"]]
    if as_json:
        message = f"{len(told)} of what is declared cannot be; nothing was done."
        print_json({"ok": False, "error": {"code": "documents", "message": message, "hint": ""}, "faults": told})
    else:
        for one in told:
            place = f"{one['file']}:{one['line']}: " if one["file"] else ""
            say(f"{place}{one['field']}{': ' if one['field'] else ''}{tell(one['message'])}")
        say("Nothing was done.")
    sys.exit(USAGE)


def _place(fault: dict[str, Any], sources: Sequence[Sourced]) -> dict[str, Any]:
    told = {"file": "", "line": 0, "field": ".".join(fault["place"]), "message": fault["message"]}
    if fault["document"] >= 0:
        source = sources[fault["document"]]
        told |= {"file": source.source, "line": source.line_of(fault["place"])}
    if fault["other"] >= 0:
        other = sources[fault["other"]]
        told["message"] += f" The other stands at {other.source}:{other.line_of(fault['place'])}."
    return told


def _print_plan(plan: dict[str, Any]) -> None:
    for step in plan["steps"]:
        print(_headline(step))
        width = max((len(change["field"]) for change in step["changes"]), default=0)
        for change in step["changes"]:
            before = "" if step["action"] == "create" else f"{show_value(change['before'])} -> "
            print(f"    {change['field']:<{width}}  {before}{show_value(change['after'])}")
    counts = {action: sum(step["action"] == action for step in plan["steps"]) for action in _MARKS}
    told = ", ".join(tell(f"{count} to {action}") for action, count in counts.items() if count) or "nothing to do"
    print(tell(f"Plan: {told}; {plan['unchanged']} unchanged."), flush=True)


def _headline(step: dict[str, Any]) -> str:
    remark = f"  ({tell(step['remark'])})" if step["remark"] else ""
    return f"{_MARKS[step['action']]} {tell(step['action'])} {step['kind']} {_name(step)}{remark}"


def _name(step: dict[str, Any]) -> str:
    return "/".join(filter(None, (step["under"], step["name"])))


def _print_applied(applied: dict[str, Any]) -> None:
    if applied["keys"]:
        print_rows(applied["keys"], ("id", "account", "name", "secret"))
        say("Keep the secrets: they are shown this once and are stored nowhere.")
    if applied["complete"]:
        print(tell(f"Done: {len(applied['done'])}."), flush=True)
        return
    for title, steps in (("done", applied["done"]), ("not done", applied["left"])):
        for step in steps:
            print(tell(f"{title}: {tell(step['action'])} {step['kind']} {_name(step)}"))
    sys.stdout.flush()
    say(f"tokenworks: It stopped at {applied['stopped']}\n  What was done stays. Apply again to go on from there.")
