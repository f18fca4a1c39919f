"""The command line put together, and the one place where a failure becomes a sentence and an exit code."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from tokenworks.cli.buyer.commands import add_buyer
from tokenworks.cli.client import RestClient, read_token
from tokenworks.cli.demo import run_demo
from tokenworks.cli.doctor import examine, lay_findings
from tokenworks.cli.documents import add_documents
from tokenworks.cli.exits import AUTH, CONFLICT, FAILED, OK, UNAVAILABLE, USAGE, Failed, failed
from tokenworks.cli.help import TellingFormatter
from tokenworks.cli.nouns import JSON, NOUNS, Connect, add_nouns
from tokenworks.cli.output import print_facts, print_json, print_rows, progress, say
from tokenworks.cli.parts import HERE, Where, add_parts
from tokenworks.cli.requests import add_requests
from tokenworks.cli.starters import Starters
from tokenworks.cli.welcome import welcome
from tokenworks.errors import Broken, CallerError, ConfigError, Conflict, TokenworksError
from tokenworks.language.prefer import DEFAULT
from tokenworks.language.speech import speaking, spoken, tell


def run_cli(argv: Sequence[str], starters: Starters) -> int:
    """Runs one command; the exit code. What goes wrong is one sentence on standard error, JSON where asked for."""
    try:
        language = starters.language()
    except ConfigError as error:
        return _tell(argv, str(error), "", "config", USAGE)
    with speaking(language):
        return _run(argv, starters)


def _run(argv: Sequence[str], starters: Starters) -> int:
    app = build_cli(starters)
    try:
        app(argv, exit_on_error=False, print_error=False)
        return OK
    except CycloptsError as error:
        chain = " ".join(("tokenworks", *(error.command_chain or ()), "--help"))
        return _tell(argv, _explain(error), f"Try `{chain}`.", "usage", USAGE)
    except Failed as error:
        return _tell(argv, str(error), error.hint, error.code, error.exit_code)
    except ConfigError as error:
        return _tell(argv, str(error), "", "config", USAGE)
    except Conflict as error:
        return _tell(argv, str(error), "", "conflict", CONFLICT)
    except CallerError as error:
        return _tell(argv, str(error), "", "refused", USAGE)
    except (Broken, TokenworksError) as error:
        return _tell(argv, str(error), "", "broken", UNAVAILABLE)
    except KeyboardInterrupt:
        return OK
    except BrokenPipeError:  # the reader of our output left, as `head` does
        sys.stderr.close()
        return OK
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED


def build_cli(starters: Starters) -> App:
    """All commands."""
    app = App(name="tokenworks", version=starters.version, help_format="plaintext",
              help_formatter=TellingFormatter() if spoken() != DEFAULT else None,
              help="A token utility: produce, meter, sell and book tokens.")
    nouns = {noun: App(name=noun, help=text) for noun, text in NOUNS.items()}
    for noun in nouns.values():
        app.command(noun)
    connect = _connector(starters)
    add_nouns({"": app, **nouns}, connect)
    add_requests(nouns["request"], connect)
    add_documents(app, connect)
    add_parts(app, nouns["gateway"], starters)
    add_buyer(app, starters)
    _add_own(app, starters)
    _add_config(app, starters)
    return app


def _connector(starters: Starters) -> Connect:
    def connect(state: str, url: str) -> RestClient:
        place = starters.place({"state.dir": state or None}, url)
        if place.url and not place.token:
            raise failed("--server needs the admin token.", AUTH, "Set TOKENWORKS_ADMIN_TOKEN.", "token_missing")
        return RestClient(place)
    return connect


def _add_own(app: App, starters: Starters) -> None:
    @app.command
    def demo(*, json: JSON = False) -> None:
        """Run everything in a scratch state, sell in every dialect, hold the books to account, and end."""
        with progress("selling in a scratch state"):
            result = run_demo(starters.scratch_env())
        print_json(result) if json else print_facts(result)
        sys.exit(OK if result["ok"] else FAILED)

    @app.command
    def doctor(*, where: Where = HERE, json: JSON = False) -> None:
        """Say what is in order and what is not, each with what to do."""
        with progress("looking"):
            found = examine(starters, where.flags)
        bad = any(one.level == "error" for one in found)
        if json:
            print_json({"ok": not bad, "findings": [one._asdict() for one in found]})
        else:
            print_rows(lay_findings(found), ("level", "code", "message"))
        sys.exit(FAILED if bad else OK)

    @app.command
    def version(*, json: JSON = False) -> None:
        """Print the version."""
        print_json({"version": starters.version}) if json else print(starters.version)

    @app.command
    def completion(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell.")], /) -> None:
        """Print the completion script of a shell. In bash: source <(tokenworks completion bash)."""
        print(complete_both(app.generate_completion(shell=shell), shell))

    @app.command(name="welcome", show=False)
    def open_demo(*, where: Where = HERE, engine: bool = True,
                  lifeline_fd: Annotated[int, Parameter(show=False)] = -1) -> None:
        """Open the demo shop of a running `up`."""
        flags = where.flags
        folder = str(next(value for name, value, _ in starters.settings(flags) if name == "state.dir"))
        place = starters.place(flags, "")
        client = RestClient(place._replace(token=place.token or read_token(folder)))
        fault = starters.engine_fault() if engine else "engine.enabled is false."
        url = str(json.loads((Path(folder) / "run" / "up.json").read_text())["url"])
        print(welcome(client, url, folder, fault, _spoken(starters, folder)), flush=True)


def _spoken(starters: Starters, folder: str) -> tuple[str, str]:
    """How a person at this shell names the command, and what he adds for this state directory."""
    beside = Path(sys.executable).with_name("tokenworks")
    usual = folder in (value for name, value, _ in starters.settings({}) if name == "state.dir")
    named = "tokenworks" if shutil.which("tokenworks") or not beside.exists() else os.path.relpath(beside)
    return named, "" if usual else f" --state {folder}"


def _add_config(app: App, starters: Starters) -> None:
    config_app = App(name="config", help="Settings, and where each came from.")
    app.command(config_app)

    @config_app.command
    def view(*, where: Where = HERE, json: JSON = False) -> None:
        """Show every setting with its value and its origin."""
        rows = [{"setting": name, "value": value, "from": origin}
                for name, value, origin in starters.settings(where.flags)]
        print_json(rows) if json else print_rows(rows, ("setting", "value", "from"))


def complete_both(script: str, shell: str) -> str:
    """A completion script that serves the short name too."""
    if shell == "zsh":
        return script.replace("#compdef tokenworks", "#compdef tokenworks tw", 1)
    return script + ("\ncomplete -c tw -w tokenworks" if shell == "fish" else "\ncomplete -F _tokenworks tw")


def _explain(error: CycloptsError) -> str:
    """The library's sentence on one line."""
    if isinstance(error, UnusedCliTokensError):
        return f"Nothing is expected after this: {' '.join(error.unused_tokens or ())}."
    return " ".join(str(error).split())


def _tell(argv: Sequence[str], message: str, hint: str, code: str, exit_code: int) -> int:
    message, hint = tell(message), tell(hint) if hint and hint not in message else ""
    if "--json" in argv:
        print_json({"ok": False, "error": {"code": code, "message": message, "hint": hint}})
    else:
        say(f"tokenworks: {message}")
        if hint:
            say(f"  {hint}")
    return exit_code
