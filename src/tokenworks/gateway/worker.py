"""One gateway worker process: what it is made of, how it starts, what it does all the time, and how it ends.

The order of the end matters: readiness fails first, open requests go on, what is left is ended cleanly, credit goes
back, the journal is sealed, and only then the control process hears Bye.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog
import uvloop

from tokenworks.clock import Clock, Dice, SystemClock, SystemDice, encode_base32
from tokenworks.credit.messages import Bye
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.counting import TextCounter
from tokenworks.gateway.facts import StallMeter, build_facts
from tokenworks.gateway.ids import IdMint
from tokenworks.gateway.linkdesk import LinkDesk
from tokenworks.gateway.pool import Pool, Target
from tokenworks.gateway.reload import read_again, reload_files
from tokenworks.gateway.server import Server
from tokenworks.gateway.service import Gateway
from tokenworks.gateway.shared import Counter, Shared
from tokenworks.gateway.tls import server_context
from tokenworks.gateway.wheel import Wheel
from tokenworks.journal.disk import RealDisk
from tokenworks.journal.flusher import Flusher
from tokenworks.journal.writer import JournalWriter
from tokenworks.limits import CONNECTIONS_MAX, DRAIN_S, FACTS_INTERVAL_MS, WORKER_BYTES_MAX
from tokenworks.supply.tokens import TokenCounter
from tokenworks.telemetry import set_level

log = structlog.get_logger()
GC_THRESHOLD = (50_000, 50, 50)  # almost nothing here is cyclic; the default walks everything every 700 objects
END_GRACE_S = 2.0  # for the last bytes of what the end of a drain ended cleanly
EXIT_FAILED, EXIT_REFUSED = 1, 2
FILES_MAX = 2 * CONNECTIONS_MAX + 1024  # a client and an upstream each, and what a process has beside them
LIVE = ("durability", "drain_s", "tls_cert", "tls_key", "log_level")  # settings that SIGHUP changes
FIXED = ("state_dir", "listen_host", "listen_port")  # and those that it cannot


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """Plain values. `host_id` and `index` name the writer; a `listen_fd` below 0 means: bind host and port here."""

    state_dir: str
    host_id: str
    index: int = 0
    listen_fd: int = -1
    listen_host: str = "127.0.0.1"
    listen_port: int = 0
    durability: Literal["process", "disk"] = "process"
    drain_s: int = DRAIN_S
    tls_cert: str = ""
    tls_key: str = ""
    log_level: str = ""  # "" leaves it as it is


def run_worker(config: WorkerConfig, reread: Callable[[], WorkerConfig] | None = None) -> int:
    """Serve until SIGTERM has been obeyed; the exit code: 2 when the settings are refused.

    `reread` gives the settings as they stand when SIGHUP comes; it may raise ConfigError or OSError.
    """
    lift_limit()
    try:
        sock = open_socket(config)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            worker = Worker(config, SystemClock(), SystemDice())
            worker.reread = reread or worker.reread
            return runner.run(worker.run(sock))
    except OSError as error:
        log.error("gateway_refuses", why=str(error))
        return EXIT_REFUSED


def lift_limit() -> int:
    """Open files up to what the system lets us have: a stream takes two, and shells and systemd start us with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft != resource.RLIM_INFINITY and soft < FILES_MAX:
        log.warning("few_open_files", limit=soft, wanted=FILES_MAX, remedy="raise LimitNOFILE, or ulimit -Hn")
    return soft


def open_socket(config: WorkerConfig) -> socket.socket:
    """The listening socket: inherited from the supervisor, or bound here."""
    if config.listen_fd >= 0:
        sock = socket.socket(fileno=config.listen_fd)
        sock.setblocking(False)
        return sock
    family = socket.AF_INET6 if ":" in config.listen_host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((config.listen_host, config.listen_port))
    sock.listen(4096)
    sock.setblocking(False)
    return sock


