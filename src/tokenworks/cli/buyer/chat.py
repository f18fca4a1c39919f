"""`tokenworks chat`: a conversation in a terminal, or one prompt in and one answer out of a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from tokenworks.cli.buyer.client import Buyer, Price, find_price, refused, send_request
from tokenworks.cli.buyer.talk import PATHS, Ask, Listener, Turn, write_turns
from tokenworks.cli.exits import LIMIT, Failed
from tokenworks.cli.output import print_line, say, show_value
from tokenworks.language.speech import tell

STOPPED = "stopped"


class Said(NamedTuple):
    """An answer as it came. `ended_by`: why it was cut, "" when it ended by itself; "stopped" by the buyer."""

    request: str
    text: str
    ended_by: str
    usage: dict[str, Any]


def answer_turns(buyer: Buyer, ask: Ask, turns: list[Turn], show: Callable[[str], None]) -> Said:
    """Asks for the next answer and shows it as it comes; Ctrl-C stops it. Raises Failed with the gateway's sentence."""
    call = send_request(buyer, "POST", PATHS[ask.dialect], write_turns(ask, turns))
    listener = Listener(ask.dialect)
    try:
        if call.status != 200:
            raise refused(call.status, call.body())
        for text in listener.hear(call.pieces()):
            show(text)
        return Said(call.request, listener.text, listener.ended_by, listener.usage)
    except KeyboardInterrupt:  # hanging up ends it upstream; what came by then is billed
        return Said(call.request, listener.text, STOPPED, listener.usage)
    finally:
        call.close()


def hold_conversation(buyer: Buyer, ask: Ask, as_json: bool) -> int:
    """Reads turns from the terminal until its end, `/quit` or Ctrl-D; the exit code."""
    turns: list[Turn] = []
    say(f"Talking to {ask.model} at {buyer.url}. /new begins anew, /quit or Ctrl-D ends, Ctrl-C stops an answer.")
    while True:
        text = _read_turn()
        if text is None or text in ("/quit", "/exit"):
            return 0
        if text == "/new":
            turns.clear()
        elif text:
            try:
                said = _one_turn(buyer, ask, [*turns, Turn("user", text)], as_json)
            except Failed as error:
                if error.exit_code == LIMIT:  # no further turn can be paid for
                    raise
                say(f"tokenworks: {error}")
                continue
            turns += [Turn("user", text), *([Turn("assistant", said.text)] if said.text else [])]


def answer_once(buyer: Buyer, ask: Ask, prompt: str, as_json: bool) -> int:
    """One prompt, one answer; the exit code: that of a limit when credit ended it."""
    said = _one_turn(buyer, ask, [Turn("user", prompt)], as_json)
    return LIMIT if said.ended_by and said.ended_by != STOPPED else 0


def _one_turn(buyer: Buyer, ask: Ask, turns: list[Turn], as_json: bool) -> Said:
    said = answer_turns(buyer, ask, turns, (lambda text: None) if as_json else _show)
    if not as_json:
        print(flush=True)
    price = find_price(buyer, said.request)
    if as_json:
        print_line({"request": said.request, "model": ask.model, "text": said.text, "ended_by": said.ended_by or None,
                    **tell_figures(said.usage, price)})
        return said
    if said.ended_by:
        say("Stopped. What came so far is billed." if said.ended_by == STOPPED else said.ended_by)
    say(price_line(said.request, price))
    return said


def tell_figures(usage: dict[str, Any], price: Price | None) -> dict[str, Any]:
    """Usage, price and balance as JSON; by the answer's own figures while the books do not have it."""
    if price is None:
        return {"usage": usage or None, "price": None, "balance": None}
    return {"usage": price.story["usage"], "price": price.story["charged"], "balance": price.balance}


def price_line(request: str, price: Price | None) -> str:
    """What a turn cost, on one line."""
    if price is None:
        return tell(f"{request} is not in the books yet.")
    counts = show_value({name: count for name, count in price.story["usage"].items() if count})
    return tell(f"{counts} · {show_value(price.story['charged'])} · {show_value(price.balance)} left")


def _show(text: str) -> None:
    print(text, end="", flush=True)


def _read_turn() -> str | None:
    """A line of the terminal; None at its end. Ctrl-C clears what was typed."""
    try:
        return input("> ").strip()
    except EOFError:
        say("")
        return None
    except KeyboardInterrupt:
        say("")
        return ""


def is_terminal() -> bool:
    """Whether a person sits there, so that a conversation makes sense."""
    return sys.stdin.isatty() and sys.stdout.isatty()
