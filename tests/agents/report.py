"""The tables of agents and of how they meet a refusal, for docs/reference/clients.md."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator

from tests.agents.catalogue import AGENTS, FAILURES, Agent
from tests.agents.play import Run
from tests.clients.install import AGENT_LOCKS, wanted_versions
from tests.clients.report import WAYS, table
from tests.clients.world import DIALECTS


def show(runs: list[Run]) -> str:
    """Both tables, as Markdown."""
    return "\n".join(["", *_jobs(runs), "", *_failures(runs), ""])


def _jobs(runs: list[Run]) -> Iterator[str]:
    yield (f"Run on {datetime.date.today().isoformat()}, set up by `tokenworks connect TOOL --write` alone. A cell "
           "tells whether the job was done, and the requests it took.")
    yield ""
    yield from table(("agent", "version", "speaks", *(f"{WAYS[dialect]} only" for dialect in DIALECTS)),
                     ([agent.title, wanted_versions(AGENT_LOCKS, agent.name)[agent.package], WAYS[agent.speaks],
                       *(_job(agent, dialect, runs) for dialect in DIALECTS)] for agent in AGENTS))
    wrong = [f"- {run.agent.title}, {run.case}, {run.deployment}: {' '.join(run.wrong.split())[:300]}"
             for run in runs if run.wrong]
    if wrong:
        yield from ("", "What did not come to what it had to:", "", *wrong)


def _job(agent: Agent, dialect: str, runs: list[Run]) -> str:
    found = next((run for run in runs if (run.agent.name, run.case, run.deployment) == (agent.name, "job", dialect)),
                 None)
    return "" if found is None else "**no**" if found.wrong else f"done, {len(found.statuses)}"


def _failures(runs: list[Run]) -> Iterator[str]:
    yield ("When it is refused: what the gateway answered (times how often), seconds until the agent had ended, its "
           "exit code, and whether its user reads our sentence or the agent's own.")
    yield ""
    yield from table(("agent", *(case.replace("_", " ") for case in FAILURES)),
                     ([agent.title, *(_failure(agent, case, runs) for case in FAILURES)] for agent in AGENTS))


def _failure(agent: Agent, case: str, runs: list[Run]) -> str:
    found = next((run for run in runs if (run.agent.name, run.case) == (agent.name, case)), None)
    if found is None:
        return ""
    answers = ", ".join(f"{status or 'no answer'} x {count}" for status, count in Counter(found.statuses).items())
    own = agent.words.get(case, "") in found.shown and case in agent.words
    words = "" if case == "credit_ends" else ", its own words" if own else ", our words"
    return f"{answers}; {found.seconds:.0f} s; {found.code}{words}" if not found.wrong else f"**{answers}**"
