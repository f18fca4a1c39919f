"""The control process: everything of this host that needs the books, in one event loop and a few threads.

Read `Control.run` first. The order matters: the link opens before the books do, so that workers hear that these are not
reached; the public socket comes last, because the supervisor starts the workers when it answers.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import structlog
import uvloop
from starlette.types import ASGIApp

from tokenworks.clock import Clock, SystemClock, SystemDice
from tokenworks.control.admin import prepare_token
from tokenworks.control.door import Door
from tokenworks.control.hub import Hub
from tokenworks.control.leakage import ReadEngine
from tokenworks.control.watch import MakeExporter
from tokenworks.control.works import Works, WorksParts
from tokenworks.credit.messages import Answer, Ask, Order, ToControl
from tokenworks.errors import BooksUnreachable, Broken, CallerError, ConfigError, Conflict
from tokenworks.link.server import LinkServer, Peer
from tokenworks.operations.masterkey import KeyFile
from tokenworks.operations.sealing import Sealer
from tokenworks.operations.secret import SecretBook
from tokenworks.store.open import open_store
from tokenworks.store.ports import Store
from tokenworks.telemetry import set_level

BuildApp = Callable[[Hub], ASGIApp]

EXIT_FAILED, EXIT_REFUSED = 1, 2
LOCK_WAIT_S = 12  # the control process of a dead supervisor is gone by then
OPEN_RETRY_S = 1.0

_LOG = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class ControlConfig:
    """Plain values. `host` is this host's id, the first part of its writers' names; an empty `database_url` means
    SQLite in the state directory. `secrets` are the TOKENWORKS_SECRET_* variables."""

    state_dir: str
    host: str
    database_url: str = ""
    version: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_dirs: tuple[str, ...] = ()
    master_key_file: str = ""
    make_exporter: MakeExporter | None = None  # of traces and metrics, where the settings name a receiver


def run_control(
    config: ControlConfig, build_app: BuildApp, read_engine: ReadEngine, reread: Callable[[], str] | None = None
) -> int:
    """Serve run/private.sock and run/public.sock of the state directory until SIGTERM; the exit code.

    0 after SIGTERM, 2 when the settings or the state are refused (the reason is on standard error), 1 when a part of
    it has failed: the supervisor then starts it again. `reread` gives the log level as it is set when SIGHUP comes.
    """
    try:
        lock = _lock_state(Path(config.state_dir))
    except CallerError as error:
        print(f"tokenworks control: {error}", file=sys.stderr)
        return EXIT_REFUSED
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            process = Control(config, build_app, read_engine)
            process.reread = reread
            return runner.run(process.run())
    except (CallerError, Broken) as error:
        print(f"tokenworks control: {error}", file=sys.stderr)
        return EXIT_REFUSED
    finally:
        os.close(lock)


class Control:
    """One control process. `run` is its whole life."""

    def __init__(self, config: ControlConfig, build_app: BuildApp, read_engine: ReadEngine) -> None:
        self._config, self._build_app, self._read_engine = config, build_app, read_engine
        self._state_dir = Path(config.state_dir)
        self._clock: Clock = SystemClock()
        self._ending = asyncio.Event()
        self._exit_code = 0
        self._works: Works | None = None
        self._link: LinkServer | None = None
        self.reread: Callable[[], str] | None = None

    async def run(self) -> int:
        """Open, wait for the end, close in the opposite order; the exit code. Raises what refuses the state."""
        self._catch_signals()
        link = LinkServer(self._state_dir / "run" / "private.sock", self._take, self._lose)
        self._link = link
        digest = prepare_token(self._state_dir, SystemDice())
        await link.start()
        try:
            store = await self._open_store()
            if store is not None:
                await self._serve(store, link, digest)
        finally:
            link.close()
        return self._exit_code

    async def _serve(self, store: Store, link: LinkServer, digest: bytes) -> None:
        config = self._config
        seals = Sealer(KeyFile(self._state_dir, config.master_key_file))
        secrets = SecretBook(config.secrets, config.secret_dirs, seals, store.secrets)
        works = Works(WorksParts(
            store=store, link=link, clock=self._clock, host=config.host, state_dir=self._state_dir, secrets=secrets,
            read_engine=self._read_engine, fail=self._fail, version=config.version,
            make_exporter=config.make_exporter))
        hub = Hub(
            host=config.host, version=config.version, store=store, secrets=secrets, facts=works.facts,
            clock=self._clock, dice=SystemDice(), admin_digest=digest, started_at_ns=self._clock.now_ns(),
            books_reached=works.books_reached, leakage=works.leakage_rows, forget=works.forget_host,
            unusable=works.resolver.unusable, ailing=works.ailing)
        door = Door(self._build_app(hub), self._state_dir / "run" / "public.sock")
        try:
            await works.start()
            self._works = works
            for peer in list(link.peers.values()):
                peer.close()  # it spoke before there were books: it says Hello again
            await door.open()
            _LOG.info("control_ready", host=config.host)
            await self._ending.wait()
        finally:
            await door.close()
            self._works = None
            await works.stop()
            store.close()

    # --- the link ---

    def _take(self, peer: Peer, message: ToControl) -> None:
        if self._works is not None:
            self._works.courier.take(peer, message)
        elif isinstance(message, Ask):
            peer.send(Answer(message.id, message.account, books_reached=False))

    def _lose(self, peer: Peer) -> None:
        if self._works is not None:
            self._works.courier.lose(peer)

    # --- opening and ending ---

    async def _open_store(self) -> Store | None:
        """The store, as soon as it can be reached; None when we were told to end before."""
        url = self._config.database_url or f"sqlite:///{self._state_dir / 'books.db'}"
        while not self._ending.is_set():
            try:
                return await asyncio.to_thread(open_store, url)
            except BooksUnreachable as error:
                _LOG.warning("books_not_opened", why=str(error), retry_s=OPEN_RETRY_S)
            try:
                await asyncio.wait_for(self._ending.wait(), OPEN_RETRY_S)
            except TimeoutError:
                pass
        return None

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ending.set)
        loop.add_signal_handler(signal.SIGINT, self._ending.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        """Secrets in files may have changed, and what the workers of this host read."""
        try:
            if self.reread is not None:
                set_level(self.reread())
        except (ConfigError, OSError) as error:
            _LOG.error("reload_failed", why=str(error), kept="the settings in use")
        if self._works is not None:
            self._works.pusher.wake()
        if self._link is not None:
            self._link.broadcast(Order("reload"))

    def _fail(self) -> None:
        """One of our loops has ended: half a control process is none."""
        self._exit_code = EXIT_FAILED
        self._ending.set()


def _lock_state(state_dir: Path) -> int:
    """The lock of the one control process of a state directory, which the kernel drops with us; raises Conflict."""
    try:
        (state_dir / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(state_dir / "run" / "control.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"The state directory {state_dir} cannot be used: {error.strerror}.") from None
    clock, pause = SystemClock(), Event()
    end_ns = clock.mono_ns() + LOCK_WAIT_S * 1_000_000_000
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if clock.mono_ns() > end_ns:
                os.close(fd)
                raise Conflict(f"Another control process runs on the state directory {state_dir}. Stop it first.") \
                    from None
        pause.wait(0.1)
