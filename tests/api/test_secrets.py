"""Sealed secrets from their sealing to their use: never shown, bound to one host, and the master key can be changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest
from starlette.testclient import TestClient

from tokenworks.clock import SystemDice
from tokenworks.control.endpoints import Resolver
from tokenworks.control.hub import Hub
from tokenworks.errors import Conflict
from tokenworks.operations.desk import Desk
from tokenworks.operations.masterkey import FILE_NAME, KeyFile
from tokenworks.operations.sealed import RotateMaster, SetSecret, rotate_master, set_secret
from tokenworks.operations.sealing import Sealer
from tokenworks.operations.secret import SecretBook
from tokenworks.store.ports import Store
from tokenworks.store.shapes import Kept, SecretRow

URL = "/api/v1/secrets"
TEXT = "sk-live-0123456789"


def seal(shop: TestClient, name: str = "up", **more: Any) -> dict[str, Any]:
    answer = shop.put(f"{URL}/{name}", json={"value": TEXT, **more})
    assert answer.status_code == 200, answer.text
    assert TEXT not in answer.text
    found: dict[str, Any] = answer.json()
    return found


def deploy(shop: TestClient, name: str = "d1", **more: Any) -> Any:
    return shop.post("/api/v1/deployments", json={
        "deployment": name, "model": "m1", "url": "http://127.0.0.1:9", "engine": "openai", "allow_private": True,
        "secret": "sealed:up", **more})


def credential(hub: Hub, tmp_path: Path, name: str = "d1") -> tuple[str, str]:
    """What a gateway would be given, and why it is given nothing."""
    resolver = Resolver(hub.secrets, tmp_path / "engine.json")
    found = resolver.resolve([hub.store.deployments.get(name).row])[name]
    assert found.deployment.enabled is bool(found.credential)
    return found.credential, resolver.unusable().get(name, "")


def test_sealed_and_used(shop: TestClient, hub: Hub, tmp_path: Path) -> None:
    found = seal(shop)
    assert found["reference"] == "sealed:up" and found["host"] == "" and found["readable"] is True
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert deploy(shop).status_code == 201
    assert credential(hub, tmp_path) == (TEXT, "")
    assert shop.get(f"{URL}/up").json()["host"] == "http://127.0.0.1:9", "the first that named it"
    listed = shop.get(URL)
    assert TEXT not in listed.text and [row["id"] for row in listed.json()["data"]] == ["up"]
    for path in tmp_path.iterdir():
        assert TEXT.encode() not in path.read_bytes(), path
    notes = shop.get("/api/v1/audit").text
    assert '"kind":"secret"' in notes and TEXT not in notes and "nonce" not in notes
    shop.put(f"{URL}/up", json={"value": "sk-new"})
    assert credential(hub, tmp_path) == ("sk-new", "")
    assert shop.get(f"{URL}/up").json()["host"] == "http://127.0.0.1:9", "it stays where it was"


def test_one_host(shop: TestClient, hub: Hub, tmp_path: Path) -> None:
    """A secret that was sealed for one host goes to no other, whatever a deployment says of it."""
    seal(shop, host="https://api.example.com/")
    refused = deploy(shop)
    assert refused.status_code == 422 and refused.json()["field"] == "secret"
    assert "https://api.example.com" in refused.json()["detail"]
    seal(shop, host="http://127.0.0.1:9")
    assert deploy(shop).status_code == 201
    moved = shop.patch("/api/v1/deployments/d1", json={"url": "http://127.0.0.2:9", "secret": "sealed:up"})
    assert moved.status_code == 422
    assert shop.put(f"{URL}/up", json={"value": TEXT, "host": "https://other.example"}).status_code == 409
    unbound = shop.put(f"{URL}/up", json={"value": TEXT, "host": ""})
    assert unbound.status_code == 409 and "d1" in unbound.json()["detail"], "it would serve its deployment no more"
    row = hub.store.deployments.get("d1").row
    hub.store.deployments.put(row.__class__(**{name: getattr(row, name) for name in row.__struct_fields__}
                                            | {"url": "http://127.0.0.3:9"}))  # by somebody in the books
    assert credential(hub, tmp_path) == (
        "", "The secret sealed:up cannot be read: it is sealed for http://127.0.0.1:9, not for http://127.0.0.3:9.")


@pytest.mark.parametrize(("name", "given", "field"), [
    ("up", {"value": ""}, "value"), ("up", {"value": "two words"}, "value"), ("up", {"value": "x" * 20_000}, "value"),
    ("up", {"value": "é"}, "value"), ("up", {"value": "a\nb"}, "value"), ("u p", {"value": "x"}, "secret"),
    ("x" * 65, {"value": "x"}, "secret"), ("up", {"value": "x", "host": "ftp://x"}, "host"),
    ("up", {"value": "x", "host": "https://a/path"}, "host"), ("up", {}, "value"), ("up", {"value": 5}, "value"),
])
def test_bad_input(shop: TestClient, tmp_path: Path, name: str, given: dict[str, Any], field: str) -> None:
    answer = shop.put(f"{URL}/{name}", json=given)
    assert answer.status_code == 422 and answer.json()["field"] == field, answer.text
    assert "two words" not in answer.text and "xxxxx" not in answer.text.replace("x" * 65, "")
    assert not (tmp_path / FILE_NAME).exists(), "a key is made when something is sealed"


def test_a_secret_that_is_not_there(shop: TestClient) -> None:
    assert deploy(shop).status_code == 404
    assert shop.get(f"{URL}/up").status_code == 404
    assert shop.delete(f"{URL}/up").status_code == 404


def test_removal(shop: TestClient, hub: Hub, tmp_path: Path) -> None:
    seal(shop)
    deploy(shop)
    refused = shop.delete(f"{URL}/up")
    assert refused.status_code == 409 and "d1" in refused.json()["detail"]
    shop.delete("/api/v1/deployments/d1")
    assert shop.delete(f"{URL}/up").json() == {"id": "up", "removed": True}
    assert shop.get(URL).json()["data"] == []


def test_rotation(shop: TestClient, hub: Hub, tmp_path: Path) -> None:
    for name in ("up", "other", "third"):
        seal(shop, name)
    deploy(shop)
    old = KeyFile(tmp_path).load()[0]
    before = {kept.row.id: kept.row.sealed for kept in hub.store.secrets.page().data}
    done = shop.post(f"{URL}/rotation", json={}).json()
    new = KeyFile(tmp_path).load()
    assert [one.id for one in new] == [done["key"]] and done["before"] == [old.id] and done["secrets"] == 3
    rows = {kept.row.id: kept.row for kept in hub.store.secrets.page().data}
    assert {row.key_id for row in rows.values()} == {done["key"]}
    assert all(rows[name].sealed != before[name] for name in before)
    assert credential(hub, tmp_path) == (TEXT, "")


def test_rotation_that_fails(shop: TestClient, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost: both keys are kept, all secrets open, and it can be done again."""
    seal(shop)
    deploy(shop)
    old = KeyFile(tmp_path).load()[0]
    with monkeypatch.context() as broken:
        broken.setattr(type(hub.store.secrets), "reseal", lambda *_: (_ for _ in ()).throw(OSError("power")))
        assert shop.post(f"{URL}/rotation", json={}).status_code == 500
    assert old in KeyFile(tmp_path).load() and credential(hub, tmp_path) == (TEXT, "")
    assert shop.post(f"{URL}/rotation", json={}).json()["secrets"] == 1
    assert len(KeyFile(tmp_path).load()) == 1 and credential(hub, tmp_path) == (TEXT, "")


