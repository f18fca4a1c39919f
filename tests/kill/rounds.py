"""One round: a load, a kill -9 in its midst, recovery; then the books are held against what every client really saw."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.load import Load, Seen
from tests.e2e.utility import MODEL, Utility, wait_for

from tokenworks.cli.exits import Failed
from tokenworks.units import parse_amount

VICTIMS = ("supervisor", "gateway", "control", "engine")
REQUESTS, CLIENTS = 60, 12
KINDS = ("chat", "chat_stream", "messages", "messages_stream", "responses")
RECOVER_S = 60


@dataclass
class Tally:
    """What the rounds came to."""

    rounds: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    booked: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0


def parts(utility: Utility) -> dict[str, list[int]]:
    """The running processes by name."""
    assert utility.process is not None
    found: dict[str, list[int]] = {"supervisor": [utility.process.pid]}
    for task in Path(f"/proc/{utility.process.pid}/task").glob("*/children"):
        for pid in map(int, task.read_text().split()):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            name = next((name for name in VICTIMS if name.encode() in words), "")
            found.setdefault(name, []).append(pid)
    return found


def run_round(utility: Utility, victim: str, dice: random.Random, tally: Tally) -> None:
    """One kill. Fails when anything does not hold afterwards."""
    seen = asyncio.run(_load_and_kill(utility, victim, dice))
    began_s = time.monotonic()
    if victim == "supervisor":
        assert utility.process is not None
        utility.process.wait(RECOVER_S)
        utility.launch()
    wait_for(lambda: serves(utility), RECOVER_S, lambda: f"does not serve after {victim} was killed: {utility.log()}")
    tally.slowest_s = max(tally.slowest_s, time.monotonic() - began_s)
    audit = settled(utility)
    assert audit["balanced"], audit["findings"]
    assert audit["suspended"] == 0, "a record could not be posted"
    check_requests(utility, seen, tally)
    check_wallet(utility)
    tally.rounds += 1


async def _load_and_kill(utility: Utility, victim: str, dice: random.Random) -> list[Seen]:
    load = Load(*utility.address, utility.key, MODEL, REQUESTS, CLIENTS, KINDS, 5, 24, dice.randrange(1 << 30))
    running = asyncio.ensure_future(load.run())
    await asyncio.sleep(dice.random() * 0.5)
    targets = parts(utility).get(victim, [])
    if targets:
        os.kill(dice.choice(targets), signal.SIGKILL)
    return await running


def serves(utility: Utility) -> bool:
    """A request is answered, and every worker's journal is followed."""
    try:
        seen = asyncio.run(Load(*utility.address, utility.key, MODEL, 2, 2, ("chat",)).run())
        rows = utility.client.call("GET", "/gateways")["data"]
    except (OSError, Failed):
        return False
    live = [row for row in rows if row["state"] == "live"]
    return all(one.status == 200 and one.whole for one in seen) and len(live) >= utility.workers


def settled(utility: Utility) -> dict[str, Any]:
    """The audit once no request is open: the dead worker's journal has been read to its end."""
    audit: dict[str, Any] = {}

    def ended() -> bool:
        rows = utility.client.call("GET", "/gateways")["data"]
        audit.update(utility.client.call("GET", "/ledger/audit"))
        return not any(row["lag_bytes"] for row in rows) and audit["open_requests"] == 0 and audit["held"] == {}

    wait_for(ended, RECOVER_S, lambda: f"requests stay open: {audit}")
    return audit


def check_requests(utility: Utility, seen: list[Seen], tally: Tally) -> None:
    """Whoever got any of an answer stands in the books, a whole answer with the usage that it showed."""
    for one in seen:
        whole = one.whole and one.status == 200
        state = "whole" if whole else "hung up" if one.hung_up else f"{one.status} {one.error.partition('(')[0]}"
        tally.seen[state] += 1
        if one.status != 200:
            continue
        story = utility.booked(one.request)
        tally.booked[story["request"]["outcome"]] += 1
        shown = shown_usage(one) if whole else None
        usage = story["usage"]
        if shown is not None:
            prompt = sum(usage.get(name, 0) for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h"))
            assert (prompt, usage.get("output", 0) + usage.get("reasoning", 0)) == shown, (one, story)
        charged = sum(parse_amount(share["amount"]["amount"], "CNY") for share in story["shares"]
                      if share["kind"] == "charged")
        assert charged == parse_amount(story["charged"]["amount"], "CNY")


def shown_usage(one: Seen) -> tuple[int, int] | None:
    """(prompt, completion) of a whole answer's own usage object."""
    if one.kind.endswith("_stream"):
        return None
    usage = json.loads(one.body)["usage"]
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"], usage.get("completion_tokens", 0)
    cached = usage.get("cache_read_input_tokens", 0) if one.kind.startswith("messages") else 0
    return usage["input_tokens"] + cached, usage["output_tokens"]


def check_wallet(utility: Utility) -> None:
    """No lot is below zero, and what is lent stands at gateways that live."""
    wallet = utility.client.call("GET", "/accounts/demo/wallet")
    for lot in wallet["lots"]:
        for side in ("spent", "lent", "available"):
            assert parse_amount(lot[side]["amount"], "CNY") >= 0, lot
