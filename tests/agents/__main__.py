"""`python -m tests.agents`: real coding agents do a job through deployments of any dialect, or are refused.

Words choose agents (`codex`), cases (`case=job`) and dialects of deployments (`on=chat`); --docs writes the tables
into docs/reference/clients.md, for which all of them have to run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.agents.catalogue import AGENTS, FAILURES, SENTENCES, Agent
from tests.agents.mind import work
from tests.agents.play import Run, play
from tests.agents.report import show
from tests.clients.install import AGENT_LOCKS, install_node
from tests.clients.report import PAGE, splice
from tests.clients.world import DIALECTS, World

AT_A_TIME = 2


def main() -> int:
    """0 when every run came to what it had to."""
    parser = argparse.ArgumentParser(prog="python -m tests.agents", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--docs", action="store_true")
    asked = parser.parse_args()
    todo = chosen(asked.words)
    for name in dict.fromkeys(agent.name for agent, _, _ in todo):
        install_node(name, AGENT_LOCKS)
    with tempfile.TemporaryDirectory(prefix="tokenworks-agents-") as folder:
        world = World(Path(folder), work, workers=1)
        try:
            with ThreadPoolExecutor(AT_A_TIME) as pool:
                runs = list(pool.map(lambda one: told(play(world, *one)), todo))
            audit = world.utility.audit()
        finally:
            world.stop()
    wrong = [f"{dialect} was sent what it does not speak: {body[:600]}" for dialect, source in world.scripted.items()
             for body in source.wrong]
    wrong += [] if audit["balanced"] else [f"the books do not balance: {audit}"]
    print("\n".join(wrong))
    if asked.docs:
        splice(PAGE, "agents", show(runs))
    failed = sum(bool(run.wrong) for run in runs) + len(wrong)
    print(f"{len(runs) - sum(bool(run.wrong) for run in runs)} passed, {failed} failed")
    return 1 if failed else 0


def chosen(words: list[str]) -> list[tuple[Agent, str, str]]:
    """(agent, case, deployment): the job everywhere, failures where another dialect is spoken."""
    names = [word for word in words if "=" not in word]
    unknown = set(names) - {agent.name for agent in AGENTS}
    if unknown:
        raise SystemExit(f"no such agent: {', '.join(sorted(unknown))}. There are "
                         f"{', '.join(agent.name for agent in AGENTS)}.")
    cases = [word.removeprefix("case=") for word in words if word.startswith("case=")] or list(SENTENCES)
    places = [word.removeprefix("on=") for word in words if word.startswith("on=")]
    return [(agent, case, place) for agent in AGENTS if not names or agent.name in names
            for case in cases for place in (DIALECTS if case not in FAILURES else (foreign(agent),))
            if not places or place in places]


def foreign(agent: Agent) -> str:
    """The dialect of the deployment at which the agent meets its failures: not its own."""
    return "messages" if agent.speaks == "chat" else "chat"


def told(run: Run) -> Run:
    """A line for whoever watches; what went wrong in full."""
    print(f"{run.agent.name} {run.case} on {run.deployment}: {'no' if run.wrong else 'ok'}, {run.seconds:.1f} s, "
          f"answers {run.statuses}, exit {run.code}", flush=True)
    if run.wrong:
        print(f"  {run.wrong[:2000]}", flush=True)
    return run


if __name__ == "__main__":
    sys.exit(main())
