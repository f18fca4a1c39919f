"""`chat` against a gateway that answers by script: pipes, conversations, ends and mistakes."""

from __future__ import annotations

import json

import pytest
from tests.cli.buyer.conftest import KEY, Buy, Gateway, chunk, events

from tokenworks.cli.buyer.chat import hold_conversation
from tokenworks.cli.buyer.client import Buyer
from tokenworks.cli.buyer.talk import Ask
from tokenworks.cli.exits import AUTH, LIMIT, NOT_FOUND, OK, UNAVAILABLE, USAGE

PATH = "/v1/chat/completions"


def test_words_in_and_an_answer_out(buy: Buy, gateway: Gateway) -> None:
    result = buy("chat", "How", "are you?")
    assert (result.code, result.out) == (OK, "Good day.\n")
    assert result.err == "16 input, 10 output · 0.0002 CNY · 9.50 CNY left\n"
    method, path, headers, body = next(one for one in gateway.asked if one[1] == PATH)
    assert method == "POST" and headers["authorization"] == f"Bearer {KEY}" and path == PATH
    assert body == {"model": "m1", "stream": True, "stream_options": {"include_usage": True},
                    "messages": [{"role": "user", "content": "How are you?"}]}


def test_a_pipe(buy: Buy, gateway: Gateway) -> None:
    assert buy("chat", "--model", "m2", "--system", "Be kind.", stdin="Hello\n").out == "Good day.\n"
    (body,) = gateway.bodies(PATH)
    assert body["model"] == "m2" and body["messages"] == [{"role": "system", "content": "Be kind."},
                                                          {"role": "user", "content": "Hello"}]
    assert not gateway.bodies("/anthropic/v1/models?limit=1000"), "a named model is not looked up"


def test_an_empty_pipe(buy: Buy) -> None:
    result = buy("chat")
    assert result.code == USAGE and "There is no prompt." in result.err


def test_json(buy: Buy) -> None:
    shown = buy("chat", "--json", "Hello").json
    assert shown == {"request": "req_1", "model": "m1", "text": "Good day.", "ended_by": None,
                     "usage": {"input": 16, "output": 10}, "price": {"amount": "0.0002", "currency": "CNY"},
                     "balance": {"amount": "9.50", "currency": "CNY"}}


def test_credit_ends_in_the_middle(buy: Buy, gateway: Gateway) -> None:
    why = {"reason": "credit_exhausted", "message": "The answer was cut."}
    gateway.answers[PATH] = (200, events(chunk("Good"), chunk(finish="length", tokenworks=why), b"[DONE]"))
    result = buy("chat", "Hello")
    assert (result.code, result.out) == (LIMIT, "Good\n") and result.err.splitlines()[0] == "The answer was cut."


@pytest.mark.parametrize(("status", "body", "code", "words"), [
    (429, {"error": {"message": "The balance is used up.", "code": "insufficient_quota"}}, LIMIT, "balance is used"),
    (401, {"type": "error", "error": {"message": "Not a key.", "type": "authentication_error"}}, AUTH, "Not a key."),
    (404, {"error": {"message": "No such model."}}, NOT_FOUND, "No such model."),
    (503, {"error": {"message": "No capacity."}}, UNAVAILABLE, "No capacity."),
    (502, "<html>", UNAVAILABLE, "The answer is 502, and not of a gateway.")])
def test_the_gateways_own_sentence(buy: Buy, gateway: Gateway, status: int, body: object, code: int,
                                   words: str) -> None:
    gateway.answers[PATH] = (status, json.dumps(body).encode() if isinstance(body, dict) else str(body).encode())
    result = buy("chat", "Hello")
    assert result.code == code and words in result.err and result.out == ""


def test_an_error_in_mid_stream(buy: Buy, gateway: Gateway) -> None:
    gateway.answers[PATH] = (200, events(chunk("Good"), {"error": {"message": "The model's server failed.",
                                                                   "code": "upstream_failed"}}))
    result = buy("chat", "Hello")
    assert result.code == UNAVAILABLE and "The model's server failed." in result.err and result.out == "Good"


def test_a_price_that_is_not_told(buy: Buy, gateway: Gateway) -> None:
    gateway.answers["/api/v1/own/requests/req_1"] = (401, b"{}")
    result = buy("chat", "Hello")
    assert result.code == OK and "req_1 is not in the books yet." in result.err


def test_nobody_there(buy: Buy) -> None:
    result = buy("chat", "Hello", "--url", "http://127.0.0.1:1", "--model", "m1")
    assert result.code == UNAVAILABLE and "Nobody answers at http://127.0.0.1:1" in result.err


def test_no_key(buy: Buy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKENWORKS_API_KEY")
    result = buy("chat", "Hello")
    assert result.code == AUTH and "TOKENWORKS_API_KEY" in result.err


@pytest.mark.parametrize("words", [("--url", "gw.example"), ("--key", "tw live"), ("--key", "密钥")])
def test_what_is_no_address_and_no_key(buy: Buy, words: tuple[str, ...]) -> None:
    result = buy("chat", "Hello", *words)
    assert result.code == USAGE and words[0] in result.err


def test_a_conversation_keeps_what_was_said(gateway: Gateway, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    """Turns, an answer that fails and leaves nothing behind, a fresh start, and the end."""
    def answer(body: dict[str, list[dict[str, str]]]) -> tuple[int, bytes]:
        if body["messages"][-1]["content"] == "fail":
            return 503, b'{"error": {"message": "No capacity."}}'
        return 200, events(chunk(f"{len(body['messages'])}"), chunk(finish="stop"))

    gateway.answers[PATH] = answer
    typed = iter(["one", "", "fail", "two", "/new", "three", "/quit"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert hold_conversation(Buyer(gateway.url, KEY), Ask("chat", "m1"), False) == OK
    out, err = capsys.readouterr()
    assert out.split() == ["1", "3", "1"] and "No capacity." in err
    assert [turn["content"] for turn in gateway.bodies(PATH)[2]["messages"]] == ["one", "1", "two"]


def test_a_conversation_ends_with_the_money(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.answers[PATH] = (429, b'{"error": {"message": "The balance is used up."}}')
    monkeypatch.setattr("builtins.input", lambda prompt: "go on")
    with pytest.raises(Exception, match="The balance is used up"):
        hold_conversation(Buyer(gateway.url, KEY), Ask("chat", "m1"), False)
