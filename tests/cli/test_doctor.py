"""`doctor`: what it finds wrong, made wrong on purpose."""

from __future__ import annotations

import io
import os
import sqlite3
from typing import Any, NamedTuple

import pytest
from tests.cli.conftest import Shell

from tokenworks.control.hub import Hub
from tokenworks.credit.messages import Facts


def findings(shell: Shell) -> dict[str, Any]:
    result = shell("doctor", "--json")
    assert result.json["ok"] is (result.code == 0)
    return {one["code"]: one for one in result.json["findings"]}


class Disk(NamedTuple):
    total: int
    used: int
    free: int


def test_nothing_runs(alone: Shell) -> None:
    os.chmod(alone.state, 0o700)
    found = findings(alone)
    assert found["running"]["level"] == "warning" and found["database"]["message"].endswith("at the first start.")
    assert found["state"]["level"] == found["disk"]["level"] == found["port"]["level"] == "ok"
    rows = [row.strip() for row in alone("doctor").rows]
    assert rows[0].split() == ["level", "code", "message"] and "to do: tokenworks up" in rows


def test_open_state(alone: Shell) -> None:
    os.chmod(alone.state, 0o755)
    (alone.state / "demo.key").write_text("x")
    os.chmod(alone.state / "demo.key", 0o644)
    found = findings(alone)
    assert found["state"]["level"] == found["files"]["level"] == "error"
    assert "demo.key" in found["files"]["message"] and found["state"]["fix"] == f"chmod 700 {alone.state}"


def test_full_disk(alone: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk(10**9, 10**9, 10**6))
    found = findings(alone)["disk"]
    assert found["level"] == "error" and "1 MB" in found["message"] and "268 MB" in found["fix"]


def test_newer_database(alone: Shell, hub: Hub) -> None:
    hub.store.close()
    with sqlite3.connect(alone.state / "books.db") as database:
        database.execute("update alembic_version set version_num = 'from_the_future'")
    found = findings(alone)["database"]
    assert found["level"] == "error" and "from_the_future" in found["message"]


def test_taken_port(alone: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setenv("TOKENWORKS_LISTEN__PORT", str(listener.getsockname()[1]))
        assert findings(alone)["port"]["level"] == "error"


def test_a_shop_without_price_gateway_or_secret(shop: Shell, hub: Hub) -> None:
    assert shop("rate-card", "set", "narrow", "--currency", "CNY", "--models", '{"m2": {"input": "1"}}').code == 0
    for name, state in (("d1", "down"), ("d2", "up"), ("d3", "off")):
        words = ("--model", "m1", "--url", "http://127.0.0.1:9", "--engine", "vllm", "--allow-private")
        assert shop("deployment", "add", name, *words).code == 0
        if state == "off":
            shop("deployment", "change", name, "--no-enabled")
    hub.facts.join("h1/0/e", 1, 1)
    hub.facts.take(Facts("h1/0/e", 1, {}, {}, {}, {"d1": "down", "d2": "up"}))
    hub.unusable = lambda: {"d2": "The secret env:TOKENWORKS_SECRET_X cannot be read"}
    result = shop("doctor")
    assert result.code == 1
    assert "Deployment d1 is down." in result.out and "Deployment d3 is off." in result.out
    assert "Deployment d2 is unusable: The secret env:TOKENWORKS_SECRET_X cannot be read." in result.out
    assert findings(shop)["gateways"]["level"] == "error"


def test_a_master_key_that_is_gone(shop: Shell, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-live"))
    assert shop("secret", "set", "openai").code == 0
    assert "secrets" not in findings(shop)
    (shop.state / "secrets.key").unlink()
    found = findings(shop)["secrets"]
    assert found["level"] == "error" and "openai" in found["message"] and "secrets.key" in found["fix"]
