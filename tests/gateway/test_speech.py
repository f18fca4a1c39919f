"""Refusals in the client's language: the sentence alone, and only where it is asked for."""

from __future__ import annotations

import re

import pytest

from tokenworks.gateway.speech import say_refusal
from tokenworks.gateway.turn import Head
from tokenworks.language.speech import translate
from tokenworks.wire.ends import END_MESSAGES
from tokenworks.wire.refusals import REFUSALS, Refusal, render_refusal

CHINESE = re.compile("[一-鿿]")


def head(*fields: tuple[bytes, bytes]) -> Head:
    return Head(b"POST", b"/v1/messages", list(fields), dict(fields))


ZH = head((b"accept-language", b"zh-CN,zh;q=0.9,en;q=0.8"))


@pytest.mark.parametrize("refusal", list(Refusal), ids=lambda refusal: refusal.value)
def test_every_refusal(refusal: Refusal) -> None:
    told = say_refusal(ZH, refusal)
    assert CHINESE.search(told)
    for family in ("openai", "anthropic"):
        plain = render_refusal(refusal, family, "req_1")
        spoken = render_refusal(refusal, family, "req_1", told)
        assert (plain[0], plain[1]) == (spoken[0], spoken[1]), "status and headers are the same"
        code = re.compile(rb'"(?:code|type)":"[^"]*"')
        assert code.findall(plain[2]) == code.findall(spoken[2])


def test_a_message_of_its_own() -> None:
    message = "temperature must be between 1 and 2, got '7'."
    assert say_refusal(ZH, Refusal.FIELD_INVALID, message) == "temperature 必须在 1 到 2 之间，收到的是 '7'。"


@pytest.mark.parametrize("fields", [(), ((b"accept-language", b"en-US,en;q=0.9"),),
                                    ((b"accept-language", b"en,zh;q=0.1"),), ((b"accept-language", b"\xff\xfe"),)])
def test_others_hear_english(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    for message in ("", "There is no model 'x'."):
        assert say_refusal(head(*fields), Refusal.MODEL_UNKNOWN, message) in (
            message, REFUSALS[Refusal.MODEL_UNKNOWN].message)


def test_what_agents_look_for_stays() -> None:
    """Claude Code compacts a conversation when it reads this."""
    told = say_refusal(ZH, Refusal.CONTEXT_TOO_LONG, "prompt is too long: 4100 tokens > 4096 maximum")
    assert told.startswith("prompt is too long: 4100 tokens > 4096 maximum") and "请缩短" in told


@pytest.mark.parametrize("text", END_MESSAGES.values())
def test_ends(text: str) -> None:
    assert CHINESE.search(translate(text, "zh"))
