"""The engine's process: what it writes down, who may ask it, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.supply.asking import ask
from tests.supply.conftest import PROGRAM, Running, needs_engine, start_engine

from tokenworks.errors import Broken
from tokenworks.supply.engine.bundle import BundledFile, check_bundle, read_bundle
from tokenworks.supply.engine.facts import EngineFacts, drop_facts, facts_path, read_facts, write_facts
from tokenworks.supply.engine.host import refuse_host


@pytest.fixture
def own_engine(tmp_path: Path) -> Running:
    """An engine that the test ends itself."""
    needs_engine()
    return start_engine(tmp_path)


def test_facts_are_private(engine: Running, tmp_path_factory: pytest.TempPathFactory) -> None:
    facts = engine.facts
    assert facts.url.startswith("http://127.0.0.1:") and len(facts.key) == 48
    assert (facts.model, facts.context_tokens) == ("tokenworks-tiny", 4096)
    assert facts.version[:2] == "20"


def test_facts_mode(own_engine: Running, tmp_path: Path) -> None:
    path = facts_path(str(tmp_path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    own_engine.end()


def test_key_is_needed(engine: Running) -> None:
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    assert ask(engine.facts, "/v1/chat/completions", body, key="wrong")[0] == 401
    assert ask(engine.facts, "/v1/chat/completions", body)[0] == 200
    assert ask(engine.facts, "/metrics", key="")[0] == 401
    assert ask(engine.facts, "/health", key="")[0] == 200


def test_nobody_sees_others(engine: Running) -> None:
    """/slots and /props would show other accounts' requests and the machine's paths."""
    assert ask(engine.facts, "/slots")[0] == 501
    assert "model_path" not in ask(engine.facts, "/v1/models")[1].decode()


def test_reload_changes_nothing(own_engine: Running) -> None:
    """SIGHUP goes to all parts of `up`: the engine's default would be to die in the middle of its streams."""
    own_engine.process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        own_engine.process.wait(0.3)
    assert ask(own_engine.facts, "/health", key="")[0] == 200
    own_engine.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_when_told(own_engine: Running, tmp_path: Path, number: signal.Signals) -> None:
    own_engine.process.send_signal(number)
    assert own_engine.process.wait(5) == 0
    assert not facts_path(str(tmp_path)).exists()
    os.close(own_engine.lifeline)


def test_leaves_with_lifeline(own_engine: Running, tmp_path: Path) -> None:
    os.close(own_engine.lifeline)
    assert own_engine.process.wait(5) == 0
    assert read_facts(str(tmp_path)) is None


def test_killed_engine_is_seen(own_engine: Running, tmp_path: Path) -> None:
    own_engine.end()
    assert facts_path(str(tmp_path)).exists()
    assert read_facts(str(tmp_path)) is None
    again = start_engine(tmp_path)
    assert read_facts(str(tmp_path)) == again.facts
    again.end()


def test_successor_keeps_facts(tmp_path: Path) -> None:
    """An engine that ends late does not remove what the next one has written."""
    facts = EngineFacts("http://127.0.0.1:1", "k", os.getpid(), "m", 1, 1, "v", 0)
    write_facts(str(tmp_path), facts)
    drop_facts(str(tmp_path), os.getpid() + 1)
    assert read_facts(str(tmp_path)) == facts
    drop_facts(str(tmp_path), os.getpid())
    assert read_facts(str(tmp_path)) is None


@pytest.mark.parametrize("text", ["", "{", '{"url": 1}'])
def test_broken_facts_are_none(tmp_path: Path, text: str) -> None:
    facts_path(str(tmp_path)).parent.mkdir()
    facts_path(str(tmp_path)).write_text(text)
    assert read_facts(str(tmp_path)) is None


def test_old_processor_is_refused(tmp_path: Path) -> None:
    needs_engine()
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor: 0\nflags\t\t: fpu sse2 avx fma\n")
    if os.uname().machine == "x86_64":
        assert "AVX2, F16C" in refuse_host(cpuinfo)
    cpuinfo.write_text("processor: 0\nflags\t\t: fpu avx2 fma f16c\n")
    assert refuse_host(cpuinfo) == ""


def test_missing_package_is_told(tmp_path: Path) -> None:
    """Without the wheel the process says what to install and ends with the code that is not started again."""
    hidden = "import importlib.util as u; u.find_spec = lambda name: None\n"
    broken = "import sys, importlib.util as u; u.find_spec = lambda name: u; sys.modules['xllamacpp'] = None\n"
    for program, said in ((hidden, "pip install"), (broken, "cannot run")):
        ended = subprocess.run([sys.executable, "-c", program + PROGRAM, str(tmp_path), "-1"], capture_output=True,
                               text=True, timeout=30, check=False)
        assert ended.returncode == 7
        assert said in ended.stderr and ended.stderr.count("\n") == 1
    assert read_facts(str(tmp_path)) is None


def test_taken_port_is_told(engine: Running, tmp_path: Path) -> None:
    port = engine.facts.url.rpartition(":")[2]
    program = PROGRAM.replace("lifeline_fd=int(sys.argv[2])", f"port={port}")
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path), "-1"], capture_output=True, text=True,
                           timeout=30, check=False)
    assert ended.returncode == 1
    assert "did not start" in ended.stderr


def test_bundle_is_whole() -> None:
    bundle = read_bundle()
    check_bundle(bundle)
    assert bundle.weights.stat().st_size < 3_000_000
    assert set(bundle.files) == {bundle.weights.name, "tokenizer.json"}


def test_other_weights_are_refused(tmp_path: Path) -> None:
    bundle = read_bundle()
    (tmp_path / bundle.weights.name).write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(Broken, match="not the file that was built"):
        check_bundle(bundle, tmp_path)
    with pytest.raises(Broken, match="no file"):
        check_bundle(type(bundle)("m", 1, 1, {"absent.gguf": BundledFile("00", 1)}), tmp_path)


def test_manifest_names_all() -> None:
    """What the manifest claims beyond the files is there to be read by people and by the build."""
    manifest = json.loads((read_bundle().weights.parent / "manifest.json").read_text())
    assert manifest["text"]["sha256"] and manifest["tokenizer"]["sha256"] and manifest["training"]["steps"] > 0
