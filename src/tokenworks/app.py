"""The composition root and entry point: settings become plain values, parts get what they need, words get starters."""

from __future__ import annotations

import json
import os
import re
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from tokenworks import __version__
from tokenworks.cli.starters import BuyerPlace, Flags, PartWords, Place, Starters
from tokenworks.clock import SystemClock, SystemDice
from tokenworks.config import Settings, find_language, find_shop, load_settings, read_environment
from tokenworks.errors import ConfigError, TokenworksError
from tokenworks.language.speech import tell
from tokenworks.up.lifeline import hold_lifeline
from tokenworks.up.plan import Plan, list_parts
from tokenworks.up.supervisor import Supervisor

TOKEN_VARIABLE = "TOKENWORKS_ADMIN_TOKEN"
DEFAULT_URL = "http://127.0.0.1:8400"
HOST_FILE = "host.id"
PRIVATE_UMASK = 0o077  # what we write is for nobody else: keys, books, journals, logs


def main() -> int:
    """The command `tokenworks`; its exit code."""
    if sys.argv[1:] in (["version"], ["--version"]):  # asked by scripts and prompts: not worth building all commands
        print(__version__)
        return 0
    return int(load("cli.main").run_cli(sys.argv[1:], list_starters()))


def list_starters() -> Starters:
    """What stands behind the words of the command line."""
    return Starters(
        up=start_up, gateway=start_gateway, control=start_control, engine=start_engine, settings=show_settings,
        place=find_place, buyer=find_buyer, language=choose_language,
        engine_fault=find_fault, schema=check_schema, scratch_env=scratch_environment,
        version=__version__)


def load(module: str) -> Any:
    """A part's module when it is asked for: a command must not wait for a database driver that it does not use."""
    return import_module(f"tokenworks.{module}")


def read_settings(flags: Flags) -> Settings:
    """Settings with these flags on top; raises ConfigError."""
    given = {name: value for name, value in flags.items() if name != "config"}
    return load_settings(given, str(flags.get("config") or ""))


def start_up(flags: Flags, demo: bool) -> int:
    """Everything on one port until told to stop."""
    plan = make_plan(flags, demo)
    os.umask(PRIVATE_UMASK)
    supervisor = Supervisor(plan, list_parts(plan), SystemClock(), _say, logs=True)
    supervisor.reread = partial(make_plan, flags, demo)
    return supervisor.run()


def make_plan(flags: Flags, demo: bool) -> Plan:
    """What `up` is to start, by the settings as they stand now."""
    settings = read_settings(flags)
    return Plan(
        state_dir=settings.state_dir, host=settings.listen_host, port=settings.listen_port,
        workers=settings.workers or os.cpu_count() or 1, drain_s=settings.drain_s, tls=bool(settings.tls_cert),
        engine=settings.engine, flags=_handed(settings), env=read_environment(),
        tasks=(("welcome", *(() if settings.engine else ("--no-engine",))),) if demo else ())


def start_control(flags: Flags, words: PartWords) -> int:
    """The control process of this host."""
    settings = _begin_part("control", flags, words)
    process = load("control.process")
    config = process.ControlConfig(state_dir=settings.state_dir, host=host_identity(settings.state_dir),
                           database_url=settings.database_url, version=__version__, secrets=settings.secrets,
                           secret_dirs=settings.secret_dirs, master_key_file=settings.master_key_file,
                           make_exporter=choose_exporter(settings))
    return int(process.run_control(config, load("api.app").build_app, load("supply.metrics").read_counts,
                                   lambda: read_settings(flags).log_level))


def choose_exporter(settings: Settings) -> Any:
    """What sends traces and metrics where the settings say, None for nowhere; raises ConfigError without its SDK."""
    if not settings.otel_endpoint:
        return None
    try:
        otel = load("control.otel")
    except ModuleNotFoundError as error:
        raise ConfigError(f"{settings.origins.get('otel.endpoint', 'otel.endpoint')}: otel.endpoint is set, but "
                          f"{error.name} is not installed. Install tokenworks[otel], or leave it empty.") from None
    return partial(otel.make_exporter, otel.OtelConfig(
        endpoint=settings.otel_endpoint, headers=settings.otel_headers, traces=settings.otel_traces,
        metrics=settings.otel_metrics, sample_percent=settings.otel_sample_percent,
        interval_s=settings.otel_interval_s))


