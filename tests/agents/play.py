"""One run of an agent: connected by our own command, in a home and a project of its own, and what it came to."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.agents.catalogue import HANG_S, RUN_S, SENTENCES, Agent
from tests.agents.mind import COPY, FILE, JOB, LINE
from tests.agents.trouble import trouble
from tests.clients.install import AGENT_LOCKS, Environment, install_node
from tests.clients.tap import Tap
from tests.clients.world import World

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
BIG = ("node_modules",)


class Run(NamedTuple):
    """What a run came to. `wrong` is "" when it is what it has to be; `shown` is what its user reads in the end."""

    agent: Agent
    case: str
    deployment: str
    wrong: str
    shown: str
    code: int | None  # None: it hung, and was ended
    seconds: float
    statuses: list[int]  # of what it asked for, in order; 0 for no answer


def play(world: World, agent: Agent, case: str, deployment: str) -> Run:
    """The agent does the job, or tries to, against the deployment of a dialect."""
    environment = install_node(agent.name, AGENT_LOCKS)
    model = f"scripted-{deployment}" if case == "job" else world.sell_again(deployment)
    tap = Tap(*world.utility.address)
    # Not in the usual temporary folder: Codex refuses to keep helpers there.
    with tempfile.TemporaryDirectory(prefix="run-", dir=environment.folder) as place, \
            trouble(world, case, model, agent.request_kb) as key:
        home, project = (Path(place).resolve() / name for name in ("home", "project"))
        home.mkdir()
        project.mkdir()
        env = {**environment.variables(home), **agent.env}
        connect(environment, env, agent, (tap.url, key, model))
        began_s = time.monotonic()
        code, output = start(agent.command(model, JOB.format(folder=project)), {**env, "TOKENWORKS_API_KEY": key},
                             project)
        seconds = time.monotonic() - began_s
        end_strays(home)
        made = {name: (project / name).read_text() if (project / name).exists() else None for name in (FILE, COPY)}
    tap.stop()
    wrong = judge(agent, case, made, (code, seconds), output)
    if case == "credit_ends" and not wrong:
        wrong = judge_cut(world, tap)
    return Run(agent, case, deployment, wrong, last_words(output), code, seconds, [one.status for one in tap.posts()])


def judge_cut(world: World, tap: Tap) -> str:
    """Whether an answer was really cut for want of credit."""
    served = [one.headers["x-request-id"] for one in tap.posts() if one.status == 200]
    outcomes = [world.utility.booked(request)["request"]["outcome"] for request in served]
    return "" if "cut" in outcomes else f"no answer was cut, but {outcomes}"


def connect(environment: Environment, env: dict[str, str], agent: Agent, where: tuple[str, str, str]) -> None:
    """Our own command writes the agent's settings; nothing else is set up."""
    url, key, model = where
    words = ["connect", agent.name, "--write", "--no-prove", "--url", url, "--key", key, "--model", model]
    done = subprocess.run([sys.executable, "-m", "tokenworks", *words], env={**os.environ, **env}, capture_output=True,
                          text=True, timeout=HANG_S, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"tokenworks {' '.join(words[:3])}: {done.stdout}{done.stderr}"


def start(command: list[str], env: dict[str, str], project: Path) -> tuple[int | None, str]:
    """(exit code, all that was printed); an agent that has not ended in time is ended with all its children."""
    program = shutil.which(command[0], path=env["PATH"])
    assert program is not None, command[0]
    with subprocess.Popen([program, *command[1:]], env=env, cwd=project, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=HANG_S)
            code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            code = None
    return code, ANSI.sub("", output)


def end_strays(home: Path) -> None:
    """Ends what a run has left running in its home: Cline leaves a daemon."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"HOME={home}\0".encode() in (place / "environ").read_bytes():
                os.kill(int(place.name), signal.SIGTERM)
        except OSError:  # not ours, or gone already
            pass


def judge(agent: Agent, case: str, made: dict[str, str | None], end: tuple[int | None, float], output: str) -> str:
    """"" when the run is what it has to be; `end` is its exit code and its seconds."""
    code, seconds = end
    if code is None:
        return f"it hung for {HANG_S} s: {output[-800:]}"
    if case == "job":
        if made != {FILE: f"{LINE}\n", COPY: f"{LINE}\n"}:
            return f"the files are {made}: {output[-1500:]}"
        if code:
            return f"exit code {code}: {output[-800:]}"
    if case != "job" and seconds > agent.patience.get(case, RUN_S):
        return f"{seconds:.0f} s: {output[-800:]}"
    words = {*SENTENCES[case], *(agent.words[part] for part in (case,) if part in agent.words)}
    flat = " ".join(output.split())
    return "" if any(word in flat for word in words) else f"it does not say {sorted(words)}: {output[-1500:]}"


def last_words(output: str) -> str:
    """The last lines that the user reads."""
    return " ".join(" ".join(output.split())[-400:].split())
