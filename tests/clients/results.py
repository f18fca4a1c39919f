"""What the last run of each pair came to, kept beside the environments: a run of one client renews its rows alone."""

from __future__ import annotations

import datetime
import json
from typing import Any, NamedTuple

from tests.clients.catalogue import CLIENTS, Client
from tests.clients.install import CACHE, LOCKS, wanted_versions
from tests.clients.play import Row

KEPT = CACHE / "results.json"
HELPERS = ("zod",)  # installed for a driver's sake, not tried


class Result(NamedTuple):
    """One pair: when and with which versions it ran, what each case came to ("" is right), how the refused ended."""

    client: str
    way: str
    deployment: str
    day: str
    versions: str
    cases: dict[str, str]
    failures: dict[str, dict[str, Any]]


def keep_rows(rows: list[Row]) -> list[Result]:
    """Adds what has just been run; all that is known then, of clients that are still tried in this version."""
    today = datetime.date.today().isoformat()
    new = [Result(row.client.name, row.way, row.deployment, today, show_versions(row.client), row.cases, row.failures)
           for row in rows]
    found = {place_of(one): one for one in [*load_results(), *new]}
    now = {client.name: show_versions(client) for client in CLIENTS}
    kept = [one for one in found.values() if now.get(one.client) == one.versions]
    KEPT.write_text(json.dumps(kept))
    return kept


def load_results() -> list[Result]:
    """What was kept."""
    return [Result(*one) for one in json.loads(KEPT.read_text())] if KEPT.exists() else []


def place_of(one: Result) -> tuple[str, str, str]:
    """What is tried: a client, in a dialect, against a deployment."""
    return one.client, one.way, one.deployment


def show_versions(client: Client) -> str:
    """What stands in its lock: the version, or versions by name where there are several."""
    found = {name: version for name, version in wanted_versions(LOCKS, client.name).items() if name not in HELPERS}
    return next(iter(found.values())) if len(found) == 1 else ", ".join(f"{name} {one}" for name, one in found.items())
