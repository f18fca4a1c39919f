"""What `tokenworks connect` does, in order: find out, prove, then show or write. What fails has changed nothing."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tokenworks.cli.buyer.chat import answer_turns, price_line, tell_figures
from tokenworks.cli.buyer.client import Buyer, Price, find_price, list_models
from tokenworks.cli.buyer.talk import Ask, Turn
from tokenworks.cli.connect.merge import merge_text
from tokenworks.cli.connect.setup import ModelFact, Setup
from tokenworks.cli.connect.tools import Tool, find_tool
from tokenworks.cli.connect.write import Written, undo_edits, write_edits
from tokenworks.cli.exits import NOT_FOUND, UNAVAILABLE, USAGE, failed
from tokenworks.cli.output import print_json, say
from tokenworks.clock import SystemClock
from tokenworks.language.speech import tell
from tokenworks.operations.view import show_time

PROOF = "Say OK."
PROOF_TOKENS = 16  # the least that OpenAI's responses take
AUTH_S = 60


class Wish(NamedTuple):
    """What is wanted of one `connect`."""

    tool: str
    model: str
    write: bool
    undo: bool
    prove: bool
    json: bool


class Proof(NamedTuple):
    """The call that proved it."""

    request: str
    text: str
    usage: dict[str, Any]
    price: Price | None


def connect_tool(buyer: Buyer, wish: Wish, user: tuple[Path, Mapping[str, str]]) -> None:
    """Does it and says so; `user` is the home directory and the environment. Raises Failed."""
    tool = find_tool(wish.tool)
    if wish.undo:
        _tell_written(tool, undo_edits(_files(tool, Setup(buyer.url, buyer.key, "", (), *user))), wish.json)
        return
    if wish.write and tool.snippet:
        raise failed(f"{tool.title}: there is no settings file to write.", USAGE,
                     f"Put what `tokenworks connect {tool.name}` shows where your program starts.", "nothing_to_write")
    models = list_models(buyer) if wish.prove or not wish.model else ()
    model = _pick_model(models, wish.model)
    setup = Setup(buyer.url, buyer.key, model, models, *user)
    if wish.write and tool.files:  # what cannot be merged is known before anything is bought
        for edit in tool.files(setup):
            merge_text(edit, edit.path.read_text(encoding="utf-8", errors="replace") if edit.path.exists() else "")
    proof = prove_call(buyer, tool, model) if wish.prove else None
    shown = _write(tool, setup) if wish.write else show_settings(tool, setup)
    if wish.json:
        print_json({"tool": tool.name, "model": model, "dialect": tool.dialect, **shown,
                    "start": tool.start.format(model=model), "proof": _proof_json(proof)})
        return
    _tell_shown(shown)
    _tell_next(tool, setup, wish.write)
    if proof is not None:
        say(f"{model}: {price_line(proof.request, proof.price)}")


def show_settings(tool: Tool, setup: Setup) -> dict[str, Any]:
    """What the tool's settings have to say, in its own form: files, a command or a snippet."""
    if tool.files:
        return {"files": [{"path": str(edit.path), "format": edit.format, "text": merge_text(edit, "")}
                          for edit in tool.files(setup)]}
    if tool.auth:
        return {"command": shlex.join(tool.auth(setup))}
    assert tool.snippet is not None
    language, write = tool.snippet
    return {"snippet": {"language": language, "text": write(setup)}}


def prove_call(buyer: Buyer, tool: Tool, model: str) -> Proof:
    """One small call in the tool's dialect; raises Failed with the gateway's sentence."""
    said = answer_turns(buyer, Ask(tool.dialect, model, "", PROOF_TOKENS), [Turn("user", PROOF)], lambda text: None)
    return Proof(said.request, said.text, said.usage, find_price(buyer, said.request))


def moment_name() -> str:
    """Now, as it stands in the names of backups."""
    shown = show_time(SystemClock().now_ns()) or ""
    return "".join(mark for mark in shown if mark.isalnum())


def _pick_model(models: tuple[ModelFact, ...], wanted: str) -> str:
    if wanted and models and wanted not in {one.id for one in models}:
        raise failed(f"There is no model {wanted} on sale to this key.", NOT_FOUND,
                     f"There are: {', '.join(one.id for one in models)}.", "model_unknown")
    if not wanted and not models:
        raise failed("No model is on sale to this key.", UNAVAILABLE, "Ask your operator.", "no_model")
    return wanted or models[0].id


def _files(tool: Tool, setup: Setup) -> Any:
    if not tool.files:
        raise failed(f"{tool.title}: connect has written no file.", USAGE, code="nothing_to_write")
    return tool.files(setup)


def _write(tool: Tool, setup: Setup) -> dict[str, Any]:
    if tool.files:
        done = write_edits(tool.files(setup), moment_name())
        return {"files": [_written_json(one) for one in done]}
    assert tool.auth is not None
    words = tool.auth(setup)
    if not shutil.which(words[0]):
        raise failed(f"{words[0]} is not installed here.", UNAVAILABLE, f"Install it, or run: {shlex.join(words)}",
                     "tool_missing")
    code, told = _run_there(words)
    if code:
        raise failed(f"{words[0]} refused: {told.strip().replace(setup.key, '...')[-300:]}.", UNAVAILABLE,
                     code="tool_refused")
    return {"ran": shlex.join((*words[:2], "..."))}


def _run_there(words: tuple[str, ...]) -> tuple[int, str]:
    """The exit code of a tool's own command and what it said; its words, a key among them, are never repeated."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=AUTH_S, check=False, errors="replace",
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return 1, f"it did not end within {AUTH_S} seconds"
    except OSError as error:
        return 1, f"it cannot be run: {error.strerror}"
    return done.returncode, done.stderr or done.stdout


def _written_json(one: Written) -> dict[str, Any]:
    return {"path": str(one.path), "what": one.what, "backup": str(one.backup) if one.backup else None}


def _proof_json(proof: Proof | None) -> dict[str, Any] | None:
    return None if proof is None else {"request": proof.request, "text": proof.text,
                                       **tell_figures(proof.usage, proof.price)}


def _tell_shown(shown: dict[str, Any]) -> None:
    for one in shown.get("files", ()):
        if "text" in one:
            say(f"{one['path']}:")
            print(one["text"], end="" if one["text"].endswith("\n") else "\n", flush=True)
        else:
            _tell_file(one["path"], one["what"], one["backup"])
    if "snippet" in shown:
        print(shown["snippet"]["text"], end="", flush=True)
    if "command" in shown:
        print(shown["command"], flush=True)
    if "ran" in shown:
        say(f"Done by {shown['ran']}")


def _tell_file(path: str, what: str, backup: str | None) -> None:
    beside = f" ({tell('backup')}: {backup})" if backup and what == "changed" else ""
    print(f"{path}: {tell(what)}{beside}", flush=True)


def _tell_written(tool: Tool, done: list[Written], as_json: bool) -> None:
    if as_json:
        print_json({"tool": tool.name, "files": [_written_json(one) for one in done]})
        return
    for one in done:
        _tell_file(str(one.path), one.what, None)


def _tell_next(tool: Tool, setup: Setup, written: bool) -> None:
    if tool.variable:
        say(f"{tool.title} reads the key from the environment: export {tool.variable}={shlex.quote(setup.key)}")
    if tool.start and written:
        say(f"Start it with: {tool.start.format(model=setup.model)}")