def start_gateway(flags: Flags, words: PartWords) -> int:
    """One gateway worker."""
    settings = _begin_part(f"gateway-{words.number}", flags, words)
    worker = load("gateway.worker")

    def configure(settings: Settings) -> Any:
        return worker.WorkerConfig(
            state_dir=settings.state_dir, host_id=host_identity(settings.state_dir), index=words.number,
            listen_fd=words.listen_fd, listen_host=settings.listen_host, listen_port=settings.listen_port,
            durability=settings.durability, drain_s=settings.drain_s, tls_cert=settings.tls_cert,
            tls_key=settings.tls_key, log_level=settings.log_level)

    return int(worker.run_worker(configure(settings), lambda: configure(read_settings(flags))))


def start_engine(flags: Flags, words: PartWords) -> int:
    """The embedded engine."""
    settings = read_settings(flags)
    os.umask(PRIVATE_UMASK)
    child = load("supply.engine.child")
    return int(child.run_engine(child.EngineConfig(state_dir=settings.state_dir, lifeline_fd=words.lifeline_fd)))


def show_settings(flags: Flags) -> list[tuple[str, object, str]]:
    """(name, value, origin) of every setting."""
    return read_settings(flags).rows()


def find_place(flags: Flags, url: str) -> Place:
    """Where the API is: a URL with the token of the environment, or this machine's state directory."""
    token = read_environment().get(TOKEN_VARIABLE, "")
    if url:
        if not re.fullmatch(r"https?://[^/?#\s]+/?", url):
            raise ConfigError(f"--server: {url!r} is not the address of a gateway. Write http://host:port.")
        return Place("", url.rstrip("/"), token)
    state_dir = read_settings(flags).state_dir
    path = os.path.join(state_dir, "run", "public.sock")
    return Place(path, "", token or (load("cli.client").read_token(state_dir) if os.path.exists(path) else ""))


def find_buyer(url: str, key: str) -> BuyerPlace:
    """A buyer's address and key: as given, of the environment, else of the `up` and the demo shop of this machine."""
    env = read_environment()
    url, key = find_shop(env, url, key)
    home = Path(env.get("HOME") or "/")
    state_dir = Path(read_settings({}).state_dir)
    running, demo = state_dir / "run" / "up.json", state_dir / "demo.key"
    here = str(json.loads(running.read_text())["url"]) if os.access(running, os.R_OK) else ""
    url = url or here or DEFAULT_URL
    if not key and url == here and os.access(demo, os.R_OK):
        key = demo.read_text().strip()
    return BuyerPlace(url, key, home, env)


def choose_language() -> str:
    """What people at this shell are told in."""
    return find_language(read_environment())


def find_fault() -> str:
    """Why the embedded engine cannot run here, "" when it can."""
    return str(load("supply.engine.host").refuse_host())


def check_schema(flags: Flags) -> str:
    """The database's state against this version."""
    settings = read_settings(flags)
    books = Path(settings.state_dir) / "books.db"
    if not settings.database_url and not books.exists():
        return "new"
    store, migrate = load("store.database"), load("store.migrate")
    database = store.Database(store.open_engine(settings.database_url or f"sqlite:///{books}"), SystemClock())
    try:
        return str(migrate.inspect_schema(database))
    except TokenworksError as error:
        return str(error)
    finally:
        database.close()


def scratch_environment() -> dict[str, str]:
    """Our environment without our settings."""
    return {name: value for name, value in read_environment().items() if not name.startswith("TOKENWORKS_")}


def host_identity(state_dir: str) -> str:
    """This host's id, 8 hexadecimal digits; drawn once per state directory, the same for all its parts."""
    path = Path(state_dir) / HOST_FILE
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(SystemDice().draw(4).hex() + "\n")
        try:
            os.link(fresh, path)  # whole at once, and only the first of several parts that start together
        except FileExistsError:
            pass
        fresh.unlink()
    return path.read_text().strip()


def _begin_part(part: str, flags: Flags, words: PartWords) -> Settings:
    settings = read_settings(flags)
    os.umask(PRIVATE_UMASK)
    load("telemetry").start_logs(part, settings.log_level)
    if words.lifeline_fd >= 0:
        hold_lifeline(words.lifeline_fd)
    return settings


def _handed(settings: Settings) -> tuple[str, ...]:
    """The words by which a part reads the same settings as `up`."""
    words = ["--state", settings.state_dir]
    return tuple(words + (["--config", settings.file] if os.path.exists(settings.file) else []))


def _say(text: str) -> None:
    print(f"tokenworks: {tell(text)}", file=sys.stderr, flush=True)
