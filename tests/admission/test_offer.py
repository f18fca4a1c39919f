"""Offers are what a deployment's row says, ready for use."""

from __future__ import annotations

import pytest

from tokenworks.admission.offer import make_offer
from tokenworks.credit.policy import Endpoint
from tokenworks.fleet.deployment import Deployment, Model

MODEL = Model("m", 4096, 1024, image_tokens_max=5)
ROW = Deployment(
    "d", "m", "https://up.example/x", "theirs", "vllm", ("chat",), own=True, progress="exact", share_prefix_cache=True)


def test_offer() -> None:
    offer = make_offer(Endpoint(ROW, "sk-1"), MODEL)
    assert offer.deployment is ROW
    source = offer.source
    assert (source.engine, source.own, source.upstream_model, source.progress) == ("vllm", True, "theirs", "exact")
    assert (source.share_prefix_cache, source.images) == (True, True)
    assert not make_offer(Endpoint(ROW), Model("m", 4096, 1024)).source.images
    head = offer.heads.head("chat", 3, {})
    assert head.startswith(b"POST /x/v1/chat/completions HTTP/1.1\r\nhost: up.example\r\n") and b"Bearer sk-1" in head


def test_plans_are_not_shared() -> None:
    one, other = make_offer(Endpoint(ROW), MODEL).source, make_offer(Endpoint(ROW), MODEL).source
    assert one.plan("chat") is one.plan("chat") and one.plans is not other.plans


def test_bad_credential() -> None:
    with pytest.raises(ValueError, match="credential"):
        make_offer(Endpoint(ROW, "sk-1\n"), MODEL)


def test_credential_is_masked() -> None:
    deployment = Deployment("d", "m", "http://127.0.0.1:1", "m", "openai", ("chat",))
    offer = make_offer(Endpoint(deployment, "sk-very-secret"), Model("m", 1000, 100))
    assert offer.mask("wrong key sk-very-secret, sk-very-secret!") == "wrong key ***, ***!"
    assert make_offer(Endpoint(deployment), Model("m", 1000, 100)).mask("as it is") == "as it is"
