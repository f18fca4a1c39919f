"""The supervisor over small real processes: order, restarts, signals, refusals, lifelines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# A stand-in for every part: notes its start, serves what its kind must, and ends on SIGTERM or with its lifeline.
PART = """
import os, signal, socket, sys
from tokenworks.up.lifeline import hold_lifeline
state, kind = sys.argv[1:3]
note = lambda what: open(os.path.join(state, "notes"), "a").write(f"{kind} {what} {os.getpid()}\\n")
fd = lambda name: int(sys.argv[sys.argv.index(name) + 1])
hold_lifeline(fd("--lifeline-fd"))
signal.signal(signal.SIGTERM, lambda *_: (note("term"), sys.exit(0)))
signal.signal(signal.SIGHUP, lambda *_: note("hup"))
note("start")
if os.path.exists(os.path.join(state, kind + ".exit")):
    print("the reason why", file=sys.stderr)
    sys.exit(int(open(os.path.join(state, kind + ".exit")).read()))
if kind == "control":
    listener = socket.socket(socket.AF_UNIX)
    path = os.path.join(state, "run", "public.sock")
    os.path.exists(path) and os.unlink(path)
    listener.bind(path)
    listener.listen()
    note("ready")
if kind == "gateway":
    listener = socket.socket(fileno=fd("--listen-fd"))
    while True:
        sock, _ = listener.accept()
        sock.sendall(str(os.getpid()).encode())
        sock.close()
while True:
    signal.pause()
"""
UP = """
import os, sys
from dataclasses import replace
from tokenworks.clock import SystemClock
from tokenworks.errors import ConfigError
from tokenworks.up.plan import Part, Plan
from tokenworks.up.supervisor import Supervisor
state, script = sys.argv[1:3]
plan = Plan(state_dir=state, host="127.0.0.1", port=0, workers=2, drain_s=1)
part = lambda name, label, socket=-1: Part(name, label, (sys.executable, script, state, name), socket=socket)
parts = [part("control", "control"), part("engine", "engine"), part("gateway", "g0", 0), part("gateway", "g1", 1),
         Part("task", "task", (sys.executable, "-c", "print('sold')"), once=True)]
say = lambda line: print(line, file=sys.stderr, flush=True)
supervisor = Supervisor(plan, parts, SystemClock(), say, logs=True)
def reread():
    path = os.path.join(state, "reload")
    if not os.path.exists(path):
        raise ConfigError("line 1: there is no setting like that")
    return replace(plan, tls=True, drain_s=9, workers=5)
supervisor.reread = reread
sys.exit(supervisor.run())
"""


class House:
    """A running supervisor over stand-in parts."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.mkdir()
        (folder / "part.py").write_text(textwrap.dedent(PART))
        (folder / "up.py").write_text(UP)
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        argv = [sys.executable, str(self.folder / "up.py"), str(self.state), str(self.folder / "part.py")]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def notes(self, *words: str) -> list[list[str]]:
        path = self.state / "notes"
        rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [row for row in rows if row[: len(words)] == list(words)]

    def wait(self, ready: Callable[[], object], seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, self.notes()
            time.sleep(0.01)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        assert self.process is not None
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out.decode(), err.decode()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.communicate()
    made.wait(lambda: not [row for row in made.notes() if row[1] == "start" and _alive(int(row[2]))])


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except OSError:
        return False


def test_starts_and_ends(house: House) -> None:
    house.start()
    house.wait(lambda: len(house.notes("gateway", "start")) == 2 and house.notes("engine", "start"))
    facts = json.loads((house.state / "run" / "up.json").read_text())
    assert facts["url"].startswith("http://127.0.0.1:")
    assert facts["workers"] == 2
    code, out, err = house.end()
    assert (code, out) == (0, "sold\n")
    assert "stopping" in err
    assert [row[:2] for row in house.notes()][:2] == [["control", "start"], ["control", "ready"]]
    ends = [row[0] for row in house.notes() if row[1] == "term"]
    assert ends == ["gateway", "gateway", "engine", "control"]
    assert not (house.state / "run" / "up.json").exists()


def test_fallen_restarted(house: House) -> None:
    house.start()
    house.wait(lambda: len(house.notes("gateway", "start")) == 2)
    os.kill(int(house.notes("gateway", "start")[0][2]), signal.SIGKILL)
    house.wait(lambda: len(house.notes("gateway", "start")) == 3)
    assert "(SIGKILL); starting it again in" in house.end()[2]


def test_hangup_forwarded(house: House) -> None:
    house.start()
    house.wait(lambda: len(house.notes("gateway", "start")) == 2 and house.notes("engine", "start"))
    assert house.process is not None
    house.process.send_signal(signal.SIGHUP)
    house.wait(lambda: len([row for row in house.notes() if row[1] == "hup"]) == 4)
    assert house.end(signal.SIGINT)[0] == 0


def test_reload_takes_settings(house: House) -> None:
    """The time of a drain and the address are taken anew; wrong settings change nothing, and the parts are told."""
    house.start()
    house.wait(lambda: len(house.notes("gateway", "start")) == 2)
    assert house.process is not None
    url = json.loads((house.state / "run" / "up.json").read_text())["url"]
    house.process.send_signal(signal.SIGHUP)
    house.wait(lambda: len(house.notes("gateway", "hup")) == 2)
    assert json.loads((house.state / "run" / "up.json").read_text())["url"] == url
    (house.state / "reload").touch()
    house.process.send_signal(signal.SIGHUP)
    house.wait(lambda: len(house.notes("gateway", "hup")) == 4)
    assert json.loads((house.state / "run" / "up.json").read_text())["url"] == url.replace("http:", "https:")
    _, _, err = house.end()
    assert "the settings in use stay: line 1" in err and "only a restart takes it: workers" in err


def test_lifeline_cut(house: House) -> None:
    house.start()
    house.wait(lambda: len(house.notes("gateway", "start")) == 2)
    house.end(signal.SIGKILL)
    house.wait(lambda: len([row for row in house.notes() if row[1] == "term"]) >= 4)


def test_refusal_ends_all(house: House) -> None:
    (house.state / "control.exit").write_text("2")
    house.start()
    assert house.process is not None
    _, err = house.process.communicate(timeout=15)
    assert house.process.returncode == 2
    assert b"control refuses to start; ending. \n  the reason why" in err
    assert [row[0] for row in house.notes()] == ["control"]


def test_unavailable_left_out(house: House) -> None:
    (house.state / "engine.exit").write_text("7")
    house.start()
    house.wait(lambda: len(house.notes("gateway", "start")) == 2 and house.notes("engine", "start"))
    time.sleep(0.6)
    err = house.end()[2]
    assert len(house.notes("engine", "start")) == 1
    assert "engine cannot run here; the rest goes on without it. \n  the reason why" in err


def test_second_instance(house: House) -> None:
    house.start()
    house.wait(lambda: house.notes("control", "ready"))
    assert house.process is not None
    argv = [sys.executable, str(house.folder / "up.py"), str(house.state), str(house.folder / "part.py")]
    second = subprocess.run(argv, capture_output=True, check=False)
    assert f"Process {house.process.pid} already runs on".encode() in second.stderr
