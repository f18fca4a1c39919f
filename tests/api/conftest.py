"""A control hub over a real SQLite database, and a client that carries its admin token."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tokenworks.api.app import build_app
from tokenworks.clock import SystemClock, SystemDice
from tokenworks.control.facts import FactsBook
from tokenworks.control.hub import Hub
from tokenworks.operations.masterkey import KeyFile
from tokenworks.operations.sealing import Sealer
from tokenworks.operations.secret import SecretBook
from tokenworks.store.open import open_store

TOKEN = "admin-token-of-the-tests"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    store = open_store(f"sqlite:///{tmp_path / 'books.db'}")
    secrets = SecretBook({"TOKENWORKS_SECRET_A": "sk-a"}, (), Sealer(KeyFile(tmp_path)), store.secrets)
    yield Hub(host="h1", version="1.2.3", store=store, secrets=secrets,
              facts=FactsBook(), clock=SystemClock(), dice=SystemDice(),
              admin_digest=sha256(TOKEN.encode()).digest())
    store.close()


@pytest.fixture
def api(hub: Hub) -> Iterator[TestClient]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with TestClient(build_app(hub), headers=headers, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def shop(api: TestClient) -> TestClient:
    """With a rate card, a model and an account."""
    models = {"*": {"input": "4", "output": "16"}}
    card = api.post("/api/v1/rate-cards/standard/versions", json={"currency": "CNY", "models": models})
    assert card.status_code == 201
    assert api.put("/api/v1/models/m1", json={"context_tokens": 4096}).status_code == 200
    assert api.post("/api/v1/accounts", json={"id": "acme", "name": "Acme"}).status_code == 201
    return api
