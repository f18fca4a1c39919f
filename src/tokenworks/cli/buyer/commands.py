"""`chat`, `call` and `connect`: the commands of those who buy."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from tokenworks.cli.buyer.call import Included, send_one
from tokenworks.cli.buyer.chat import answer_once, hold_conversation, is_terminal
from tokenworks.cli.buyer.client import Buyer, choose_model
from tokenworks.cli.buyer.talk import Ask, Spoken
from tokenworks.cli.connect.tools import ToolName
from tokenworks.cli.exits import AUTH, USAGE, failed
from tokenworks.cli.nouns import JSON
from tokenworks.cli.starters import Starters
from tokenworks.language.speech import spoken


@Parameter(name="*")
@dataclass(frozen=True)
class Who:
    """Whom to buy from, as whom."""

    url: Annotated[str, Parameter(show_default=False, help="Address of a gateway, without /v1; else "
                                  "TOKENWORKS_BASE_URL, else the `up` of this machine.")] = ""
    key: Annotated[str, Parameter(show_default=False, help="API key; else TOKENWORKS_API_KEY, else that of the demo "
                                  "shop of this machine.")] = ""


NOBODY = Who()
CONNECT = "tokenworks.cli.connect.command"  # when it is asked for: every command would wait for its TOML and YAML


@Parameter(name="*")
@dataclass(frozen=True)
class How:
    """What `connect` does with a tool's settings."""

    write: Annotated[bool, Parameter(negative="", show_default=False, help="Write it into the tool's own settings of "
                                     "this user, with a backup beside.")] = False
    undo: Annotated[bool, Parameter(negative="", show_default=False,
                                    help="Put back what stood there before.")] = False
    prove: Annotated[bool, Parameter(show_default=False,
                                     help="Make one call in the tool's dialect, or ask nobody.")] = True


SHOW = How()
MODEL = Annotated[str, Parameter(show_default=False, help="Model; else the first on sale to the key.")]


def add_buyer(app: App, starters: Starters) -> None:
    """Registers the three."""

    def buyer_of(who: Who) -> Buyer:
        place = starters.buyer(who.url, who.key)
        if not place.key:
            raise failed("There is no API key.", AUTH, "Give it with --key or TOKENWORKS_API_KEY.", "key_missing")
        return Buyer(place.url, place.key, spoken())

    @app.command
    def chat(*prompt: Annotated[str, Parameter(help="What to ask; without it a conversation begins, or the prompt "
                                                    "comes by standard input.")],
             model: MODEL = "", system: Annotated[str, Parameter(show_default=False,
                                                                 help="What the model is told beforehand.")] = "",
             dialect: Annotated[Spoken, Parameter(help="Which interface it speaks.")] = "chat",
             max_tokens: Annotated[int, Parameter(show_default=False, help="Tokens of one answer.")] = 0,
             who: Who = NOBODY, json: JSON = False) -> None:
        """Talk to a model: each answer with its tokens, its price and what is left. In a pipe: one prompt, one answer.

        Ctrl-C stops an answer: what came by then is billed, and the conversation goes on.
        """
        buyer, text = buyer_of(who), " ".join(prompt)
        if not text and not is_terminal():
            text = sys.stdin.read().strip()
            if not text:
                raise failed("There is no prompt.", USAGE, "Write it behind the command or into its standard input.",
                             "usage")
        ask = Ask(dialect, choose_model(buyer, model), system, max_tokens)
        sys.exit(answer_once(buyer, ask, text, json) if text else hold_conversation(buyer, ask, json))

    @app.command
    def call(endpoint: Annotated[str, Parameter(help="Path like /v1/embeddings, or chat, responses, messages, "
                                                     "completions, embeddings, models.")], /, *,
             data: Annotated[str, Parameter(name=("--data", "-d"), show_default=False,
                                            help="The JSON body; else --file, else standard input.")] = "",
             file: Annotated[Path | None, Parameter(allow_leading_hyphen=True,
                                                         help="A file with the body; - is standard input.")] = None,
             method: Annotated[Literal["GET", "POST", "DELETE"] | None,
                               Parameter(help="Left out: POST with a body, GET without.")] = None,
             include: Annotated[list[Included] | None, Parameter(negative_iterable="", help="What is told of it "
                                "besides, on standard error.")] = None, who: Who = NOBODY) -> None:
        """Send one request as it is and print the body of its answer as it comes."""
        sys.exit(send_one(buyer_of(who), endpoint, _read_body(data, file), method or "", include or []))

    @app.command
    def connect(tool: Annotated[ToolName, Parameter(help="The tool.")], /, *, model: MODEL = "",
                how: How = SHOW, who: Who = NOBODY, json: JSON = False) -> None:
        """Show, or write, what makes a tool buy here, and prove it by one call with its price."""
        place = starters.buyer(who.url, who.key)
        buyer = Buyer(place.url, place.key, spoken()) if how.undo else buyer_of(who)
        command = import_module(CONNECT)
        wish = command.Wish(tool, model, how.write, how.undo, how.prove, json)
        command.connect_tool(buyer, wish, (place.home, place.env))


def _read_body(data: str, file: Path | None) -> bytes | None:
    """The body of `call`, None for none."""
    if data:
        return data.encode()
    try:
        if file is not None and str(file) != "-":
            return file.read_bytes()
    except OSError as error:
        raise failed(f"{file} cannot be read: {error.strerror}.", USAGE, code="usage") from None
    if file is not None or not sys.stdin.isatty():
        return sys.stdin.buffer.read() or None
    return None