def test_rotation_among_others(shop: TestClient, hub: Hub, tmp_path: Path) -> None:
    """A secret that another host seals while it goes on is sealed anew as well."""
    seal(shop)

    class Busy:
        """Somebody seals another secret between the reading and the transaction, so often."""

        def __init__(self, store: Store, times: int) -> None:
            self.shelf, self.times = store.secrets, times

        def page(self, *words: Any, **named: Any) -> Any:
            return self.shelf.page(*words, **named)

        def reseal(self, rows: list[Kept[SecretRow]]) -> int:
            if self.times:
                self.times -= 1
                seals, row = hub.secrets.seals, SecretRow(f"late{self.times}", "", "", b"", b"", 1, 1)
                self.shelf.add(seals.seal(row, TEXT, hub.dice, seals.keys.load()[-1]))
            return self.shelf.reseal(rows)

    def rotate(times: int) -> int:
        store = hub.store._replace(secrets=Busy(hub.store, times))  # type: ignore[arg-type]
        return rotate_master(Desk(store, hub.secrets, hub.clock, hub.dice, hub.dice), RotateMaster()).secrets

    assert rotate(2) == 3
    assert {kept.row.key_id for kept in hub.store.secrets.page().data} == {KeyFile(tmp_path).load()[0].id}
    with pytest.raises(Conflict):
        rotate(9)
    assert len(KeyFile(tmp_path).load()) == 2, "the old key is kept until it is done"


