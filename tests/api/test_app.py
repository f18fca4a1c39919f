"""The REST API as an operator's program meets it."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import TOKEN

from tokenworks.control.hub import Hub
from tokenworks.operations.catalogue import OPERATIONS
from tokenworks.operations.keytext import text_checks
from tokenworks.operations.routes import ROUTES

V1 = "/api/v1"


def test_every_operation_has_a_route_and_every_route_an_operation() -> None:
    assert {route.operation for route in ROUTES} == set(OPERATIONS)


def test_token(api: TestClient) -> None:
    for headers, code in (({"authorization": ""}, "token_missing"), ({"authorization": "Bearer x"}, "token_unknown")):
        answer = api.get(f"{V1}/accounts", headers=headers)
        assert answer.status_code == 401 and answer.json()["code"] == code
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


def test_account_wallet_and_statement(shop: TestClient) -> None:
    top_up = shop.post(f"{V1}/accounts/acme/topups", json={"amount": "12.50", "reference": "invoice 7"})
    assert top_up.status_code == 201 and top_up.json()["available"] == {"amount": "12.50", "currency": "CNY"}
    wallet = shop.get(f"{V1}/accounts/acme/wallet").json()
    assert wallet["balance"] == wallet["available"] == {"amount": "12.50", "currency": "CNY"}
    assert shop.get(f"{V1}/accounts/acme").json()["balance"]["amount"] == "12.50"
    lot = wallet["lots"][0]["id"]
    back = shop.post(f"{V1}/accounts/acme/refunds", json={"lot": lot, "amount": "2.50"}).json()
    assert back["refunded"]["amount"] == "2.50" and back["available"]["amount"] == "10.00"
    statement = shop.get(f"{V1}/accounts/acme/statement").json()
    assert [line["amount"]["amount"] for line in statement["lines"]] == ["12.50", "-2.50"]
    assert statement["closing"]["amount"] == "10.00"
    audit = shop.get(f"{V1}/ledger/audit").json()
    assert audit["balanced"] and audit["findings"] == []
    balances = shop.get(f"{V1}/ledger/balances").json()["data"]
    assert sum(float(row["balance"]["amount"]) for row in balances) == 0


def test_refund_beyond_the_lot(shop: TestClient) -> None:
    lot = shop.post(f"{V1}/accounts/acme/topups", json={"amount": "1"}).json()["id"]
    answer = shop.post(f"{V1}/accounts/acme/refunds", json={"lot": lot, "amount": "1.01"})
    assert answer.status_code == 409 and answer.json()["code"] == "conflict"
    assert shop.get(f"{V1}/accounts/acme").json()["balance"]["amount"] == "1.00"


def test_key_is_shown_once_and_revoked(shop: TestClient, hub: Hub) -> None:
    made = shop.post(f"{V1}/accounts/acme/keys", json={"name": "laptop", "models": ["m1"]})
    assert made.status_code == 201 and text_checks(made.json()["secret"])
    shown = shop.get(f"{V1}/keys/{made.json()['id']}")
    assert made.json()["secret"] not in shown.text and shown.json()["masked"].startswith("tw_live_")
    before = hub.store.policy.version()
    assert shop.delete(f"{V1}/keys/{made.json()['id']}").json()["revoked"] is True
    assert hub.store.policy.version() == before + 1
    assert shop.get(f"{V1}/keys", params={"account": "acme"}).json()["data"][0]["revoked"] is True


def test_deployment(shop: TestClient) -> None:
    given = {"deployment": "d1", "model": "m1", "url": "http://127.0.0.1:9/", "engine": "vllm", "own": True,
             "allow_private": True, "secret": "env:TOKENWORKS_SECRET_A"}
    made = shop.post(f"{V1}/deployments", json=given)
    assert made.status_code == 201, made.text
    assert made.json()["url"] == "http://127.0.0.1:9" and made.json()["dialects"] == ["chat", "completions"]
    moved = shop.patch(f"{V1}/deployments/d1", json={"url": "http://127.0.0.2:9"})
    assert moved.status_code == 422 and moved.json()["field"] == "secret"
    off = shop.patch(f"{V1}/deployments/d1", json={"enabled": False})
    assert off.json()["enabled"] is False
    assert shop.delete(f"{V1}/models/m1").status_code == 409
    assert shop.delete(f"{V1}/deployments/d1").json() == {"id": "d1", "removed": True}
    assert shop.delete(f"{V1}/models/m1").status_code == 200


@pytest.mark.parametrize(("change", "field"), [
    ({"url": "http://169.254.169.254/x"}, "url"), ({"url": "http://127.0.0.1:9/v1"}, "url"),
    ({"url": "ftp://x"}, "url"), ({"secret": "sk-live-really"}, "secret"), ({"engine": "vlm"}, "engine"),
    ({"progress": "some"}, "progress"), ({"colour": "red"}, "colour")])
def test_bad_deployments(shop: TestClient, change: dict[str, str], field: str) -> None:
    given = {"deployment": "d1", "model": "m1", "url": "http://127.0.0.1:9", "engine": "vllm", "allow_private": True}
    answer = shop.post(f"{V1}/deployments", json=given | change)
    assert answer.status_code == 422 and answer.json()["field"] == field, answer.text
    assert shop.get(f"{V1}/deployments").json()["data"] == []


def test_rate_card_versions(shop: TestClient) -> None:
    made = shop.post(f"{V1}/rate-cards/standard/versions", json={"currency": "CNY", "models": {"*": {"input": "5"}}})
    assert made.json()["version"] == 2
    assert [row["id"] for row in shop.get(f"{V1}/rate-cards/standard").json()["data"]] == ["standard@1", "standard@2"]
    bad = shop.post(f"{V1}/rate-cards/standard/versions", json={"currency": "CNY", "models": {"*": {"input": "-1"}}})
    assert bad.status_code == 422


def test_idempotency(shop: TestClient) -> None:
    headers = {"idempotency-key": "payment-1"}
    first = shop.post(f"{V1}/accounts/acme/topups", json={"amount": "5"}, headers=headers)
    again = shop.post(f"{V1}/accounts/acme/topups", json={"amount": "5"}, headers=headers)
    assert first.content == again.content and again.headers["idempotency-replayed"] == "true"
    other = shop.post(f"{V1}/accounts/acme/topups", json={"amount": "6"}, headers=headers)
    assert other.status_code == 409 and other.json()["code"] == "idempotency_reused"
    assert shop.get(f"{V1}/accounts/acme").json()["balance"]["amount"] == "5.00"


def test_death_between_the_work_and_its_answer(shop: TestClient, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise OSError("power")

    meta = type(hub.store.meta)
    with monkeypatch.context() as broken:
        broken.setattr(meta, "answer", die)
        answer = shop.post(f"{V1}/accounts/acme/topups", json={"amount": "5"}, headers={"idempotency-key": "p2"})
        assert answer.status_code == 500
    answer = shop.post(f"{V1}/accounts/acme/topups", json={"amount": "5"}, headers={"idempotency-key": "p2"})
    assert answer.status_code == 201
    assert shop.get(f"{V1}/accounts/acme").json()["balance"]["amount"] == "5.00"


def test_a_lost_key_is_not_shown_again(shop: TestClient) -> None:
    headers = {"idempotency-key": "key-1"}
    assert shop.post(f"{V1}/accounts/acme/keys", json={}, headers=headers).status_code == 201
    again = shop.post(f"{V1}/accounts/acme/keys", json={}, headers=headers)
    assert again.status_code == 409 and "secret" in again.json()["detail"]
    assert len(shop.get(f"{V1}/keys").json()["data"]) == 1


def test_paging(shop: TestClient) -> None:
    for number in range(5):
        shop.post(f"{V1}/accounts", json={"name": f"n{number}"})
    seen, cursor = [], ""
    while True:
        page = shop.get(f"{V1}/accounts", params={"limit": 2, "cursor": cursor}).json()
        seen += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 6 and seen == sorted(seen)


@pytest.mark.parametrize(("method", "path", "status", "code"), [
    ("GET", "/accounts/nobody", 404, "not_found"), ("GET", "/nothing", 404, "path_unknown"),
    ("PUT", "/accounts", 405, "method_not_allowed"), ("GET", "/accounts?limit=many", 422, "invalid"),
    ("GET", "/accounts?limit=0", 422, "invalid"), ("GET", "/accounts?limt=3", 422, "invalid"),
    ("GET", "/usage?by=colour", 422, "invalid"), ("GET", "/requests/req_x", 404, "not_found"),
    ("GET", "/requests?since=yesterday", 422, "invalid")])
def test_refusals(api: TestClient, method: str, path: str, status: int, code: str) -> None:
    answer = api.request(method, V1 + path)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["hint"] and answer.json()["request_id"].startswith("api_")


def test_a_misspelt_field_gets_the_nearest(api: TestClient) -> None:
    answer = api.post(f"{V1}/accounts", json={"name": "x", "curency": "CNY"})
    assert answer.status_code == 422 and "Did you mean currency?" in answer.json()["detail"]


@pytest.mark.parametrize(("body", "kind", "status"), [
    (b"{", "application/json", 400), (b"[]", "application/json", 400), (b"{}", "text/plain", 415),
    (b"{" * 100_000, "application/json", 400), (b"x" * (5 << 20), "application/json", 413)])
def test_bad_bodies(api: TestClient, body: bytes, kind: str, status: int) -> None:
    answer = api.post(f"{V1}/accounts", content=body, headers={"content-type": kind})
    assert answer.status_code == status, answer.text


def test_pages_are_for_neighbours(shop: TestClient) -> None:
    for path in ("/", "/metrics"):
        assert shop.get(path, headers={"authorization": ""}).status_code == 200
        far = {"authorization": "", "x-forwarded-for": "203.0.113.9"}
        assert shop.get(path, headers=far).status_code == 401
        assert shop.get(path, headers=far | {"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_status_page(shop: TestClient) -> None:
    shop.put(f"{V1}/models/evil", json={"context_tokens": 9})
    shop.post(f"{V1}/deployments", json={"deployment": "d1", "model": "m1", "url": "http://127.0.0.1:9",
                                         "engine": "vllm", "allow_private": True})
    text = shop.get("/").text
    assert "1.2.3" in text and "d1" in text and "<script" not in text


def test_openapi_is_whole(api: TestClient) -> None:
    document = api.get(f"{V1}/openapi.json").json()
    alone = {f"{V1}/requests/live", f"{V1}/leakage"}
    assert alone <= document["paths"].keys(), "what this host alone knows is told too"
    assert document["openapi"] == "3.1.0"
    text = json.dumps(document)
    names = set(document["components"]["schemas"])
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in names
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert len(operations) == len(ROUTES) + 4, "those of the table, the two of buyers, the two of this host"
    assert all(one["summary"] for one in operations)
