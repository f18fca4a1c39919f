"""A deployment of every engine can be added, with what is known of it, and is told where it could not be kept safe."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tokenworks.operations.engines import ENGINES
from tokenworks.wire import dialects
from tokenworks.wire.dialects import DIALECTS, Engine
from tokenworks.wire.rules import UNSALTED

URL = "/api/v1/deployments"
NO_SALT = ["mindie", "lmdeploy", "ollama"]


def given(engine: str, **more: object) -> dict[str, object]:
    return {"deployment": f"{engine}-1", "model": "m1", "engine": engine, "url": "http://127.0.0.1:9",
            "allow_private": True, **more}


def test_every_engine_is_known() -> None:
    assert tuple(ENGINES) == dialects.ENGINES
    for facts in ENGINES.values():
        assert set(facts.dialects) <= set(DIALECTS) and facts.mind.endswith(".") and not facts.address.endswith("/v1")


@pytest.mark.parametrize("engine", dialects.ENGINES)
def test_add(shop: TestClient, engine: Engine) -> None:
    made = shop.post(URL, json=given(engine, share_prefix_cache=engine in NO_SALT))
    assert made.status_code == 201, made.text
    assert made.json()["dialects"] == list(ENGINES[engine].dialects)
    assert made.json()["progress"] == ENGINES[engine].progress


@pytest.mark.parametrize("engine", NO_SALT)
def test_no_salt(shop: TestClient, engine: Engine) -> None:
    """It would never be asked: the operator hears so at once, with what he can do."""
    answer = shop.post(URL, json=given(engine))
    assert answer.status_code == 409 and "share_prefix_cache" in answer.json()["detail"], answer.text
    assert set(UNSALTED[engine]) >= set(ENGINES[engine].dialects) - {"embeddings"}


@pytest.mark.parametrize("path", ["/v1beta/openai", "/api/paas/v4", "/compatible-mode", "/anthropic"])
def test_addresses(shop: TestClient, path: str) -> None:
    made = shop.post(URL, json=given("openai", url=f"https://127.0.0.1:9{path}"))
    assert made.status_code == 201 and made.json()["url"] == f"https://127.0.0.1:9{path}"