@pytest.mark.parametrize("first", ["sealing", "rotation"])
def test_a_key_in_use_is_not_dropped(shop: TestClient, hub: Hub, tmp_path: Path, first: str) -> None:
    """A rotation waits for who seals under the old key, and for another rotation: all that was sealed opens."""
    seal(shop)
    at_store, go = Event(), Event()

    class Slow:
        """What is written waits on its way into the books."""

        def __getattr__(self, name: str) -> Any:
            if name in ("add", "reseal"):
                at_store.set()
                go.wait(10)
            return getattr(hub.store.secrets, name)

    desk = Desk(hub.store, hub.secrets, hub.clock, SystemDice(), SystemDice())
    slow = desk._replace(store=hub.store._replace(secrets=cast(Any, Slow())))
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(set_secret, slow, SetSecret("late", TEXT)) if first == "sealing" \
            else pool.submit(rotate_master, slow, RotateMaster())
        assert at_store.wait(10)
        other = pool.submit(rotate_master, desk, RotateMaster())
        assert not wait([other], 0.3).done, "it waits"
        go.set()
        one.result(10), other.result(10)
    rows = [kept.row for kept in hub.store.secrets.page().data]
    assert {hub.secrets.seals.open(row) for row in rows} == {TEXT}
    assert [one.id for one in KeyFile(tmp_path).load()] == [row.key_id for row in rows[:1]]


def test_a_key_of_your_own(shop: TestClient, hub: Hub, tmp_path: Path) -> None:
    """secrets.master_key_file: the operator writes and rotates it; we only read it."""
    path = tmp_path / "outside.key"
    path.write_text("11" * 32 + "\n")
    path.chmod(0o400)
    seals = Sealer(KeyFile(tmp_path, str(path)))
    desk = Desk(hub.store, SecretBook({}, (), seals, hub.store.secrets), hub.clock, hub.dice, hub.dice)
    hub.secrets._seals = seals
    seal(shop)
    path.chmod(0o600)
    path.write_text("22" * 32 + "\n" + "11" * 32 + "\n")
    done = rotate_master(desk, RotateMaster())
    assert done.secrets == 1 and done.file == str(path) and done.key == hub.store.secrets.get("up").row.key_id
    path.write_text("22" * 32 + "\n")
    assert seals.open(hub.store.secrets.get("up").row) == TEXT
    assert not (tmp_path / FILE_NAME).exists()


def test_a_lost_key(shop: TestClient, hub: Hub, tmp_path: Path) -> None:
    """Wrong or missing: the deployment is unusable and says what to do; secrets can be sealed anew."""
    seal(shop)
    deploy(shop)
    (tmp_path / FILE_NAME).unlink()
    text, why = credential(hub, tmp_path)
    assert text == "" and str(tmp_path / FILE_NAME) in why and "tokenworks secret set up" in why
    assert shop.get(f"{URL}/up").json()["readable"] is False
    answer = shop.put(f"{URL}/up", json={"value": TEXT})
    assert answer.status_code == 409 and "openssl rand -hex 32" in answer.json()["detail"], answer.text
    (tmp_path / FILE_NAME).write_text("33" * 32 + "\n")
    (tmp_path / FILE_NAME).chmod(0o600)
    assert "does not hold" in credential(hub, tmp_path)[1]
    seal(shop)
    assert credential(hub, tmp_path) == (TEXT, "")
