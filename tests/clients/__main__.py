"""`python -m tests.clients`: real clients against deployments of every dialect, and what they came to.

Words choose clients (`openai-py`), dialects of deployments (`on=chat`) and dialects of the client (`as=messages`);
--docs writes the tables into docs/reference/clients.md, from this run and from what earlier ones have left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.clients.catalogue import CLIENTS, KNOWN_NAMES, Client
from tests.clients.play import Row, play, prepare, tally
from tests.clients.report import PAGE, show, splice
from tests.clients.results import keep_rows
from tests.clients.world import DIALECTS, World

AT_A_TIME = 2


def main() -> int:
    """0 when every case came to what it had to."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--docs", action="store_true")
    asked = parser.parse_args()
    pairs = chosen(asked.words)
    for client in dict.fromkeys(client for client, _, _ in pairs):
        prepare(client)
    with tempfile.TemporaryDirectory(prefix="tokenworks-clients-") as folder:
        world = World(Path(folder))
        try:
            world.sell_tiny()
            with ThreadPoolExecutor(AT_A_TIME) as pool:
                rows = list(pool.map(lambda pair: told(play(world, *pair)), pairs))
            books = check_books(world)
        finally:
            world.stop()
    results = keep_rows(rows)
    if asked.docs:
        splice(PAGE, "clients", show(results))
    for trouble in books:
        print(trouble)
    came = tally(rows)
    print(f"{came['passed']} passed, {came['failed'] + len(books)} failed")
    return 1 if came["failed"] or books else 0


def chosen(words: list[str]) -> list[tuple[Client, str, str]]:
    """(client, its dialect, the deployment's), as the words say."""
    names = [word for word in words if "=" not in word]
    unknown = set(names) - {client.name for client in CLIENTS}
    if unknown:
        raise SystemExit(f"no such client: {', '.join(sorted(unknown))}. There are "
                         f"{', '.join(client.name for client in CLIENTS)}.")
    ways = [word.removeprefix("as=") for word in words if word.startswith("as=")]
    deployments = [word.removeprefix("on=") for word in words if word.startswith("on=")]
    return [(client, way, deployment) for client in CLIENTS if not names or client.name in names
            for way in client.ways if not ways or way in ways
            for deployment in DIALECTS if not deployments or deployment in deployments]


def told(row: Row) -> Row:
    """A line for whoever watches; what went wrong in full."""
    wrong = {case: why for case, why in row.cases.items() if why}
    print(f"{row.client.name} as {row.way} on {row.deployment}: {len(row.cases) - len(wrong)} of {len(row.cases)}",
          flush=True)
    for case, why in wrong.items():
        print(f"  {case}: {why[:900]}", flush=True)
    return row


def check_books(world: World) -> list[str]:
    """What the books say against what the upstreams have served: the same to the token, whoever asked in what way."""
    audit = world.utility.audit()
    found = [] if audit["balanced"] else [f"the books do not balance: {audit}"]
    booked = {row["model"]: row["usage"] for row in world.utility.client.call("GET", "/usage")["data"]}
    for dialect, source in world.scripted.items():
        names = (source.model, KNOWN_NAMES[dialect])
        have = [sum(booked.get(name, {}).get(kind, 0) for name in names) for kind in ("input", "cache_read", "output")]
        want = [sum(getattr(one.told, kind) for one in source.served) for kind in ("fresh", "cached", "output")]
        if have != want:
            found.append(f"{dialect}: booked {have}, served {want} (input, cached, output)")
        found += [f"{dialect} was sent what it does not speak: {wrong[:600]}" for wrong in source.wrong]
    return found


if __name__ == "__main__":
    sys.exit(main())
