"""What real clients are installed from: a lock for each, with hashes, and no address of a registry."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.agents.catalogue import AGENTS
from tests.clients.catalogue import CLIENTS
from tests.clients.install import AGENT_LOCKS, LOCKS, check_locked, wanted_versions
from tests.clients.play import DRIVERS

NODE = [LOCKS / client.name for client in CLIENTS if client.driver.endswith(".mjs")] + [
    AGENT_LOCKS / agent.name for agent in AGENTS]
PYTHON = [client.name for client in CLIENTS if client.driver.endswith(".py")] + ["node"]


@pytest.mark.parametrize("name", PYTHON)
def test_python_locks(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    assert "://" not in text and "--index" not in text
    pins = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==(\S+)", text, re.M)
    assert text.count("--hash=sha256:") >= len(pins) > 0
    for package, version in wanted_versions(LOCKS, name).items():
        assert (package.partition("[")[0].lower(), version) in pins


@pytest.mark.parametrize("folder", NODE, ids=lambda folder: folder.name)
def test_node_locks(folder: Path) -> None:
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    wanted = wanted_versions(folder.parent, folder.name)
    assert packages[""]["dependencies"] == wanted
    for place, one in packages.items():
        assert "resolved" not in one and (place == "" or one.get("integrity", "").startswith("sha512-")), place
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_drivers_are_there() -> None:
    assert all((DRIVERS / client.driver).is_file() for client in CLIENTS)


def test_stranger_is_refused(tmp_path: Path) -> None:
    """What was installed otherwise than locked is taken away, and said."""
    folder, lock = tmp_path / "client", tmp_path / "package-lock.json"
    (folder / "node_modules").mkdir(parents=True)
    lock.write_text('{"packages": {"node_modules/a": {"version": "1.0.0", "integrity": "sha512-x"}}}')
    installed = folder / "node_modules" / ".package-lock.json"
    installed.write_text(lock.read_text())
    check_locked(folder, lock)
    installed.write_text(lock.read_text().replace("sha512-x", "sha512-y"))
    with pytest.raises(SystemExit, match="node_modules/a"):
        check_locked(folder, lock)
    assert not folder.exists()
