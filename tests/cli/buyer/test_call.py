"""`call`: one request as it is, its body out, what it cost beside."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.buyer.conftest import Buy, Gateway

from tokenworks.cli.exits import NOT_FOUND, OK, USAGE

BODY = '{"model": "m1", "input": "水"}'


@pytest.fixture(autouse=True)
def served(gateway: Gateway) -> None:
    gateway.answers["/v1/embeddings"] = (200, b'{"data": [1, 2]}')


def test_a_body_by_each_way(buy: Buy, gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(BODY)
    for words, stdin in ((("-d", BODY), ""), (("--file", str(tmp_path / "body.json")), ""), ((), BODY),
                         (("--file", "-"), BODY)):
        result = buy("call", "embeddings", *words, stdin=stdin)
        assert (result.code, result.out, result.err) == (OK, '{"data": [1, 2]}', "")
    assert gateway.bodies("/v1/embeddings") == [{"model": "m1", "input": "水"}] * 4


def test_figures_beside(buy: Buy) -> None:
    result = buy("call", "/v1/embeddings", "-d", BODY, "--include", "usage", "--include", "price")
    assert result.out == '{"data": [1, 2]}' and result.err == "usage: 16 input, 10 output\nprice: 0.0002 CNY\n"


def test_a_get(buy: Buy, gateway: Gateway) -> None:
    gateway.answers["/v1/models"] = (200, b"[]")
    assert buy("call", "models").out == "[]" and gateway.asked[-1][0] == "GET"


def test_mistakes(buy: Buy, gateway: Gateway) -> None:
    for words, told in ((("embeddings", "-d", "{"), "not JSON"), (("nothing",), "is no path"),
                        (("embeddings", "--file", "/nowhere"), "cannot be read")):
        result = buy("call", *words)
        assert result.code == USAGE and told in result.err
    assert gateway.asked == []
    assert buy("call", "/v1/模型 a?b=c%20d").code == NOT_FOUND
    assert gateway.asked.pop()[1] == "/v1/%E6%A8%A1%E5%9E%8B%20a?b=c%20d"
    result = buy("call", "/v1/nothing", "-d", BODY)
    assert result.code == NOT_FOUND and "404: There is no such path." in result.err and "error" in result.out
