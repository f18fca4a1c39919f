"""A conversation at a real terminal: Ctrl-C stops an answer and hangs up, and what was said stays said."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

from tests.cli.buyer.conftest import KEY, Gateway, chunk, events

PATH = "/v1/chat/completions"


class Terminal:
    """`tokenworks chat` at a terminal of its own."""

    def __init__(self, url: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tokenworks", "chat", "--model", "m1"], stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, env={**os.environ, "TERM": "dumb", "TOKENWORKS_LANG": "en",
                                         "TOKENWORKS_BASE_URL": url, "TOKENWORKS_API_KEY": KEY})
        os.close(theirs)
        self.shown = ""

    def wait(self, pattern: str, wait_s: float = 30) -> str:
        """What is shown up to the pattern; what comes behind it is looked at next."""
        end_s = time.monotonic() + wait_s
        while not (found := re.search(pattern, self.shown)):
            readable, _, _ = select.select([self._ours], [], [], max(0.0, end_s - time.monotonic()))
            assert readable, f"{pattern!r} does not come: {self.shown[-2000:]}"
            self.shown += os.read(self._ours, 4096).decode(errors="replace")
        before, self.shown = self.shown[:found.end()], self.shown[found.end():]
        return before

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())


def test_ctrl_c_stops_the_answer_and_not_the_conversation(gateway: Gateway) -> None:
    many = range(20_000)  # more than a busy machine gets through
    gateway.answers[PATH] = (200, [events(chunk(f"word {number} ")) for number in many])
    terminal = Terminal(gateway.url)
    terminal.wait("> ")
    terminal.type("Go on and on.\n")
    terminal.wait("word 3 ")
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait(r"Stopped\. What came so far is billed\.")
    terminal.wait("CNY left")
    assert gateway.left.wait(10), "the gateway is not told that nobody wants the rest"
    gateway.answers[PATH] = (200, events(chunk("Good day."), chunk(finish="stop")))
    terminal.type("And now?\n")
    terminal.wait(r"Good day\.")
    turns = gateway.bodies(PATH)[1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"] and "word 3 " in turns[1]["content"]
    terminal.wait("CNY left")
    terminal.wait("> ")
    terminal.process.send_signal(signal.SIGINT)  # while nothing is answered it only clears the line
    terminal.wait("> ")
    terminal.type("/quit\n")
    assert terminal.process.wait(20) == 0
