"""The audit trail as the API fills it and shows it."""

from __future__ import annotations

import re
from typing import Any

from starlette.testclient import TestClient

from tokenworks.control.hub import Hub
from tokenworks.operations.catalogue import OPERATIONS
from tokenworks.operations.routes import ROUTES
from tokenworks.store.trail import AuditNote

V1 = "/api/v1"


def notes(api: TestClient, **asked: object) -> list[dict[str, Any]]:
    answer = api.get(f"{V1}/audit", params=asked)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def test_a_change_is_noted_with_who_and_whence(shop: TestClient, hub: Hub) -> None:
    answer = shop.patch(f"{V1}/accounts/acme", json={"active": False}, headers={"x-tokenworks-login": "ann"})
    (note,) = notes(shop, action="account.change")
    assert (note["kind"], note["id"], note["outcome"]) == ("account", "acme", "done")
    assert note["changes"] == {"active": [True, False]}
    assert (note["login"], note["origin"]) == ("ann", "socket")
    assert note["actor"] == f"admin:{hub.admin_digest.hex()[:8]}"
    assert note["request_id"] == answer.headers["x-request-id"]
    assert shop.get(f"{V1}/audit/{note['number']}").json() == note
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", note["at"])


def test_through_a_gateway(shop: TestClient) -> None:
    """It names its client and the call, and nobody else can."""
    gateway = {"x-forwarded-for": "203.0.113.9", "x-request-id": "req_1"}
    shop.post(f"{V1}/accounts", json={"name": "one"}, headers=gateway)
    shop.post(f"{V1}/accounts", json={"name": "two"}, headers={"x-request-id": "forged"})
    two, one = notes(shop, action="account.create", limit=2)
    assert (one["origin"], one["request_id"]) == ("203.0.113.9", "req_1")
    assert two["origin"] == "socket" and two["request_id"].startswith("api_")


def test_refusals_are_noted_and_reading_is_not(shop: TestClient) -> None:
    before = len(notes(shop))
    shop.get(f"{V1}/accounts")
    shop.get(f"{V1}/accounts/nobody")
    shop.patch(f"{V1}/accounts/acme", json={"active": False}, headers={"authorization": "Bearer wrong"})
    assert len(notes(shop)) == before
    for path, given, code in (("accounts/nobody/topups", {"amount": "5"}, "not_found"),
                              ("accounts/acme/topups", {"amount": "many"}, "invalid"),
                              ("accounts/acme/topups", {"amuont": "5"}, "invalid"),
                              ("rate-cards/c/versions", [], "malformed_json")):
        assert shop.post(f"{V1}/{path}", json=given).json()["code"] == code
        newest = notes(shop)[0]
        assert newest["outcome"] == "refused" and newest["reason"].startswith(code), newest
        assert newest["id"] == path.split("/")[1] and newest["changes"] == {}
    assert [row["outcome"] for row in notes(shop, outcome="refused")] == ["refused"] * 4
    assert shop.get(f"{V1}/audit", params={"outcome": "good"}).status_code == 422


def test_every_operation_that_changes_something_is_noted(shop: TestClient, hub: Hub) -> None:
    """Whatever has another method than GET leaves a note, done or refused; but for what only reads."""
    for route in ROUTES:
        operation = OPERATIONS[route.operation]
        before = hub.store.trail.head()[0]
        shop.request(route.method, f"{V1}{re.sub(r'{[^}]*}', 'x', route.path)}",
                     content=b"?" if route.method in ("POST", "PUT", "PATCH") else None)
        writes = route.method != "GET" and not operation.reads
        assert (hub.store.trail.head()[0] > before) == writes, route


def test_secrets_are_not_noted(shop: TestClient) -> None:
    made = shop.post(f"{V1}/accounts/acme/keys", json={"name": "ci"}).json()
    (note,) = notes(shop, kind="key")
    assert made["secret"] not in str(note) and note["changes"]["masked"][1].startswith("tw_live_")
    assert "digest" not in note["changes"] and note["changes"]["created_at"][1].endswith("Z")


def test_money_and_a_repeated_call(shop: TestClient) -> None:
    for _ in range(2):
        shop.post(f"{V1}/accounts/acme/topups", json={"amount": "5", "reference": "i7"},
                  headers={"idempotency-key": "p"})
    (note,) = notes(shop, kind="lot")
    assert note["changes"]["credited"] == [None, "5.00 CNY"] and note["changes"]["reference"] == [None, "i7"]


