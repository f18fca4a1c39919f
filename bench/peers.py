"""Gateways of others, each in an environment of its own from a lock with hashes, made on demand in `.peers/`.

They do less: they neither authenticate accounts nor keep books (LiteLLM compares one master key). The routers know one
worker and choose it round robin; everything that they would do beside relaying is left at its default or off.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.contestants import KEY, Floor, answering, free_port
from bench.tools import BenchError, spawn

ROOT = Path(__file__).parent.parent
LOCKS = ROOT / "bench" / "locks"
CACHE = ROOT / ".peers"
STAMP = ".locked"
LITELLM = """
model_list:
  - model_name: bench
    litellm_params: {{model: openai/bench, api_base: "http://127.0.0.1:{mock_port}/v1", api_key: none}}
general_settings: {{master_key: {key}}}
"""


def install(name: str) -> Path:
    """The folder of a peer's programs; made anew when its lock has moved. Raises BenchError when it cannot be made."""
    lock, folder = LOCKS / f"{name}.txt", CACHE / name
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / STAMP
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"installing {name}", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
               "-r", str(lock)]
        for words in ([sys.executable, "-m", "venv", str(folder)], pip):
            if subprocess.run(words, check=False).returncode:
                raise BenchError(f"{name} cannot be installed from {lock.relative_to(ROOT)}; see above")
        stamp.write_text(digest)
    return folder / "bin"


class Peer(Floor):
    """One of them; `words` start it."""

    def start(self) -> None:
        programs = install(self.name)
        self.folder = tempfile.TemporaryDirectory(prefix=f"bench-{self.name}-")
        self.port = free_port()
        with open(Path(self.folder.name) / "log", "w") as log:
            self.process = spawn(self.words(programs), stderr=log, cwd=self.folder.name)
        answering(self)

    def words(self, programs: Path) -> list[str]:
        """The command line."""
        raise NotImplementedError

    def stop(self) -> None:
        super().stop()
        self.folder.cleanup()

    def routed(self, program: list[str]) -> list[str]:
        """Both routers understand the same options."""
        return [*program, "--host", "127.0.0.1", "--port", str(self.port), "--worker-urls",
                f"http://127.0.0.1:{self.mock_port}", "--policy", "round_robin", "--prometheus-port", str(free_port()),
                "--log-level", "error"]


class VllmRouter(Peer):
    """vLLM's router, in Rust."""

    name = "vllm-router"

    def words(self, programs: Path) -> list[str]:
        return self.routed([str(programs / "vllm-router")])


class SglangRouter(Peer):
    """SGLang's router, in Rust."""

    name = "sglang-router"

    def words(self, programs: Path) -> list[str]:
        return self.routed([str(programs / "sglang-router"), "launch"])


class LiteLLM(Peer):
    """LiteLLM's proxy, in Python: a master key, no database."""

    name = "litellm"

    def words(self, programs: Path) -> list[str]:
        config = Path(self.folder.name) / "config.yaml"
        config.write_text(LITELLM.format(mock_port=self.mock_port, key=KEY))
        return [str(programs / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(self.port),
                "--telemetry", "False"]


PEERS = {peer.name: peer for peer in (VllmRouter, SglangRouter, LiteLLM)}
SLOW = {LiteLLM.name: ("small", "large")}  # rows that it can be measured in at all, at a hundred requests a second
