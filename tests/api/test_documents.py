"""Documents over the REST API: planned, applied once, exported."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from tokenworks.control.hub import Hub
from tokenworks.store.trail import TrailQuery

V1 = "/api/v1"
DOCUMENTS = [
    {"apiVersion": "tokenworks/v1", "kind": "Account", "metadata": {"name": "blue"}, "spec": {}},
    {"apiVersion": "tokenworks/v1", "kind": "Key", "metadata": {"name": "ci"}, "spec": {"account": "blue"}},
]


def ask(api: TestClient, verb: str, documents: list[Any], **more: Any) -> Any:
    return api.post(f"{V1}/documents/{verb}", json={"documents": documents, **more})


def test_planned_and_applied(shop: TestClient, hub: Hub) -> None:
    plan = ask(shop, "plan", DOCUMENTS).json()
    assert [(step["action"], step["name"], step["document"]) for step in plan["steps"]] == [
        ("create", "blue", 0), ("create", "ci", 1)]
    assert hub.store.trail.page(_query(action="document.plan")).data == [], "a plan changes nothing"
    applied = ask(shop, "apply", DOCUMENTS, digest=plan["digest"])
    assert applied.status_code == 200 and applied.json()["complete"] is True
    assert applied.json()["keys"][0]["secret"].startswith("tw_live_")
    assert ask(shop, "apply", DOCUMENTS, digest=plan["digest"]).json()["code"] == "conflict"
    assert ask(shop, "plan", DOCUMENTS).json()["unchanged"] == 2
    exported = shop.get(f"{V1}/documents", params={"kinds": "Account,Key"}).json()["data"]
    assert [one["metadata"]["name"] for one in exported] == ["acme", "blue", "ci"]
    assert ask(shop, "plan", exported, prune=True).json()["steps"] == []


def test_faults_are_an_answer_to_a_plan_and_refuse_an_apply(shop: TestClient, hub: Hub) -> None:
    wrong = [*DOCUMENTS, {**DOCUMENTS[0], "kind": "Acount"}]
    plan = ask(shop, "plan", wrong)
    assert plan.status_code == 200
    assert plan.json()["faults"] == [{"document": 2, "place": ["kind"], "other": -1,
                                      "message": "There is no kind Acount. Did you mean Account?"}]
    refused = ask(shop, "apply", wrong)
    assert refused.status_code == 422 and refused.json()["field"] == "documents[2].kind"
    assert shop.get(f"{V1}/accounts/blue").status_code == 404
    note = hub.store.trail.page(_query(action="document.apply")).data[0].note
    assert note.outcome == "refused" and "Acount" in note.reason


def test_a_secret_is_shown_once(shop: TestClient) -> None:
    headers = {"idempotency-key": "apply-1"}
    first = shop.post(f"{V1}/documents/apply", json={"documents": DOCUMENTS}, headers=headers)
    assert first.json()["keys"]
    again = shop.post(f"{V1}/documents/apply", json={"documents": DOCUMENTS}, headers=headers)
    assert again.status_code == 409 and "secret" in again.json()["detail"]
    assert len(shop.get(f"{V1}/keys").json()["data"]) == 1


def test_a_deployment_keeps_its_sealed_secret(shop: TestClient) -> None:
    """What is rehearsed finds the secrets that there are."""
    sealed = shop.put(f"{V1}/secrets/openai", json={"value": "sk-1"})
    assert sealed.status_code == 200, sealed.text
    documents = [{"apiVersion": "tokenworks/v1", "kind": "Deployment", "metadata": {"name": "d1"}, "spec": {
        "model": "m1", "url": "https://api.openai.com", "engine": "openai", "secret": "sealed:openai"}}]
    assert ask(shop, "apply", documents).json()["complete"] is True
    exported = shop.get(f"{V1}/documents", params={"kinds": "Deployment"}).json()["data"]
    assert exported[0]["spec"]["secret"] == "sealed:openai" and "sk-1" not in str(exported)
    documents[0]["spec"]["secret"] = "sealed:nobody"  # type: ignore[index]
    (fault,) = ask(shop, "plan", documents).json()["faults"]
    assert "nobody" in fault["message"]


def _query(**asked: str) -> Any:
    return TrailQuery(**asked)  # type: ignore[arg-type]
