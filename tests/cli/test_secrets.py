"""The noun `secret`: a value never stands in a command line, and never in what is printed."""

from __future__ import annotations

import io

import pytest
from tests.cli.conftest import Shell

from tokenworks.cli import nouns


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_from_standard_input(shop: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "sk-live-1\n")
    made = shop("secret", "set", "openai", "--host", "https://api.openai.com")
    assert made.code == 0 and "sealed:openai" in made.out and "sk-live" not in made.out + made.err
    assert shop.good("secret", "list")["data"][0]["host"] == "https://api.openai.com"
    assert "sk-live" not in shop("secret", "show", "openai").out
    done = shop("secret", "rotate-master")
    assert done.code == 0 and "Back the new key up" in done.err
    assert shop("secret", "remove", "openai").code == 0


def test_asked_for_unseen(shop: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "sk-typed"

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(nouns, "getpass", answer)
    assert shop("secret", "set", "typed").code == 0
    assert asked == ["value (not shown): "]


def test_nothing_was_given(shop: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "")
    result = shop("secret", "set", "empty")
    assert result.code == 2 and "not empty" in result.err
    assert shop("secret", "set", "empty", "--value", "sk-live").code == 2, "there is no such option"
