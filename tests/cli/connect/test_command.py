"""`connect` as a whole, against a gateway that answers by script: show, write, prove, undo, and nothing by halves."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path

import pytest
from tests.cli.buyer.conftest import KEY, Buy, Gateway, buy, gateway, home

from tokenworks.cli.exits import LIMIT, NOT_FOUND, UNAVAILABLE, USAGE

__all__ = ["buy", "gateway", "home"]  # fixtures
PATH = "/v1/chat/completions"


def test_shown_and_proven(buy: Buy, gateway: Gateway, home: Path) -> None:
    result = buy("connect", "opencode")
    assert json.loads(result.out)["provider"]["tokenworks"]["options"]["apiKey"] == KEY
    assert result.err.splitlines() == [f"{home}/.config/opencode/opencode.json:",
                                       "m1: 16 input, 10 output · 0.0002 CNY · 9.50 CNY left"]
    (body,) = gateway.bodies(PATH)
    assert body["max_tokens"] == 16 and not list(home.glob(".config/*"))


def test_written_proven_and_undone(buy: Buy, home: Path) -> None:
    path = home / ".config" / "opencode" / "opencode.json"
    path.parent.mkdir(parents=True)
    path.write_text('{\n  // mine\n  "theme": "x"\n}\n')
    shown = buy("connect", "opencode", "--write", "--json").json
    assert shown["files"][0]["what"] == "changed" and shown["proof"]["price"]["amount"] == "0.0002"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and "// mine" in path.read_text()
    assert buy("connect", "opencode", "--write", "--json").json["files"][0]["what"] == "kept"
    assert buy("connect", "opencode", "--undo").out == f"{path}: restored\n"
    assert path.read_text() == '{\n  // mine\n  "theme": "x"\n}\n'
    assert buy("connect", "opencode", "--undo").code == NOT_FOUND


def test_every_file_tool_writes_into_the_home(buy: Buy, home: Path) -> None:
    for tool in ("claude", "codex", "opencode", "qwen", "aider", "llm"):
        shown = buy("connect", tool, "--write", "--no-prove", "--model", "m1", "--json").json
        assert shown["proof"] is None
        assert all(one["what"] == "made" and Path(one["path"]).is_relative_to(home) for one in shown["files"]), tool
    assert tomllib.loads((home / ".codex" / "config.toml").read_text())["model"] == "m1"


def test_no_proof_no_question(buy: Buy, gateway: Gateway) -> None:
    assert buy("connect", "codex", "--no-prove", "--model", "m1").code == 0 and gateway.asked == []


def test_a_key_without_money_changes_nothing(buy: Buy, gateway: Gateway, home: Path) -> None:
    gateway.answers[PATH] = (429, b'{"error": {"message": "The balance is used up."}}')
    result = buy("connect", "aider", "--write")
    assert result.code == LIMIT and "The balance is used up." in result.err and not (home / ".aider.conf.yml").exists()


def test_a_file_that_cannot_be_read_buys_nothing(buy: Buy, gateway: Gateway, home: Path) -> None:
    (home / ".qwen").mkdir()
    (home / ".qwen" / "settings.json").write_text('{\n  "a": 1\n  "b": 2\n}')
    result = buy("connect", "qwen", "--write")
    assert result.code == USAGE and "settings.json:3: " in result.err and gateway.bodies(PATH) == []
    assert os.listdir(home / ".qwen") == ["settings.json"]


def test_mistakes(buy: Buy) -> None:
    for words, code, told in ((("codx",), USAGE, 'Did you mean "codex"?'),
                              (("langchain", "--write"), USAGE, "no settings file"),
                              (("langchain", "--undo"), USAGE, "written no file"),
                              (("codex", "--model", "m3"), NOT_FOUND, "There are: m1, m2.")):
        result = buy("connect", *words)
        assert result.code == code and told in result.err, words


def test_a_tool_that_writes_itself(buy: Buy, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{home}/bin:{os.environ['PATH']}")
    assert buy("connect", "cline", "--no-prove", "--model", "m1").out.startswith("cline auth -p openai -k ")
    missing = buy("connect", "cline", "--write", "--no-prove", "--model", "m1")
    assert missing.code == UNAVAILABLE and "not installed" in missing.err
    (home / "bin").mkdir()
    tool = home / "bin" / "cline"
    tool.write_text(f'#!/bin/sh\necho "$@" > {home}/told\n')
    tool.chmod(0o755)
    done = buy("connect", "cline", "--write", "--no-prove", "--model", "m1")
    assert done.code == 0 and KEY not in done.err + done.out
    url = os.environ["TOKENWORKS_BASE_URL"].removesuffix("/")
    assert (home / "told").read_text() == f"auth -p openai -k {KEY} -m m1 -b {url}\n"
    tool.write_text("#!/bin/sh\necho no such provider >&2; exit 3\n")
    refused = buy("connect", "cline", "--write", "--no-prove", "--model", "m1")
    assert refused.code == UNAVAILABLE and "no such provider" in refused.err
    tool.write_text('#!/bin/sh\necho "cannot use $5" >&2; exit 3\n')
    leaky = buy("connect", "cline", "--write", "--no-prove", "--model", "m1")
    assert "cannot use ..." in leaky.err and KEY not in leaky.err
    monkeypatch.setattr("tokenworks.cli.connect.command.AUTH_S", 0.2)
    tool.write_text("#!/bin/sh\nexec sleep 5\n")
    hung = buy("connect", "cline", "--write", "--no-prove", "--model", "m1")
    assert hung.code == UNAVAILABLE and "did not end" in hung.err and KEY not in hung.err
    tool.write_text("no program\0")
    broken = buy("connect", "cline", "--write", "--no-prove", "--model", "m1")
    assert broken.code == UNAVAILABLE and KEY not in broken.err
