"""One client against one deployment: its driver in its own environment, and what each case came to."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tests.clients.catalogue import FAILURES, KNOWN_NAMES, METHODS, TINY, Client, judge
from tests.clients.install import Environment, install_node, install_python
from tests.clients.tap import Tap
from tests.clients.world import World

DRIVERS = Path(__file__).resolve().parent / "drivers"
RUN_S = 300


class Row(NamedTuple):
    """A client that asked in `way` for what a deployment of one dialect makes: what each case came to, "" is right."""

    client: Client
    way: str
    deployment: str
    cases: dict[str, str]
    failures: dict[str, dict[str, Any]]  # the cases that had to fail: class, status, attempts, seconds


def prepare(client: Client) -> Environment:
    """The client's environment, with the drivers where they find its packages. Not while one of them runs."""
    environment = install(client)
    if is_node(client):
        shutil.copytree(DRIVERS, environment.folder / "drivers", ignore=shutil.ignore_patterns("*.py", "__pycache__"),
                        dirs_exist_ok=True)
    return environment


def install(client: Client) -> Environment:
    """The client's environment."""
    return (install_node if is_node(client) else install_python)(client.name)


def is_node(client: Client) -> bool:
    """Whether it runs in Node."""
    return client.driver.endswith(".mjs")


def play(world: World, client: Client, way: str, deployment: str) -> Row:
    """All cases of one pair."""
    environment = install(client)
    tap = Tap(*world.utility.address)
    asked = list(cases_of(world, client, way, deployment))
    with tempfile.TemporaryDirectory(prefix="tokenworks-client-") as home:
        variables = {**environment.variables(Path(home)), "TW_URL": tap.url, "TW_WAY": way,
                     "TW_CASES": json.dumps(asked),
                     "LLM_USER_PATH": f"{home}/llm", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        try:
            done = subprocess.run(command(client, environment), env=variables, cwd=home, capture_output=True, text=True,
                                  timeout=RUN_S, check=False, stdin=subprocess.DEVNULL)
            said, trouble = done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            said, trouble = (late.stdout or b"").decode(), f"not done after {RUN_S} s"
    tap.stop()
    told = {line["case"]: line for line in map(json.loads, filter(is_fact, said.splitlines()))}
    for line in asked:
        if line["case"] in told and line["case"] in FAILURES:
            told[line["case"]]["attempts"] = count_attempts(tap, line)
    return judged(client, way, deployment, [line["case"] for line in asked], told, trouble)


def judged(client: Client, way: str, deployment: str, cases: list[str], told: dict[str, Any], trouble: str) -> Row:
    """The row, from what the driver printed."""
    came_to = {case: judge(client, case, told[case]) if case in told else f"nothing was told: {trouble[-800:]}"
               for case in cases}
    failures = {case: {"class": one["error"]["classes"][0], "status": one["error"]["status"],
                       "attempts": one["attempts"], "seconds": one["seconds"]}
                for case, one in told.items() if case in FAILURES and "error" in one}
    return Row(client, way, deployment, came_to, failures)


def cases_of(world: World, client: Client, way: str, deployment: str) -> Any:
    """(case, method, key, model) of all that is to be tried."""
    model = KNOWN_NAMES[deployment] if way in client.known else f"scripted-{deployment}"
    keys = {"unknown_key": "tw_live_nobody", "no_credit": world.poor_key}
    plain = client.plain if deployment in TINY and way not in client.known else ()
    for case in (*client.work, *plain, *FAILURES):
        if case == "unknown_model" and way in client.known:
            continue  # it asks for no name that it does not know
        if case in client.patient and way != deployment:
            continue
        name = f"tiny-{deployment}" if case in plain else "no-such-model" if case == "unknown_model" else model
        yield {"case": case, "method": METHODS.get(case, case), "key": keys.get(case, world.utility.key), "model": name}


def command(client: Client, environment: Environment) -> list[str]:
    """The driver's command line. A module finds its packages from where it lies, so those in Node lie with them."""
    if is_node(client):
        return [str(environment.node), str(environment.folder / "drivers" / client.driver)]
    return [str(environment.python), str(DRIVERS / client.driver)]


def is_fact(line: str) -> bool:
    """Whether a line is one of ours, and not of a library that prints."""
    return line.startswith('{"case":')


def count_attempts(tap: Tap, line: dict[str, str]) -> int:
    """How often the client asked in this case: by its key, or by the model that nobody else asks for."""
    posts = [one for one in tap.posts()
             if (line["key"] in one.head if line["case"] != "unknown_model" else b"no-such-model" in one.body)]
    return len(posts)


def tally(rows: list[Row]) -> Counter[str]:
    """How many cases passed and failed."""
    return Counter("failed" if wrong else "passed" for row in rows for wrong in row.cases.values())