class Worker:
    """All parts of one worker. `run` is its life; `start` and `stop` are for who has a loop already."""

    def __init__(self, config: WorkerConfig, clock: Clock, dice: Dice, counter: Counter | None = None) -> None:
        self.config = config
        self._clock, self._dice = clock, dice
        self._counter = counter
        self.reread: Callable[[], WorkerConfig] = lambda: config
        self._reloading = asyncio.Lock()
        self._left: asyncio.Future[None]
        self._beats = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, sock: socket.socket) -> None:
        """Open the journal, dial the control process, serve."""
        config, loop = self.config, asyncio.get_running_loop()
        state = Path(config.state_dir)
        writer = f"{config.host_id}/{config.index}/{encode_base32(self._clock.now_ns() // 1000, 11)}"
        journal = JournalWriter(RealDisk(state / "journal"), writer, self._clock, self._dice)
        budget = Budget(WORKER_BYTES_MAX)
        shared = self.shared = Shared(
            self._clock, loop, journal, budget, writer, IdMint("req", self._clock, self._dice))
        self.tokens = TokenCounter()
        shared.counter = self._counter or TextCounter(self.tokens)
        shared.disk_first = config.durability == "disk"
        shared.flusher = Flusher(journal, loop)
        self.wheel = Wheel(loop)
        self.pool = shared.pool = Pool(self.wheel)
        shared.book.outlets.retire = self.pool.retire
        gateway = Gateway(shared, Target(unix=str(state / "run" / "public.sock")))
        self.server = Server(gateway, budget, self.wheel, shared.mint.mint, self._clock)
        self.link = LinkDesk(shared, str(state / "run" / "private.sock"), os.getpid(), self._obey)
        tls = server_context(config.tls_cert, config.tls_key) if config.tls_cert else None
        shared.flusher.start()
        self.link.start()
        await self.server.listen(sock, tls)
        self.stall = StallMeter(loop, self._clock, shared.running)
        self._beat_timer = loop.call_later(FACTS_INTERVAL_MS / 1000, self._beat)
        log.info("gateway_started", writer=writer)

    async def run(self, sock: socket.socket) -> int:
        """Start, serve until told to leave, stop."""
        loop = asyncio.get_running_loop()
        self._left = loop.create_future()
        await self.start(sock)
        for number, act in ((signal.SIGTERM, self._leave), (signal.SIGINT, self._leave), (signal.SIGHUP, self._reload)):
            loop.add_signal_handler(number, act)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLD)
        self.stall.start()
        await self._left
        await self.stop()
        return 0

    async def stop(self, drain_s: float | None = None) -> None:
        """Drain, then end everything in order."""
        shared = self.shared
        shared.draining = True
        drain_s = self.config.drain_s if drain_s is None else drain_s
        serving = asyncio.create_task(self.server.drain(drain_s + END_GRACE_S))
        for flow in tuple(shared.running):
            flow.beat(shared.tick)  # what still runs goes on record
        await self._wait_running(drain_s)
        for flow in tuple(shared.running):
            flow.drain_over()
        await serving
        await self._wait_running(END_GRACE_S)
        self._beat_timer.cancel()
        self.stall.stop()
        shared.desk.return_all()
        await self.pool.close()
        shared.flusher.stop()
        shared.send(build_facts(shared, 0, 0, 0))
        position = shared.journal.close()
        shared.send(Bye(shared.writer, position))
        await asyncio.sleep(0)
        self.link.close()
        self.wheel.stop()
        self.tokens.close()
        shared.aside.close()
        log.info("gateway_ended", writer=shared.writer)

    async def _wait_running(self, wait_s: float) -> None:
        """Until nothing runs, streams that drain for nobody among them, or the time is over."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        while self.shared.running and loop.time() < until_s:
            await asyncio.sleep(0.02)

    # --- what happens all the time ---

    def _beat(self) -> None:
        shared = self.shared
        shared.wall_ns = self._clock.now_ns() - self._clock.mono_ns()
        self._beat_timer = shared.loop.call_later(FACTS_INTERVAL_MS / 1000, self._beat)
        self._beats += 1
        shared.desk.beat(FACTS_INTERVAL_MS, shared.connected)
        shared.send(build_facts(shared, self.server.connections, self.pool.connections, self.stall.worst_us))
        if self._beats % 2 == 0:
            shared.tick += 1
            for flow in tuple(shared.running):
                flow.beat(shared.tick)

    # --- orders ---

    def _obey(self, what: Literal["drain", "reload"]) -> None:
        if what == "drain":
            self._leave()
        else:
            self._reload()

    def _leave(self) -> None:
        if not self._left.done():
            self._left.set_result(None)

    def _reload(self) -> None:
        task = asyncio.create_task(self._take_settings())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_settings(self) -> None:
        """All that can change under running streams; the rest (address, state) takes a restart."""
        async with self._reloading:  # SIGHUP and the control process's order may come together
            fresh = await read_again(self.reread)
            if fresh is None or not await reload_files(self.server, self.pool, fresh.tls_cert, fresh.tls_key):
                return
            old, shared = self.config, self.shared
            self.config = replace(old, **{name: getattr(fresh, name) for name in LIVE})
            shared.disk_first = fresh.durability == "disk"
            if fresh.log_level:
                set_level(fresh.log_level)
            log.info("reloaded", changed=[name for name in LIVE if getattr(old, name) != getattr(fresh, name)],
                     restart=[name for name in FIXED if getattr(old, name) != getattr(fresh, name)])
