"""What stands in no books: how deployments answer this host, what its gateways say now."""

from __future__ import annotations

from starlette.testclient import TestClient

from tokenworks.control.hub import Hub
from tokenworks.credit.messages import Facts
from tokenworks.operations.catalogue import OPERATIONS
from tokenworks.operations.fields import describe_field

V1 = "/api/v1"
GIVEN = {"model": "m1", "url": "http://127.0.0.1:9", "engine": "vllm", "allow_private": True}


def test_states_of_deployments(shop: TestClient, hub: Hub) -> None:
    for name in ("quiet", "well", "ill", "poor", "resting"):
        assert shop.post(f"{V1}/deployments", json={"deployment": name, **GIVEN}).status_code == 201
    shop.patch(f"{V1}/deployments/resting", json={"enabled": False})
    hub.facts.join("h1/0/e", 1, 1)
    hub.facts.take(Facts("h1/0/e", 1, {}, {}, {}, {"well": "up", "ill": "failing", "poor": "up", "resting": "up"}))
    hub.unusable = lambda: {"poor": "no secret", "resting": "no secret"}
    found = {row["id"]: (row["state"], row["why"]) for row in shop.get(f"{V1}/deployments").json()["data"]}
    assert found == {"quiet": ("unknown", ""), "well": ("up", ""), "ill": ("failing", ""),
                     "poor": ("unusable", "no secret"), "resting": ("off", "")}
    page = shop.get("/").text
    assert "unusable: no secret" in page and "failing" in page


def test_what_gateways_say(hub: Hub) -> None:
    hub.facts.join("h1/0/e", 1, 1)
    hub.facts.take(Facts("h1/0/e", 1, {}, {"tokenworks_connections": 3}, {"d1": 2}))
    assert hub.heard()["h1/0/e"] == (2, 3)
    hub.facts.leave("h1/0/e")
    assert hub.heard() == {}


def test_every_field_is_described_in_the_document(api: TestClient) -> None:
    document = api.get(f"{V1}/openapi.json").json()
    told = 0
    for path in document["paths"].values():
        for one in path.values():
            fields = [part for part in one["parameters"] if part["in"] != "header"]
            body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            assert all(part.get("description") for part in [*fields, *body.get("properties", {}).values()])
            told += len(fields) + len(body.get("properties", {}))
    buyers = 2  # the id of a request and the rows before now, in paths that are no operations
    assert told == buyers + sum(len(operation.takes.__struct_fields__) for operation in OPERATIONS.values())
    assert describe_field("account.create", "name") != ""


def test_a_misspelt_price_gets_the_nearest(shop: TestClient) -> None:
    answer = shop.post(f"{V1}/rate-cards/c/versions", json={"currency": "CNY", "models": {"m": {"inptu": "1"}}})
    assert answer.status_code == 422 and "Did you mean input?" in answer.json()["detail"]
