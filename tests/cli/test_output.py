"""What stands in a terminal and in a pipe."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from tests.cli.conftest import Shell

from tokenworks.cli.output import print_rows, show_cell, show_value

TOKENWORKS = [sys.executable, "-m", "tokenworks"]


@pytest.mark.parametrize(("value", "text"), [
    (None, "-"), ("", "-"), ([], "-"), ((), "-"), ({}, "-"), (True, "yes"), (False, "no"), (0, "0"), ("a", "a"),
    (["a", 1], "a, 1"), ({"amount": "1.50", "currency": "CNY"}, "1.50 CNY"),
    ({"input": 12345, "cache_read": 2}, "12,345 input, 2 cache read"), ({"a": 1, "b": [2]}, "a=1, b=2")])
def test_values(value: object, text: str) -> None:
    assert show_value(value) == text


def test_times_are_short_in_tables_only() -> None:
    moment = "2026-11-25T17:05:06.827795Z"
    assert show_cell("opened_at", moment) == "2026-11-25 17:05:06Z"
    assert show_cell("name", moment) == show_value(moment) == moment


def test_a_pipe_has_no_edge(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"a": "x" * 300, "b": "中文"}, {"a": "y", "b": ""}], ("a", "b"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(line == line.rstrip() for line in lines)


def terminal(words: list[str], env: dict[str, str]) -> str:
    """What a terminal of 80 columns shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*TOKENWORKS, *words], stdout=theirs, stderr=theirs,
                               env={**os.environ, "TERM": "xterm", "COLUMNS": "80", **env})
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux tells the end of a terminal so
        pass
    process.wait()
    os.close(ours)
    return shown.decode()


def test_no_color(shop: Shell) -> None:
    words = ["account", "list", "--state", str(shop.state)]
    assert "\x1b[" in terminal(words, {"NO_COLOR": ""})
    assert "\x1b[" not in terminal(words, {"NO_COLOR": "1"})
    assert '  "data": [' in terminal([*words, "--json"], {})


def test_head_ends_us(shop: Shell) -> None:
    """A reader that leaves early is no failure and no traceback."""
    done = subprocess.run(["bash", "-o", "pipefail", "-c", '"$@" | head -1', "_", *TOKENWORKS, "account", "list",
                           "--state", str(shop.state)], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("id ") and done.stderr == ""


def test_version_starts_quickly() -> None:
    """Scripts and prompts ask for it: nothing heavy may be imported on the way."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-m", "tokenworks", "version"], capture_output=True,
                          text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"cyclopts", "rich", "sqlalchemy", "starlette", "uvloop", "structlog", "tokenizers", "asyncio"}
    assert done.stdout.strip().count(".") == 2
