"""Buyers at a shell against a whole Tokenworks: what they are told is what the books say."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.e2e.utility import MODEL, Utility

from tokenworks.cli.buyer.client import Buyer, find_price, send_request
from tokenworks.cli.exits import LIMIT

CHAT = [sys.executable, "-m", "tokenworks", "chat", "--model", MODEL]


def env_of(utility: Utility, key: str) -> dict[str, str]:
    return {**os.environ, "TOKENWORKS_BASE_URL": utility.url, "TOKENWORKS_API_KEY": key, "TOKENWORKS_LANG": "en"}


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_told_is_booked(utility: Utility, dialect: str) -> None:
    done = subprocess.run([*CHAT, "--json", "--dialect", dialect, "What is the capital of France?"],
                          env=env_of(utility, utility.key), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    booked = utility.booked(told["request"])
    assert told["text"] == "The capital of France is Paris." and told["ended_by"] is None
    assert told["price"] == booked["charged"] and told["usage"] == booked["usage"]
    assert booked["request"]["dialect"] == dialect


def test_credit_ends_an_answer(utility: Utility) -> None:
    """What it could fund came, the sentence says why it stopped, and the exit code is that of a limit."""
    _, key = utility.buyer("0.0045")
    done = subprocess.run([*CHAT, "Count to five."], env=env_of(utility, key), capture_output=True, text=True,
                          check=False)
    while done.returncode == 0:  # buys until it is used up
        done = subprocess.run([*CHAT, "Tell me a story."], env=env_of(utility, key), capture_output=True, text=True,
                              check=False)
    assert done.returncode == LIMIT and "balance" in done.stderr


def test_nobody_is_told_of_anothers_request(utility: Utility) -> None:
    call = send_request(Buyer(utility.url, utility.key), "POST", "/v1/embeddings",
                        json.dumps({"model": MODEL, "input": "water"}).encode())
    call.body()
    assert find_price(Buyer(utility.url, utility.key), call.request) is not None
    other = Buyer(utility.url, utility.buyer("1")[1])
    assert find_price(other, call.request, wait_s=1) is None
    answer = send_request(other, "GET", f"/api/v1/own/requests/{call.request}")
    assert answer.status == 404 and json.loads(answer.body())["code"] == "not_found"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
def test_refused_in_the_language_of_the_client(utility: Utility, path: str) -> None:
    """Of the gateway itself: an unknown key, a field, an empty wallet; and English for whoever asks for nothing."""
    said = [{"role": "user", "content": "x"}]
    body = json.dumps({"model": MODEL, **({"input": said} if "responses" in path else
                                          {"messages": said, "max_tokens": 4})}).encode()
    cases = ((Buyer(utility.url, "tw_live_x", "zh"), body, "密钥"),
             (Buyer(utility.url, utility.key, "zh"), b"[]", "对象"),
             (Buyer(utility.url, utility.poor_key(), "zh"), body, "余额"),
             (Buyer(utility.url, "tw_live_x"), body, "This API key is not known."))
    for buyer, sent, word in cases:
        call = send_request(buyer, "POST", path, sent)
        assert call.status >= 400 and word in json.loads(call.body())["error"]["message"]


def test_a_shell_in_chinese(utility: Utility) -> None:
    env = {**env_of(utility, utility.poor_key()), "TOKENWORKS_LANG": "zh"}
    done = subprocess.run([*CHAT, "你好"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == LIMIT and "账户余额不足以支付此请求。请充值后再试。" in done.stderr
