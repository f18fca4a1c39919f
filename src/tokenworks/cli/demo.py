"""`tokenworks demo`: the whole product in a scratch state. Sells in every dialect, then holds the books to account."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenworks.cli.client import RestClient, read_token
from tokenworks.cli.exits import UNAVAILABLE, failed
from tokenworks.cli.sale import BODIES, open_shop, sell, wait_booked, wait_ready
from tokenworks.cli.starters import Place
from tokenworks.units import format_amount, parse_amount

ROUNDS = 3
START_S = 60


def run_demo(env: Mapping[str, str]) -> dict[str, Any]:
    """Sells and checks; `ok` only when every promise held."""
    with tempfile.TemporaryDirectory(prefix="tokenworks-demo-") as state, _serving(state, env) as url:
        client = RestClient(Place(f"{state}/run/public.sock", "", read_token(state)))
        shop = open_shop(client, state)
        first = wait_ready(client, url, shop)
        sold = [first, *(sell(url, shop, dialect) for _ in range(ROUNDS) for dialect in BODIES)]
        stories = wait_booked(client, [one.request for one in sold])
        return _judge(client, stories, wallet=client.call("GET", f"/accounts/{shop.account}/wallet"))


def _judge(client: RestClient, stories: list[dict[str, Any]], wallet: dict[str, Any]) -> dict[str, Any]:
    unit = "CNY"
    charged = sum(parse_amount(story["charged"]["amount"], unit) for story in stories)
    usage: dict[str, int] = {}
    for story in stories:
        for name, count in story["usage"].items():
            if isinstance(count, int):
                usage[name] = usage.get(name, 0) + count
    spent = sum(parse_amount(lot["spent"]["amount"], unit) for lot in wallet["lots"])
    audit = client.call("GET", "/ledger/audit")
    leakage = client.call("GET", "/leakage")["data"]
    ppm = max((abs(row["ppm"]) for row in leakage), default=0)
    ok = audit["balanced"] and spent == charged and ppm == 0 and all(story["basis"] == "reported" for story in stories)
    return {"ok": ok, "requests": len(stories), "usage": usage, "charged": format_amount(charged, unit),
            "currency": unit, "ledger_balanced": audit["balanced"], "leakage_ppm": ppm,
            **({} if ok else {"findings": audit["findings"], "spent": format_amount(spent, unit), "leakage": leakage})}


@contextmanager
def _serving(state: str, env: Mapping[str, str]) -> Iterator[str]:
    """`up` on a scratch state and a free port; ended at the end of the block."""
    words = [sys.executable, "-m", "tokenworks", "up", "--state", state, "--port", "0", "--workers", "1"]
    with open(f"{state}/up.log", "w+") as log:
        process = subprocess.Popen(words, env=dict(env), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield _wait_address(Path(state), process, Path(log.name))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_S)


def _wait_address(state: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(START_S * 20):
        if all((state / "run" / name).exists() for name in ("public.sock", "up.json")):
            return str(json.loads((state / "run" / "up.json").read_text())["url"])
        if process.poll() is not None:
            break
        threading.Event().wait(0.05)
    raise failed(f"The demo did not start: {log.read_text()[-800:]}", UNAVAILABLE)
