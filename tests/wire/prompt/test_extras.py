"""Fields without a word in the vocabulary: along, dropped with a note, quietly dropped, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.wire.prompt.asking import OPENAI, moved, prompt_of, refused, sent

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.extras import EXTRAS, judge_extras
from tokenworks.wire.prompt.vocabulary import Target
from tokenworks.wire.refusals import Refusal
from tokenworks.wire.rules import GUARDED

VLLM = Target("vllm", own=True)
CLAUDE = Target("anthropic")


def test_known_to_both() -> None:
    more = {"user": "u", "safety_identifier": "s", "prompt_cache_retention": "24h"}
    body = sent("responses", "chat", **more)
    assert more.items() <= body.items()
    found = moved("responses", "messages", CLAUDE, **more)
    assert found.notes == () and found.facts.fields.keys() == {"model", "max_tokens", "messages", "metadata"}


def test_the_engine_s_own_words() -> None:
    body = sent("responses", "chat", VLLM, min_p=0.1, repetition_penalty=1.1)
    assert (body["min_p"], body["repetition_penalty"]) == (0.1, 1.1)
    fault = refused("responses", "messages", CLAUDE, min_p=0.1)
    assert fault.param == "min_p" and "not known to the interface" in fault.message
    kwargs = {"preserve_thinking": True}
    assert sent("messages", "chat", VLLM, chat_template_kwargs=kwargs)["chat_template_kwargs"] == kwargs
    found = moved("chat", "messages", CLAUDE, chat_template_kwargs=kwargs)
    assert found.notes == ("chat_template_kwargs was dropped: it is for another engine's template.",)


def test_what_nobody_knows_is_noted() -> None:
    found = moved("chat", "messages", CLAUDE, odd=1)
    assert found.notes == ("odd was dropped: it is known to no other interface.",)
    assert moved("responses", "chat", client_metadata={"a": 1}, include=["x"], stream_options={}).notes == ()


@pytest.mark.parametrize(("client", "more", "instead"), [
    ("chat", {"max_output_tokens": 3}, "max_completion_tokens"), ("chat", {"stop_sequences": ["x"]}, "stop"),
    ("completions", {"max_completion_tokens": 3}, "max_tokens"), ("responses", {"max_tokens": 3}, "max_output_tokens"),
    ("responses", {"n": 2}, "one request per answer"), ("responses", {"stop": "x"}, "Cut the answer yourself"),
    ("responses", {"response_format": {"type": "json_object"}}, "text.format"), ("messages", {"n": 2}, "per answer"),
    ("messages", {"stop": ["x"]}, "stop_sequences"), ("messages", {"max_output_tokens": 3}, "max_tokens"),
])
def test_words_of_another_interface(client: Dialect, more: dict[str, Any], instead: str) -> None:
    """Left out, a cap or a stop would cost the client more than he asked for."""
    fault = refused(client, "messages" if client != "messages" else "chat", **more)
    assert fault.param in more and instead in fault.message and "another interface's word" in fault.message
    assert moved(client, "chat" if client not in ("chat", "completions") else "responses", OPENAI,
                 **dict.fromkeys(more)).notes == (), "null says nothing"


KEPT_ELSEWHERE = [
    ("responses", {"previous_response_id": "resp_1"}), ("responses", {"conversation": "conv_1"}),
    ("responses", {"conversation": {"id": "conv_1"}}), ("responses", {"prompt": {"id": "pmpt_1"}}),
    ("responses", {"background": True}),
]  # fmt: skip


@pytest.mark.parametrize(("client", "more"), KEPT_ELSEWHERE)
def test_the_full_input_is_wanted(client: Dialect, more: dict[str, Any]) -> None:
    fault = refused(client, "chat", **more)
    assert fault.param in more and "end the full input" in fault.message
    assert moved(client, "chat", **dict.fromkeys(more)).notes == (), "null says nothing"


def test_nothing_is_stored() -> None:
    found = moved("responses", "chat", store=True)
    assert found.notes == (
        "store was dropped: it is answered false: nothing is kept, so send the full input each time.",)
    assert "store" not in sent("responses", "chat", store=True) and b'"store":false' in found.asked.echo
    assert moved("responses", "chat", store=False).notes == () and moved("chat", "messages", store=True).notes == ()


@pytest.mark.parametrize(("client", "more"), [
    ("chat", {"functions": [{"name": "f"}]}), ("chat", {"function_call": {"name": "f"}}),
    ("chat", {"moderation": {"model": "m"}}), ("messages", {"container": "c_1"}), ("responses", {"moderation": {}}),
])  # fmt: skip
def test_other_refusals(client: Dialect, more: dict[str, Any]) -> None:
    fault = refused(client, "responses" if client == "chat" else "chat", **more)
    assert fault.param in more and fault.refusal is Refusal.FEATURE_UNSUPPORTED


@pytest.mark.parametrize("client", ["chat", "responses", "messages"])
def test_what_the_field_table_guards(client: Dialect) -> None:
    """What would cost otherwise is refused as it is where nothing is translated; harmless values go quietly."""
    for key, rule in GUARDED[client].items():
        if rule.verdict != "denied" or key in EXTRAS[client]:
            continue
        prompt = prompt_of(client, **{key: "priority"})
        found = judge_extras(prompt, client, "chat", VLLM)
        assert not isinstance(found, tuple) and found.param == key and rule.remedy in found.message
        for harmless in rule.only:
            kept, notes = judge_extras(prompt_of(client, **{key: harmless}), client, "chat", VLLM)  # type: ignore[misc]
            assert (kept, notes) == ({}, [])


def test_every_reason_is_a_sentence() -> None:
    for rows in EXTRAS.values():
        for extra in rows.values():
            assert extra.why.endswith(".") and extra.why[0].islower()
