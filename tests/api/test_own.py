"""What a buyer is told of his own, and that nobody is told of another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from tokenworks.clock import SystemDice
from tokenworks.operations.keytext import mint_text

OWN = "/api/v1/own"


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


@pytest.fixture
def made(shop: TestClient) -> dict[str, str]:
    """A key of an account that has 5 CNY."""
    shop.post("/api/v1/accounts/acme/topups", json={"amount": "5"})
    found: dict[str, str] = shop.post("/api/v1/accounts/acme/keys", json={"name": "laptop", "models": ["m1"]}).json()
    return found


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_balance(shop: TestClient, made: dict[str, str], header: str) -> None:
    text = made["secret"]
    headers = bearer(text) if header == "authorization" else {"x-api-key": text, "authorization": ""}
    shown = shop.get(OWN, headers=headers).json()
    assert shown["balance"] == {"amount": "5.00", "currency": "CNY"} and shown["key"] == made["id"]
    assert (shown["account"], shown["name"], shown["models"]) == ("acme", "laptop", ["m1"])
    assert text not in str(shown)


def test_keys_that_open_nothing(shop: TestClient, made: dict[str, str]) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    brief = shop.post("/api/v1/accounts/acme/keys", json={"expires_at": soon}).json()["secret"]
    shop.delete(f"/api/v1/keys/{made['id']}")
    cases = (("", "key_missing", "no API key"), ("sk-other", "key_unknown", "not known"),
             (mint_text(SystemDice()), "key_unknown", "not known"), (made["secret"], "key_unknown", "revoked"))
    for text, code, words in cases:
        answer = shop.get(OWN, headers=bearer(text))
        assert answer.status_code == 401 and answer.json()["code"] == code and words in answer.json()["detail"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
    while (answer := shop.get(OWN, headers=bearer(brief))).status_code == 200:
        pass
    assert "expired" in answer.json()["detail"]


def test_the_admin_token_is_no_key_and_a_key_no_admin_token(shop: TestClient, made: dict[str, str]) -> None:
    assert shop.get(OWN).json()["code"] == "key_unknown"
    assert shop.get("/api/v1/accounts", headers=bearer(made["secret"])).json()["code"] == "token_unknown"


def test_a_request_that_is_not_there(shop: TestClient, made: dict[str, str]) -> None:
    answer = shop.get(f"{OWN}/requests/req_x", headers=bearer(made["secret"]))
    assert answer.status_code == 404 and "req_x" in answer.json()["detail"]


def test_the_document_names_both_and_what_opens_them(shop: TestClient) -> None:
    document = shop.get("/api/v1/openapi.json").json()
    for path in (OWN, OWN + "/requests/{request}"):
        assert document["paths"][path]["get"]["security"] == [{"key": []}]
    assert {"OwnView", "OwnRequestView"} <= document["components"]["schemas"].keys()
