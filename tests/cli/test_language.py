"""The command line in Chinese: every page of help, tables, mistakes; and English where the locale says nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.cli.conftest import Shell

from tokenworks.app import list_starters
from tokenworks.cli.exits import NOT_FOUND, USAGE
from tokenworks.cli.main import build_cli

CHINESE = re.compile("[一-鿿]")
ENGLISH = re.compile(r"\b[a-z]+(?: [a-z]+){3,}\b")  # four words in a row
MISTAKES = [
    (("acount", "list"), USAGE, '未知命令 "acount"。是否想用 "account"？'),
    (("account", "lst"), USAGE, "是否想用"),
    (("account", "list", "--limt", "3"), USAGE, "未知选项 --limt。是否想用 --limit？"),
    (("account", "list", "--limit", "x"), USAGE, "--limit"),
    (("account", "list", "--limit", "0"), USAGE, "limit: 请写 1 到"),
    (("account", "list", "extra"), USAGE, "此后不应再有内容：extra。"),
    (("account", "show", "nobody"), NOT_FOUND, "没有账户 'nobody'。请用 `tokenworks account list` 列出。"),
    (("topup", "acme", "much"), USAGE, "'much' 不是 CNY 金额"),
    (("deployment", "add", "d"), USAGE, "缺少：--model, --url, --engine。"),
    (("rate-card", "set", "c", "--currency", "CNY", "--models", "{"), USAGE, "不是 JSON"),
    (("connect", "codx"), USAGE, 'TOOL 的值 "codx" 无效'),
    (("request", "list", "--since", "yesterday"), USAGE, "不是时间"),
]


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENWORKS_LANG", "zh")


def commands() -> Iterator[tuple[str, ...]]:
    """Every command that is shown, by its words."""
    app = build_cli(list_starters())
    for name in app:
        if name.startswith("-") or not app[name].show:
            continue
        yield (name,)
        yield from ((name, verb) for verb in app[name] if not verb.startswith("-"))


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help(alone: Shell, words: tuple[str, ...]) -> None:
    shown = alone.bare(*words, "--help").out
    assert shown.startswith("用法：") and len(CHINESE.findall(shown)) > 8
    plain = re.sub(r"`[^`]*`|\[可选值:[^\]]*\]", "", " ".join(line.strip("│╭╰─ ") for line in shown.splitlines()))
    assert not ENGLISH.search(plain), ENGLISH.search(plain)


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(("words", "code", "told"), MISTAKES, ids=lambda part: part if isinstance(part, str) else "")
def test_mistakes(shop: Shell, words: tuple[str, ...], code: int, told: str) -> None:
    result = shop(*words)
    assert result.code == code and told in result.err and CHINESE.search(result.err.splitlines()[0])


@pytest.mark.usefixtures("chinese")
def test_programs_notice_nothing(shop: Shell) -> None:
    assert shop.good("account", "show", "acme")["balance"] == {"amount": "0.00", "currency": "CNY"}
    error = shop("account", "show", "nobody", "--json").json["error"]
    assert error["code"] == "not_found" and CHINESE.search(error["message"])


@pytest.mark.usefixtures("chinese")
def test_tables(shop: Shell) -> None:
    assert shop("account", "list").rows[0].split() == ["ID", "名称", "余额", "费率表", "有效", "创建时间"]
    assert [row.split()[0] for row in shop("account", "show", "acme").rows[:4]] == ["ID", "名称", "币种", "费率表"]


@pytest.mark.parametrize(("env", "word"), [({}, "Usage:"), ({"LANG": "zh_CN.UTF-8"}, "用法："),
                                           ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "Usage:")])
def test_the_locale_decides(alone: Shell, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], word: str) -> None:
    for name in ("TOKENWORKS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert alone.bare("account", "--help").out.startswith(word)


def test_a_language_that_we_do_not_have(alone: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENWORKS_LANG", "fr")
    result = alone.bare("account", "list")
    assert result.code == USAGE and "TOKENWORKS_LANG must be one of en, zh, not 'fr'" in result.err
