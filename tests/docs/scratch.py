"""A Tokenworks for the pages to talk to: its own home, a free port, the demo shop open."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.e2e.utility import Utility

ADDRESS = "http://127.0.0.1:8400"
COMMAND_S = 60


class Scratch:
    """`run` runs what a page says, in one shell after another that hand on their variables."""

    def __init__(self, home: Path) -> None:
        self.place = home / "work"
        self.place.mkdir()
        state = home / ".local" / "state" / "tokenworks"
        state.mkdir(parents=True)
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("TOKENWORKS_", "XDG_", "OPENAI_", "ANTHROPIC_"))}
        self.env = {**env, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{env['PATH']}",
                    "TOKENWORKS_SECRET_OPENAI": "sk-not-a-real-key"}
        self.utility = Utility(state, workers=1, env={"TOKENWORKS_SECRET_OPENAI": "sk-not-a-real-key"}).start()
        self._exports = self.place / ".exports"
        self._port = free_port()

    def stop(self) -> None:
        """Ended in order."""
        self.utility.stop()

    def filled(self, text: str) -> str:
        """With the address, key and ids of this utility in place of those that stand in the page."""
        text = text.replace(ADDRESS, self.utility.url).replace("8443", str(self._port))
        text = re.sub(r"\btw_live_\w+", self.utility.key, text)
        for prefix, path in (("req", "/requests"), ("key", "/keys"), ("lot", "/accounts/acme/wallet")):
            if re.search(rf"\b{prefix}_[0-9a-z]{{20,}}", text):
                text = re.sub(rf"\b{prefix}_[0-9a-z]{{20,}}", self._newest(path), text)
        return text

    def run(self, place: str, script: str) -> str:
        """What the script prints; fails with all of it when it ends badly."""
        words = (f"set -euo pipefail\n[ ! -f {self._exports} ] || source {self._exports}\n{self.filled(script)}\n"
                 f"export -p > {self._exports}\n")
        done = subprocess.run(["bash", "-c", words], cwd=self.place, env=self.env, capture_output=True, text=True,
                              timeout=COMMAND_S, check=False)
        assert done.returncode == 0, f"{place}: exit code {done.returncode}\n{script}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def forget(self) -> None:
        """Variables that an earlier page has exported."""
        self._exports.unlink(missing_ok=True)

    def _newest(self, path: str) -> str:
        answer = self.utility.client.call("GET", path)
        rows = answer["lots"] if "lots" in answer else answer["data"]
        return str((rows[0] if path == "/requests" else rows[-1])["id"])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
