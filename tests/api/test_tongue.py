"""Sentences in the language that a request asks for; what programs read stays as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import tokenworks.api
from tokenworks.control.hub import Hub
from tokenworks.language.speech import speaking, translate

V1 = "/api/v1"
ZH = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}


@pytest.mark.parametrize(("path", "code", "words"), [
    ("/accounts/nobody", "not_found", "没有账户 'nobody'。请用 `tokenworks account list` 列出。"),
    ("/nothing", "path_unknown", "/api/v1/nothing 处没有任何内容。"),
    ("/requests?since=yesterday", "invalid", "since: 'yesterday' 不是时间；请写成 2027-01-31T00:00:00Z 的形式"),
    ("/accounts?limt=1", "invalid", "没有字段 limt。是否想写 limit？")])
def test_problems(api: TestClient, path: str, code: str, words: str) -> None:
    told, plain = api.get(V1 + path, headers=ZH), api.get(V1 + path)
    assert told.json()["detail"] == words and told.headers["content-language"] == "zh"
    assert re.search("[一-鿿]", told.json()["title"]) and re.search("[一-鿿]", told.json()["hint"])
    assert plain.headers["content-language"] == "en" and translate(plain.json()["detail"], "zh") == words
    assert told.json()["code"] == plain.json()["code"] == code and told.status_code == plain.status_code


def test_the_process_own_locale_is_nobodys(api: TestClient) -> None:
    with speaking("zh"):
        assert api.get(f"{V1}/accounts/nobody").json()["detail"].startswith("There is no account")


def test_our_own_mistake(api: TestClient, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("of the test")

    monkeypatch.setattr(hub, "leakage", fail)
    answer = api.get(f"{V1}/leakage", headers=ZH)
    assert (answer.status_code, answer.json()["detail"]) == (500, "我们这里出错了。")


def test_what_succeeds_is_the_same(shop: TestClient) -> None:
    assert shop.get(f"{V1}/accounts/acme", headers=ZH).content == shop.get(f"{V1}/accounts/acme").content


def test_the_page(shop: TestClient) -> None:
    told, plain = shop.get("/", headers=ZH).text, shop.get("/").text
    assert '<html lang="zh">' in told and "最近 24 小时售出" in told and "没有在运行。" in told
    assert '<html lang="en">' in plain and "Sold in the last 24 hours" in plain


def test_every_word_of_the_page_has_chinese() -> None:
    page = (Path(tokenworks.api.__file__).parent / "templates" / "status.html").read_text()
    shown = re.findall(r"{{(.*?\| tell.*?)}}", page)
    words = [word for part in shown for word in re.findall("'([A-Z(][^']{2,})'", part)]
    assert len(words) > 15
    for word in words:
        filled = {"Version ": "Version 1 on host h, up for 3 s.", "As of ": "As of 1.",
                  "(complete until ": "(complete until 1)"}.get(word, word)
        assert translate(filled, "zh") != filled or word == "T", word
    body = re.sub(r"{{.*?}}|{%.*?%}|<style>.*?</style>|<[^>]*>", "", page, flags=re.S)
    assert set(re.findall("[A-Za-z]{3,}", body)) <= {"Tokenworks", "metrics", "api", "openapi", "json", "tokenworks",
                                                    "deployment", "add", "help"}