def test_our_own_failure_is_noted(shop: TestClient, hub: Hub, monkeypatch: Any) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(type(hub.store.books), "fund", lambda *_: 1 // 0)
        assert shop.post(f"{V1}/accounts/acme/topups", json={"amount": "5"}).status_code == 500
    assert notes(shop)[0]["outcome"] == "failed" and "ZeroDivision" not in str(notes(shop)[0])


def test_paging(shop: TestClient) -> None:
    for number in range(5):
        shop.post(f"{V1}/accounts", json={"name": f"n{number}"})
    seen, cursor = [], ""
    while True:
        page = shop.get(f"{V1}/audit", params={"limit": 3, "cursor": cursor}).json()
        seen += [row["number"] for row in page["data"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert seen == list(range(8, 0, -1))


def test_verification(shop: TestClient, hub: Hub) -> None:
    good = shop.get(f"{V1}/audit/verification").json()
    assert good["whole"] is True and good["broken_at"] is None and good["number"] == 3
    shop.post(f"{V1}/accounts", json={"name": "later"})
    assert shop.get(f"{V1}/audit/verification", params={"digest": good["digest"]}).json()["whole"] is True
    other = shop.get(f"{V1}/audit/verification", params={"digest": "00" * 32}).json()
    assert (other["whole"], other["known"], other["broken_at"]) == (False, False, None)
    assert shop.get(f"{V1}/audit/verification", params={"digest": "xyz"}).status_code == 422
    hub.store.trail.add(AuditNote(1, "a", "b", "c", "d"))
    assert shop.get(f"{V1}/audit/verification").json()["number"] == 5


def test_the_state_with_which_a_change_was_decided(shop: TestClient) -> None:
    """`if_version`: only when nobody else has changed it since."""
    version = shop.get(f"{V1}/accounts/acme").json()["version"]
    assert shop.patch(f"{V1}/accounts/acme", json={"active": False, "if_version": version}).status_code == 200
    late = shop.patch(f"{V1}/accounts/acme", json={"active": True, "if_version": version})
    assert late.status_code == 409 and "has changed since" in late.json()["detail"]
    assert shop.get(f"{V1}/accounts/acme").json()["active"] is False


def test_if_version_everywhere(shop: TestClient) -> None:
    model = shop.put(f"{V1}/models/m2", json={"context_tokens": 10, "if_version": 0}).json()["version"]
    assert shop.put(f"{V1}/models/m2", json={"context_tokens": 11, "if_version": 0}).status_code == 409
    assert shop.put(f"{V1}/models/m2", json={"context_tokens": 11, "if_version": model + 7}).status_code == 409
    model = shop.put(f"{V1}/models/m2", json={"context_tokens": 11, "if_version": model}).json()["version"]
    prices = {"currency": "CNY", "models": {"*": {"input": "1"}}}
    assert shop.post(f"{V1}/rate-cards/c/versions", json={**prices, "if_version": 1}).status_code == 409
    assert shop.post(f"{V1}/rate-cards/c/versions", json={**prices, "if_version": 0}).status_code == 201
    assert shop.post(f"{V1}/rate-cards/c/versions", json={**prices, "if_version": 0}).status_code == 409
    assert shop.post(f"{V1}/rate-cards/c/versions", json={**prices, "if_version": 1}).json()["version"] == 2
    given = {"deployment": "d1", "model": "m2", "url": "http://127.0.0.1:9", "engine": "vllm", "allow_private": True}
    made = shop.post(f"{V1}/deployments", json=given).json()["version"]
    assert shop.patch(f"{V1}/deployments/d1", json={"own": True}).status_code == 422
    assert shop.patch(f"{V1}/deployments/d1", json={"enabled": False, "if_version": made + 1}).status_code == 409
    changed = shop.patch(f"{V1}/deployments/d1", json={"enabled": False, "if_version": made}).json()["version"]
    assert shop.delete(f"{V1}/deployments/d1", params={"if_version": made}).status_code == 409
    assert shop.delete(f"{V1}/deployments/d1", params={"if_version": changed}).status_code == 200
    assert shop.delete(f"{V1}/models/m2", params={"if_version": model - 1}).status_code == 409
    assert shop.delete(f"{V1}/models/m2", params={"if_version": model}).status_code == 200
