"""`tokenworks doctor`: what is in order and what is not, each finding with its cause and what to do."""

from __future__ import annotations

import shutil
import socket
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tokenworks.cli.client import RestClient, read_token
from tokenworks.cli.exits import Failed
from tokenworks.cli.starters import Flags, Starters
from tokenworks.language.speech import tell
from tokenworks.limits import DISK_FREE_BYTES_MIN

Level = Literal["ok", "warning", "error"]
LAG_BYTES_MAX = 16 * 1024 * 1024  # some seconds of the largest load that was measured
PRIVATE = ("*.token", "*.key", "*.hash", "books.db*", "journal/*")
LOG = "logs/control.log in the state directory"
_HEALTH: dict[str, Level] = {"up": "ok", "off": "ok", "unknown": "warning", "failing": "warning"}


class Finding(NamedTuple):
    """One line. `fix` is what to do, "" when nothing is to be done."""

    code: str
    level: Level
    message: str
    fix: str = ""


def examine(starters: Starters, flags: Flags) -> list[Finding]:
    """Every check; those of a running utility only where one runs."""
    settings = {name: value for name, value, _ in starters.settings(flags)}
    state = Path(str(settings["state.dir"]))
    found = [*_machine(state, starters), *_files(state), *_database(starters, flags)]
    place = starters.place(flags, "")
    running = Path(place.socket_path).exists() and _answers(place.socket_path)
    if not running:
        return [*found, Finding("running", "warning", f"Nothing runs on {state}.", "tokenworks up"),
                *_port(settings)]
    try:
        client = RestClient(place._replace(token=place.token or read_token(str(state))))
        return [*found, Finding("running", "ok", f"The control process answers on {state}."), *_books(client)]
    except Failed as error:
        return [*found, Finding("api", "error", str(error), error.hint)]


def lay_findings(found: Iterable[Finding]) -> Iterator[dict[str, str]]:
    """Rows of a table: what is to be done stands under what was found."""
    for one in found:
        yield {"level": tell(one.level), "code": one.code, "message": tell(one.message)}
        if one.fix:
            yield {"level": " ", "code": " ", "message": f"  {tell(f'to do: {one.fix}')}"}


def _machine(state: Path, starters: Starters) -> Iterator[Finding]:
    fault = starters.engine_fault()
    yield Finding("engine", "warning" if fault else "ok", fault or "The embedded engine can run here.",
                  "Install it with `make up`, or sell another source (tokenworks deployment add)." if fault else "")
    if not state.exists():
        yield Finding("state", "ok", f"{state} is made at the first start.")
        return
    open_to_others = stat.S_IMODE(state.stat().st_mode) & 0o077
    yield Finding("state", "error" if open_to_others else "ok",
                  f"{state} is open to others." if open_to_others else f"{state} is private.",
                  f"chmod 700 {state}" if open_to_others else "")
    free = shutil.disk_usage(state).free
    short = free < DISK_FREE_BYTES_MIN
    yield Finding("disk", "error" if short else "ok", f"{free // 1_000_000:,} MB are free for the journal.",
                  "Free disk space: work is refused below "
                  f"{DISK_FREE_BYTES_MIN // 1_000_000:,} MB." if short else "")


def _files(state: Path) -> Iterator[Finding]:
    """What holds a secret or a customer's figures is for nobody else, even where the directory was once open."""
    loose = [path.name for pattern in PRIVATE for path in state.glob(pattern)
             if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if loose:
        yield Finding("files", "error", f"Open to others: {', '.join(sorted(loose))}.", f"chmod -R go= {state}")


def _database(starters: Starters, flags: Flags) -> Iterator[Finding]:
    state = starters.schema(flags)
    if state in ("current", "new"):
        yield Finding("database", "ok", "The database is of this version." if state == "current"
                      else "The database is made at the first start.")
    elif state == "behind":
        yield Finding("database", "warning", "The database is of an older version.",
                      "It is brought up to date at the next start; back it up before.")
    else:
        yield Finding("database", "error", state, "Mend database.url, or the database it names.")


def _port(settings: Mapping[str, object]) -> Iterator[Finding]:
    host, port = str(settings["listen.host"]), int(str(settings["listen.port"]))
    with socket.socket() as probe:
        taken = port != 0 and probe.connect_ex(("127.0.0.1" if host == "0.0.0.0" else host, port)) == 0
    yield Finding("port", "error" if taken else "ok", f"Port {port} is taken." if taken else f"Port {port} is free.",
                  "Stop what listens there, or take another with --port." if taken else "")


def _books(client: RestClient) -> Iterator[Finding]:
    audit = client.call("GET", "/ledger/audit")
    yield Finding("ledger", "ok" if audit["balanced"] else "error",
                  "The books balance." if audit["balanced"] else "; ".join(map(str, audit["findings"])),
                  "" if audit["balanced"] else "Keep the state directory as it is; see `tokenworks ledger audit`.")
    yield Finding("suspense", "error" if audit["suspended"] else "ok",
                  f"{audit['suspended']} records wait in suspense.",
                  "tokenworks ledger suspense" if audit["suspended"] else "")
    gateways = client.call("GET", "/gateways")["data"]
    lost = [row["writer"] for row in gateways if row["state"] == "lost"]
    yield Finding("gateways", "error" if lost or not gateways else "ok",
                  f"Lost: {', '.join(lost)}." if lost else f"{len(gateways)} gateway workers sell.",
                  "Start that host again, or give it up: tokenworks gateway forget HOST" if lost else "")
    lag = sum(row["lag_bytes"] for row in gateways)
    if lag > LAG_BYTES_MAX:
        yield Finding("journal", "warning", f"{lag:,} bytes of journal are not in the books yet.",
                      f"Look again in a moment; else see {LOG}.")
    yield from _fleet(client)


def _fleet(client: RestClient) -> Iterator[Finding]:
    cards: list[dict[str, Any]] = list(client.pages("/rate-cards", {"limit": 500}))
    models = list(client.pages("/models", {"limit": 500}))
    for model in models:
        if not any(model["id"] in card["models"] or "*" in card["models"] for card in cards):
            yield Finding("price", "warning", f"No rate card prices {model['id']}: it cannot be sold.",
                          f"""tokenworks rate-card set {cards[0]["name"] if cards else "standard"} --currency CNY """
                          f"""--models '{{"{model["id"]}": {{"input": "4", "output": "16"}}}}'""")
    for row in client.pages("/deployments", {"limit": 500}):
        level = _HEALTH.get(row["state"], "error")
        yield Finding("deployment", level, f"Deployment {row['id']} is {row['state']}"
                      + (f": {row['why']}." if row["why"] else "."),
                      "" if level == "ok" else f"{_look(row)}, or: tokenworks deployment change {row['id']} "
                      "--no-enabled")
    closed = [row["id"] for row in client.pages("/secrets", {"limit": 500}) if not row["readable"]]
    if closed:
        yield Finding("secrets", "error", f"This host has no master key for the sealed secrets {', '.join(closed)}.",
                      "Put secrets.key back from its backup or another host, or: tokenworks secret set NAME")
    for row in client.call("GET", "/leakage")["data"][-5:]:
        if row["ppm"]:
            yield Finding("leakage", "warning", f"{row['deployment']}: engine and meter differ by {row['ppm']} ppm in "
                          "one hour.", "tokenworks request list --outcome client_gone")


def _look(row: Mapping[str, Any]) -> str:
    """Where the cause is to be seen."""
    if row["url"] == "embedded:":
        return "See logs/engine.log in the state directory"
    return "See why" if row["state"] == "unusable" else f"See whether {row['url']} answers"


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0
